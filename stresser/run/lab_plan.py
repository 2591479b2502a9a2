"""What of a scenario the loopback lab is to serve."""

from stresser.scenario.endpoint import parse_url
from stresser.scenario.lab_table import LabEndpoint, LabPlan, LabReady, LabRoute
from stresser.scenario.plan import Scenario

_REFLECTS = "reflect"


def lab_reflectors(scenario: Scenario) -> list[str]:
    """The names of the endpoints that the lab is to serve as reflectors."""
    return [one.name for one in scenario.endpoints if parse_url(one.url).behaviour == _REFLECTS]


def lab_plan(scenario: Scenario, token: str | None = None) -> LabPlan | None:
    """The lab that a scenario needs; None when it needs none.

    `token`: by which sessions name themselves to its reflectors.
    """
    endpoints: list[LabEndpoint] = []
    routes: list[LabRoute] = []
    middleboxes = {e.name: e.lab for e in scenario.egresses if e.lab is not None}
    for endpoint in scenario.endpoints:
        address = parse_url(endpoint.url)
        if address.is_lab:
            endpoints.append(address.lab_endpoint(endpoint.name, endpoint.tls_version))
        routes += [
            LabRoute(
                egress=egress,
                endpoint=endpoint.name,
                upstream_host=None if address.is_lab else endpoint.address or address.host,
                upstream_port=None if address.is_lab else address.port,
            )
            for egress in middleboxes
        ]
    if not endpoints and not middleboxes:
        return None
    return LabPlan(endpoints=endpoints, middleboxes=middleboxes, routes=routes, token=token)


def lab_listener(ready: LabReady, endpoint: str, egress: str | None) -> tuple[str, int]:
    """Where the lab waits for an endpoint, directly (`egress` None) or behind a middlebox."""
    for address in ready.addresses:
        if address.endpoint == endpoint and address.egress == egress:
            return address.host, address.port
    raise LookupError(f"the lab has no listener for {endpoint} through {egress}")
