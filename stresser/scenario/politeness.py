"""How much of a service that is not ours is asked for unless somebody says more on purpose."""

import ipaddress
from collections.abc import Sequence

from stresser.scenario.endpoint import parse_url
from stresser.scenario.plan import Endpoint, Sessions


def too_many_sessions(
    sessions: Sessions, endpoints: Sequence[Endpoint], egresses: int, activities: int
) -> str | None:
    """What is wrong with the sessions on one endpoint, with the correction; None: nothing."""
    wanted = sessions.count * egresses * activities
    if wanted <= sessions.max_per_endpoint:
        return None
    for endpoint in endpoints:
        if not is_own(endpoint):
            return (
                f"{sessions.count} for each egress ({egresses}) and activity ({activities}) make"
                f" {wanted} sessions on endpoint {endpoint.name}, more than max_per_endpoint ="
                f" {sessions.max_per_endpoint}; lower count, or if its owner agrees write"
                f" max_per_endpoint = {wanted} under [sessions]"
            )
    return None


def is_own(endpoint: Endpoint) -> bool:
    """The lab's or on loopback: no one else is bothered."""
    address = parse_url(endpoint.url)
    if address.is_lab:
        return True
    if endpoint.address is not None:
        return ipaddress.ip_address(endpoint.address).is_loopback
    return address.is_loopback
