"""Turns a scenario into routes: one for each endpoint, egress and activity."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from stresser.model.cohort import Cohort
from stresser.model.endpoint import EndpointAddress, parse_url
from stresser.model.errors import ScenarioError
from stresser.model.lab import LabReady
from stresser.model.scenario import Activity, Egress, Endpoint, Scenario, Verify
from stresser.model.secrets import HeaderValues, Secret
from stresser.net.dial import Binding
from stresser.net.tls import TlsProfile, context_for
from stresser.net.trust import ChainJudge
from stresser.net.websocket import UpgradeRequest
from stresser.run.lab_plan import lab_listener
from stresser.session.route import Route, timers_for


class RouteBuilder:
    """Builds routes; a judge is shared by all that trust the same roots."""

    def __init__(
        self,
        scenario: Scenario,
        file: Path,
        headers: Mapping[str, HeaderValues],
        bindings: Mapping[str, Binding],
        lab: LabReady | None,
    ) -> None:
        self._scenario = scenario
        self._file = file
        self._headers = headers
        self._bindings = bindings
        self._lab = lab
        self._judges: dict[tuple[str, ...], ChainJudge] = {}

    def build(self) -> list[Route]:
        """All routes of the scenario.

        Raises:
            ScenarioError: one line for each CA file that cannot be used.
        """
        mistakes: dict[str, None] = {}
        routes: list[Route] = []
        for endpoint in self._scenario.endpoints:
            try:
                routes += self._of_endpoint(endpoint)
            except (OSError, ValueError) as exc:
                mistakes[self._mistake(endpoint, exc)] = None
        if mistakes:
            raise ScenarioError(*mistakes)
        return routes

    def _mistake(self, endpoint: Endpoint, exc: Exception) -> str:
        detail = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
        return (
            f"{self._file}: endpoints.{endpoint.name}.ca: {endpoint.ca} cannot be used as a PEM"
            f" file of root certificates: {detail}"
        )

    def _of_endpoint(self, endpoint: Endpoint) -> list[Route]:
        address = parse_url(endpoint.url)
        profile = self._profile(endpoint, address)
        for path in profile.ca_files:
            Path(path).open("rb").close()  # the kernel says best why a file cannot be read
        judge = self._judge(profile.ca_files)
        direct = Route(
            cohort=Cohort(endpoint.name, "", ""),
            host=address.host,
            port=address.port,
            binding=Binding(),
            server_name=self._server_name(endpoint, address),
            context=context_for(profile),
            judge=judge,
            request=self._request(endpoint, address),
            withhold_secret=self._withholds(endpoint),
            activity=Activity(),
            timeouts=self._scenario.timeouts,
        )
        return [
            self._through(direct, egress, activity)
            for egress in self._scenario.egresses
            for activity in self._scenario.activities
        ]

    def _through(self, direct: Route, egress: Egress, activity: Activity) -> Route:
        name = direct.cohort.endpoint
        host, port = direct.host, direct.port
        if self._lab is not None and (egress.lab is not None or not host):
            host, port = lab_listener(self._lab, name, egress.name if egress.lab else None)
        return replace(
            direct,
            cohort=Cohort(name, egress.name, activity.name),
            host=host,
            port=port,
            binding=self._bindings[egress.name],
            activity=activity,
            timers=timers_for(activity),
        )

    def _profile(self, endpoint: Endpoint, address: EndpointAddress) -> TlsProfile:
        ca_files = (
            [] if endpoint.ca is None else [str(self._file.parent / Path(endpoint.ca).expanduser())]
        )
        if address.is_lab and self._lab is not None:
            ca_files.append(self._lab.ca_file)
        return TlsProfile(
            require=endpoint.verify is Verify.REQUIRE,
            ca_files=tuple(ca_files),
            alpn=tuple(endpoint.alpn),
            version=endpoint.tls_version,
        )

    def _server_name(self, endpoint: Endpoint, address: EndpointAddress) -> str:
        if endpoint.sni is not None:
            return endpoint.sni
        if address.is_lab and self._lab is not None:
            return self._lab.server_name
        return address.host

    def _request(self, endpoint: Endpoint, address: EndpointAddress) -> UpgradeRequest | None:
        if address.scheme.value == "tls":
            return None
        host = self._server_name(endpoint, address) if address.is_lab else address.authority
        return UpgradeRequest(
            host=host,
            target=address.target,
            headers=self._headers[endpoint.name],
            subprotocols=endpoint.subprotocols,
        )

    def _withholds(self, endpoint: Endpoint) -> bool:
        secret = any(isinstance(v, Secret) for v in self._headers[endpoint.name].values())
        return secret and not endpoint.send_secrets_over_unverified_chain

    def _judge(self, ca_files: tuple[str, ...]) -> ChainJudge:
        if ca_files not in self._judges:
            self._judges[ca_files] = ChainJudge(ca_files)
        return self._judges[ca_files]
