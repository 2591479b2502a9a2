"""Which proxy each endpoint is reached by through each egress, credentials taken.

Reads no environment itself: the caller hands a mapping over (`os.environ`).
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from stresser.model.errors import ScenarioError
from stresser.model.proxy_login import ProxyAuth
from stresser.model.units import escaped, shown
from stresser.scenario.endpoint import parse_url
from stresser.scenario.pac_answer import PacAnswer, entries_of
from stresser.scenario.plan import Egress, Endpoint, Scenario
from stresser.scenario.proxy_environment import (
    is_exempt,
    names_proxy,
    no_proxy,
    proxy_from_environment,
)
from stresser.scenario.proxy_url import (
    FROM_ENVIRONMENT,
    PAC,
    SPEAK_HTTP,
    Proxy,
    check_credential,
    parse_proxy,
)
from stresser.scenario.secrets import Secret, variable_of


class ProxyList(Struct, frozen=True, kw_only=True):
    """Which proxies one endpoint is reached by through one egress, in the order of trying."""

    entries: tuple[Proxy | None, ...]
    """None: directly. One alone, where no PAC chose them."""
    chosen_by: PacAnswer | None = None
    """None: the scenario names the proxy, or a variable of the environment does."""

    @property
    def first(self) -> Proxy | None:
        """Which is tried first; None: directly."""
        return self.entries[0]


Proxies = Mapping[tuple[str, str], ProxyList]
"""By endpoint and egress name; a way that is not in it is direct."""
PacAnswers = Mapping[tuple[str, str], PacAnswer]
"""What a PAC said, by endpoint and egress name."""


def resolve_proxies(
    scenario: Scenario,
    environment: Mapping[str, str],
    filename: str,
    answers: PacAnswers = MappingProxyType({}),
) -> Proxies:
    """The proxies of each way that has some, and of each way that a PAC was asked about.

    Raises:
        ScenarioError: one line for each variable that is missing or cannot be used, and for each
            answer of a PAC that cannot be followed.
    """
    mistakes: dict[str, None] = {}
    found: dict[tuple[str, str], ProxyList] = {}
    for egress in scenario.egresses:
        if egress.proxy is None:
            continue
        try:
            found |= _of_egress(egress, scenario.endpoints, environment, answers)
        except ValueError as error:
            mistakes[f"{escaped(filename)}: egresses.{egress.name}.{error}"] = None
    if mistakes:
        raise ScenarioError(*mistakes)
    return found


def asks_pac(egress: Egress, endpoint: Endpoint, environment: Mapping[str, str]) -> bool:
    """Whether a PAC is to say how an endpoint is reached.

    Of `environment` this system's may, where no variable has the word.
    """
    address = parse_url(endpoint.url)
    if egress.proxy is None or address.is_lab:
        return False  # the lab is on this host's loopback, which no PAC means
    if egress.proxy != FROM_ENVIRONMENT:
        return egress.proxy.startswith(PAC)
    return not (
        names_proxy(address.scheme, environment) or is_exempt(address.host, no_proxy(environment))
    )


def _of_egress(
    egress: Egress,
    endpoints: list[Endpoint],
    environment: Mapping[str, str],
    answers: PacAnswers,
) -> dict[tuple[str, str], ProxyList]:
    user = _credential("proxy_user", egress.proxy_user, environment)
    password = _credential("proxy_password", egress.proxy_password, environment)
    found: dict[tuple[str, str], ProxyList] = {}
    for endpoint in endpoints:
        said = answers.get((endpoint.name, egress.name))
        entries = _entries(egress, endpoint, environment, said)
        if said is None and entries == (None,):
            continue
        ready = tuple(one and _logging_in(one, egress, user, password) for one in entries)
        found[endpoint.name, egress.name] = ProxyList(entries=ready, chosen_by=said)
    return found


def _logging_in(
    proxy: Proxy, egress: Egress, user: Secret | None, password: Secret | None
) -> Proxy:
    if user is not None:
        proxy = replace(proxy, user=user, password=password)
    if egress.proxy_auth is not None:
        proxy = replace(proxy, auth=tuple(one for one in ProxyAuth if one in egress.proxy_auth))
    _check_auth(proxy)
    return proxy


def _entries(
    egress: Egress, endpoint: Endpoint, environment: Mapping[str, str], said: PacAnswer | None
) -> tuple[Proxy | None, ...]:
    if said is None:
        return (_chosen(egress, endpoint, environment),)
    try:
        return entries_of(said.answer)
    except ValueError as error:
        raise ValueError(
            f"proxy: {shown(said.source)} says {shown(said.answer)} of {shown(said.url)}: {error}"
        ) from None


def _chosen(egress: Egress, endpoint: Endpoint, environment: Mapping[str, str]) -> Proxy | None:
    if egress.proxy is None or egress.proxy.startswith(PAC):
        return None
    if egress.proxy != FROM_ENVIRONMENT:
        return parse_proxy(egress.proxy)
    address = parse_url(endpoint.url)
    if address.is_lab:
        return None  # on this host's loopback, which no environment means
    try:
        return proxy_from_environment(address.scheme, address.host, environment)
    except ValueError as error:
        raise ValueError(f"proxy: {error}") from None


def _credential(key: str, written: str | None, environment: Mapping[str, str]) -> Secret | None:
    variable = None if written is None else variable_of(written)
    if variable is None:
        return None
    value = environment.get(variable)
    if value is None:
        raise ValueError(
            f"{key}: the environment variable {variable} is not set; export it before a run"
        )
    try:
        check_credential(value)
    except ValueError as error:
        raise ValueError(f"{key}: in the environment variable {variable}, {error}") from None
    return Secret(variable, value)


def _check_auth(proxy: Proxy) -> None:
    may_be_basic = proxy.scheme in SPEAK_HTTP and ProxyAuth.BASIC in proxy.auth
    if may_be_basic and proxy.user is not None and ":" in proxy.user.reveal():
        raise ValueError(
            f"proxy_user: in the environment variable {proxy.user.variable}, the user name has a"
            " colon in it, which HTTP's basic authentication cannot carry (RFC 7617 section 2)"
        )
