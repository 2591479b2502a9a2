"""Turns a scenario into routes: one for each endpoint, egress and activity."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from stresser import __version__
from stresser.model.cohort import Cohort, Pair
from stresser.model.errors import ScenarioError
from stresser.model.units import NS_PER_S
from stresser.net.dial import Binding
from stresser.net.hello_bytes import HelloNotMadeError, client_context, hello_facts
from stresser.net.https_request import HttpsRequest
from stresser.net.login_talk import LoginMemory
from stresser.net.mqtt import MqttLogin
from stresser.net.mqtt_packets import V3, V5
from stresser.net.proxy import ProxyHop
from stresser.net.reflector_hello import Introducer
from stresser.net.tls import ClientContext, TlsProfile, context_for
from stresser.net.trust import ChainJudge
from stresser.net.websocket import UpgradeRequest
from stresser.run.lab_plan import lab_listener
from stresser.scenario.endpoint import (
    EndpointAddress,
    RequestPlace,
    parse_request_url,
    parse_url,
)
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.lab_table import LabReady
from stresser.scenario.message_rules import gaps_of, json_to_say
from stresser.scenario.plan import (
    Activity,
    ActivityKind,
    Broker,
    Egress,
    Endpoint,
    FirstMessage,
    Scenario,
    Verify,
)
from stresser.scenario.proxies import Proxies
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import HeaderValues, Secret, variable_of
from stresser.scenario.wording import Wording
from stresser.session.opening import OpeningLine
from stresser.session.proxy_entries import ProxyEntries
from stresser.session.request_before import PlaceAsked, RequestBefore
from stresser.session.route import Route, timers_for
from stresser.session.wanted import Wanted

USER_AGENT = f"stresser/{__version__} (holds sessions to find out what drops them)"
"""Names the tool to whoever reads the logs of a service or of a proxy."""
_PROXY_ALPN = ("http/1.1",)
_LEVELS = {"3.1.1": V3, "5": V5}
_LONGEST_KEEP_ALIVE_S = 0xFFFF
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_HOW_HYBRID = "install cryptography 45 or later from PyPI, which brings an OpenSSL that does"


class RouteBuilder:
    """Builds routes; a judge is shared by all that trust the same roots."""

    def __init__(
        self,
        scenario: Scenario,
        file: Path,
        headers: Mapping[str, HeaderValues],
        bindings: Mapping[str, Binding],
        lab: LabReady | None,
        proxies: Proxies | None = None,
        introducers: Mapping[str, Introducer] | None = None,
        gaps: Mapping[str, Secret] | None = None,
    ) -> None:
        """`introducers`: of the endpoints that are reflectors, by name.

        `gaps`: what the environment puts into messages, by variable.
        """
        self._scenario = scenario
        self._file = file
        self._headers = headers
        self._bindings = bindings
        self._lab = lab
        self._introducers = introducers or {}
        self._gaps = gaps or {}
        self._proxies: Proxies = {} if proxies is None else proxies
        self._judges: dict[tuple[str, ...], ChainJudge] = {}
        self._logins: dict[tuple[str, Proxy], LoginMemory] = {}

    def build(self) -> list[Route]:
        """All routes of the scenario.

        Raises:
            ScenarioError: one line for each CA file that cannot be used.
        """
        mistakes: dict[str, None] = {}
        routes: list[Route] = []
        for egress in self._scenario.egresses:
            try:
                self._check_proxy_ca(egress)
            except (OSError, ValueError) as exc:
                place = f"egresses.{egress.name}.proxy_ca"
                mistakes[self._mistake(place, egress.proxy_ca, exc)] = None
        for endpoint in self._scenario.endpoints:
            try:
                routes += self._of_endpoint(endpoint)
            except HelloNotMadeError as exc:
                place = f"{self._file}: endpoints.{endpoint.name}.hello"
                mistakes[f"{place}: {exc}; leave it out, or {_HOW_HYBRID}"] = None
            except (OSError, ValueError) as exc:
                place = f"endpoints.{endpoint.name}.ca"
                mistakes[self._mistake(place, endpoint.ca, exc)] = None
        if mistakes:
            raise ScenarioError(*mistakes)
        return routes

    def _mistake(self, place: str, named: str | None, exc: Exception) -> str:
        detail = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
        return (
            f"{self._file}: {place}: {named} cannot be used as a PEM"
            f" file of root certificates: {detail}"
        )

    def _check_proxy_ca(self, egress: Egress) -> None:
        if egress.proxy_ca is not None:
            profile = self._proxy_profile(egress)
            _readable(profile.ca_files)
            context_for(profile)

    def _of_endpoint(self, endpoint: Endpoint) -> list[Route]:
        address = parse_url(endpoint.url)
        profile = self._profile(endpoint, address)
        _readable(profile.ca_files)
        context, server_name = self._context(address, profile), self._server_name(endpoint, address)
        direct = Route(
            cohort=Cohort(endpoint.name, "", ""),
            host=endpoint.address or address.host,
            port=address.port,
            binding=Binding(),
            family=_FAMILIES.get(endpoint.family or ""),
            server_name=server_name,
            context=context,
            hello=None if context is None else hello_facts(context, server_name),
            judge=self._judge(() if context is None else profile.ca_files),
            request=self._request(endpoint, address),
            before=self._before(endpoint, address),
            openings=tuple(self._opening(message) for message in endpoint.open),
            secrets=tuple(self._secrets(endpoint)),
            introducer=self._introducers.get(endpoint.name),
            withhold_secret=self._withholds(endpoint),
            activity=Activity(),
            timeouts=self._scenario.timeouts,
        )
        return [
            self._through(chosen, egress, activity)
            for egress in self._scenario.egresses
            for chosen in [self._chosen(direct, endpoint, egress)]
            for activity in self._scenario.activities
        ]

    def _chosen(self, direct: Route, endpoint: Endpoint, egress: Egress) -> Route:
        """With the proxies of one egress."""
        named = self._proxies.get((endpoint.name, egress.name))
        if named is None:
            return direct
        hops = tuple(
            None if one is None else self._hop(one, endpoint, egress) for one in named.entries
        )
        entries = None
        if named.chosen_by is not None:
            entries = ProxyEntries(Pair(endpoint.name, egress.name), named.chosen_by, hops)
        return replace(direct, proxy=hops[0], entries=entries)

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
            **self._to_broker(direct, activity),
            timers=timers_for(activity),
        )

    def _to_broker(self, direct: Route, activity: Activity) -> dict[str, Any]:
        """What an activity of MQTT changes: who asks for no subprotocol asks for its own."""
        if activity.kind is not ActivityKind.MQTT:
            return {}
        request = direct.request
        if request is not None and not request.subprotocols:
            request = msgspec.structs.replace(request, subprotocols=["mqtt"])
        endpoints = self._scenario.endpoints
        [broker] = (e.mqtt or Broker() for e in endpoints if e.name == direct.cohort.endpoint)
        return {"request": request, "openings": (), "mqtt": self._login(broker, activity)}

    def _login(self, broker: Broker, activity: Activity) -> MqttLogin:
        user, password = (
            None if text is None else self._gaps[variable_of(text) or ""]
            for text in (broker.user, broker.password)
        )
        # By default no session that we would hold on to is given up by the broker before.
        patient = activity.every + activity.timeout
        keep_alive = patient if broker.keep_alive is None else broker.keep_alive
        return MqttLogin(
            version=_LEVELS[broker.version],
            client_id=broker.client_id,
            keep_alive_s=min(-(-keep_alive // NS_PER_S), _LONGEST_KEEP_ALIVE_S),
            user=user,
            password=password,
        )

    def _hop(self, proxy: Proxy, endpoint: Endpoint, egress: Egress) -> ProxyHop:
        tls = self._proxy_profile(egress) if proxy.scheme is ProxyScheme.HTTPS else None
        said = self._user_agent(endpoint)
        user_agent = said if isinstance(said, str) else USER_AGENT
        login = self._logins.setdefault((egress.name, proxy), LoginMemory(proxy))
        return ProxyHop(proxy=proxy, user_agent=user_agent, tls=tls, login=login)

    def _proxy_profile(self, egress: Egress) -> TlsProfile:
        """Credentials and the endpoint's name go through it: the proxy's chain has to verify."""
        return TlsProfile(require=True, ca_files=self._files(egress.proxy_ca), alpn=_PROXY_ALPN)

    def _user_agent(self, endpoint: Endpoint) -> "str | Secret | None":
        headers = self._headers[endpoint.name]
        return next((v for name, v in headers.items() if name.lower() == "user-agent"), None)

    def _files(self, named: str | None) -> tuple[str, ...]:
        return () if named is None else (str(self._file.parent / Path(named).expanduser()),)

    def _profile(self, endpoint: Endpoint, address: EndpointAddress) -> TlsProfile:
        ca_files = list(self._files(endpoint.ca))
        if address.is_lab and self._lab is not None:
            ca_files.append(self._lab.ca_file)
        return TlsProfile(
            require=endpoint.verify is Verify.REQUIRE,
            ca_files=tuple(ca_files),
            alpn=tuple(endpoint.alpn),
            version=endpoint.tls_version,
            hello=endpoint.hello,
        )

    def _server_name(self, endpoint: Endpoint, address: EndpointAddress) -> str:
        if endpoint.sni is not None:
            return endpoint.sni
        if address.is_lab and self._lab is not None:
            return self._lab.server_name
        return address.host

    def _request(self, endpoint: Endpoint, address: EndpointAddress) -> UpgradeRequest | None:
        if not address.scheme.is_websocket:
            return None
        host = self._server_name(endpoint, address) if address.is_lab else address.authority
        headers = dict(self._headers[endpoint.name])
        if self._user_agent(endpoint) is None:
            headers["User-Agent"] = USER_AGENT
        return UpgradeRequest(
            host=host,
            target=address.target,
            headers=headers,
            subprotocols=endpoint.subprotocols,
        )

    def _before(self, endpoint: Endpoint, address: EndpointAddress) -> RequestBefore | None:
        before = endpoint.before
        if before is None:
            return None
        asked = parse_request_url(before.get or before.post or "")
        headers = {name: self._header(value) for name, value in before.headers.items()}
        if not any(name.lower() == "user-agent" for name in headers):
            headers["User-Agent"] = USER_AGENT
        body = self._wording(before.body)
        own_host = self._server_name(endpoint, address) if address.is_lab else address.authority
        is_secret = body.is_secret or any(isinstance(value, Secret) for value in headers.values())
        return RequestBefore(
            place=self._place_asked(endpoint, asked) if asked.host else None,
            request=HttpsRequest(
                method="GET" if before.post is None else "POST",
                host=asked.authority if asked.host else own_host,
                target=asked.target,
                headers=headers,
            ),
            body=body,
            home=(address.host, address.port),
            take={
                name: JsonPointer(place) if place.startswith("/") else place
                for name, place in before.take.items()
            },
            withhold_secret=is_secret and not endpoint.send_secrets_over_unverified_chain,
        )

    def _place_asked(self, endpoint: Endpoint, asked: RequestPlace) -> PlaceAsked:
        profile = TlsProfile(
            require=endpoint.verify is Verify.REQUIRE, ca_files=self._files(endpoint.ca)
        )
        return PlaceAsked(
            host=asked.host,
            port=asked.port,
            context=client_context(profile),
            judge=self._judge(profile.ca_files),
        )

    def _header(self, value: str) -> str | Secret:
        variable = variable_of(value)
        return value if variable is None else self._gaps[variable]

    def _opening(self, message: FirstMessage) -> OpeningLine:
        written = message.text if message.json is None else json_to_say(message.json)
        text = None if written is None else self._wording(written)
        wanted = None
        if message.expect is not None or message.pointer is not None:
            wanted = Wanted(
                text=self._wording(message.expect) if message.expect else None,
                pointer=None if message.pointer is None else JsonPointer(message.pointer),
            )
        return OpeningLine(
            message=text if message.binary is None else bytes.fromhex(message.binary),
            in_json=message.json is not None,
            wanted=wanted,
            within=message.within,
        )

    def _context(self, address: EndpointAddress, profile: TlsProfile) -> ClientContext | None:
        return client_context(profile) if address.scheme.has_tls else None

    def _wording(self, text: str) -> Wording:
        return Wording(text).with_secrets(self._gaps.__getitem__)

    def _secrets(self, endpoint: Endpoint) -> Iterator[Secret]:
        """What this endpoint is sent that is of the environment."""
        yield from (v for v in self._headers[endpoint.name].values() if isinstance(v, Secret))
        yield from (self._gaps[name] for name in gaps_of(endpoint))

    def _withholds(self, endpoint: Endpoint) -> bool:
        secret = endpoint.before is not None or any(True for _ in self._secrets(endpoint))
        # Without TLS the scenario has been asked already (`scenario/field_rules.py`).
        return secret and not endpoint.send_secrets_over_unverified_chain

    def _judge(self, ca_files: tuple[str, ...]) -> ChainJudge:
        if ca_files not in self._judges:
            self._judges[ca_files] = ChainJudge(ca_files)
        return self._judges[ca_files]


def _readable(paths: tuple[str, ...]) -> None:
    for path in paths:
        Path(path).open("rb").close()  # the kernel says best why a file cannot be read
