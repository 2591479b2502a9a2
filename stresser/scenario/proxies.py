"""Which proxy each endpoint is reached by through each egress, credentials taken.

Reads no environment itself: the caller hands a mapping over (`os.environ`).
"""

from collections.abc import Mapping

from msgspec.structs import replace

from stresser.model.errors import ScenarioError
from stresser.model.units import escaped
from stresser.scenario.endpoint import parse_url
from stresser.scenario.plan import Egress, Endpoint, Scenario
from stresser.scenario.proxy_environment import proxy_from_environment
from stresser.scenario.proxy_url import (
    FROM_ENVIRONMENT,
    Proxy,
    ProxyScheme,
    check_credential,
    parse_proxy,
)
from stresser.scenario.secrets import Secret, variable_of

Proxies = Mapping[tuple[str, str], Proxy]
"""By endpoint and egress name; a way that is not in it is direct."""

_BASIC = frozenset({ProxyScheme.HTTP, ProxyScheme.HTTPS})


def resolve_proxies(scenario: Scenario, environment: Mapping[str, str], filename: str) -> Proxies:
    """The proxy of each way that has one.

    Raises:
        ScenarioError: one line for each variable that is missing or cannot be used.
    """
    mistakes: dict[str, None] = {}
    found: dict[tuple[str, str], Proxy] = {}
    for egress in scenario.egresses:
        if egress.proxy is None:
            continue
        try:
            found |= _of_egress(egress, scenario.endpoints, environment)
        except ValueError as error:
            mistakes[f"{escaped(filename)}: egresses.{egress.name}.{error}"] = None
    if mistakes:
        raise ScenarioError(*mistakes)
    return found


def _of_egress(
    egress: Egress, endpoints: list[Endpoint], environment: Mapping[str, str]
) -> dict[tuple[str, str], Proxy]:
    user = _credential("proxy_user", egress.proxy_user, environment)
    password = _credential("proxy_password", egress.proxy_password, environment)
    found: dict[tuple[str, str], Proxy] = {}
    for endpoint in endpoints:
        proxy = _chosen(egress, endpoint, environment)
        if proxy is None:
            continue
        if user is not None:
            proxy = replace(proxy, user=user, password=password)
        _check_basic(proxy)
        found[endpoint.name, egress.name] = proxy
    return found


def _chosen(egress: Egress, endpoint: Endpoint, environment: Mapping[str, str]) -> Proxy | None:
    if egress.proxy != FROM_ENVIRONMENT:
        return None if egress.proxy is None else parse_proxy(egress.proxy)
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


def _check_basic(proxy: Proxy) -> None:
    if proxy.scheme in _BASIC and proxy.user is not None and ":" in proxy.user.reveal():
        raise ValueError(
            f"proxy_user: in the environment variable {proxy.user.variable}, the user name has a"
            " colon in it, which HTTP's basic authentication cannot carry (RFC 7617 section 2)"
        )
