"""HTTPS_PROXY, ALL_PROXY and NO_PROXY, read as curl reads them. Reads no environment itself.

The rules are those of curl's manual (section ENVIRONMENT; CURLOPT_PROXY and CURLOPT_NOPROXY of
libcurl) and, where it is silent, of its source (lib/url.c `detect_proxy` and `parse_proxy`,
lib/noproxy.c): programs differ in them, and an engineer checks with curl.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import unquote

from stresser.scenario.endpoint import host_and_port, ip_or_none
from stresser.scenario.plan import Scheme
from stresser.scenario.proxy_url import (
    Proxy,
    ProxyScheme,
    check_credential,
    parse_scheme,
    shown_proxy,
)
from stresser.scenario.secrets import Secret

_VARIABLES = {
    # Lower case first; an empty variable is none. `http_proxy` is for what has no TLS, and has no
    # form in capitals: a CGI server's environment has that from whoever asks it.
    Scheme.WSS: ("wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    Scheme.TLS: ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    Scheme.WS: ("ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"),
    Scheme.TCP: ("all_proxy", "ALL_PROXY"),
}
_LONGEST = 65_536
_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(?:(.*)@)?([^/?#@]*)(?:[/?#].*)?", re.DOTALL)
_PORT, _TLS_PORT = 1080, 443
"""curl's defaults: 1080, and 443 for an https:// proxy."""
_TOKEN = re.compile(r"[ \t]*([^ \t,]*)[ \t]*(,*)")
_DIGITS = re.compile(r"[0-9]{1,4}")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def proxy_from_environment(
    scheme: Scheme, host: str, environment: Mapping[str, str]
) -> Proxy | None:
    """The proxy that curl would take to an endpoint; None: it would go there directly.

    `tls://` endpoints are treated as https:// ones, and `tcp://` ones have no variable of their
    own.

    Raises:
        ValueError: with one sentence that names the variable and not its value's credentials.
    """
    if is_exempt(host, no_proxy(environment)):
        return None
    variable, url = _first(environment, _VARIABLES[scheme])
    if not url:
        return None
    try:
        return _parse(variable, url)
    except ValueError as error:
        raise ValueError(
            f"the environment variable {variable} holds no proxy that can be used: {error}"
        ) from None


def names_proxy(scheme: Scheme, environment: Mapping[str, str]) -> bool:
    """Whether a variable names a proxy for endpoints of this scheme."""
    return bool(_first(environment, _VARIABLES[scheme])[1])


def no_proxy(environment: Mapping[str, str]) -> str:
    """The list of hosts that no proxy is taken to; empty: there is none."""
    return _first(environment, ("no_proxy", "NO_PROXY"))[1]


def is_exempt(host: str, no_proxy: str) -> bool:
    """Whether NO_PROXY names a host (without brackets).

    A name in the list covers itself and all below it, with or without a dot in front; an
    address, or a network in CIDR notation, covers hosts that are written as addresses. `*` alone
    covers all. Ports and other wildcards mean nothing.
    """
    if no_proxy == "*":
        return True
    address = ip_or_none(host)
    name = host.lower().removesuffix(".")
    for token in _tokens(no_proxy[:_LONGEST]):
        if _covers_name(token, name) if address is None else _covers_address(token, address):
            return True
    return False


def _tokens(no_proxy: str) -> list[str]:
    """Commas part them, blanks around are left out; a blank in between ends the list."""
    found: list[str] = []
    at = 0
    while at < len(no_proxy):
        match = _TOKEN.match(no_proxy, at)
        if match is None:
            break
        found.append(match[1])
        at = match.end()
        if not match[2]:
            break
    return [token for token in found if token]


def _covers_name(token: str, name: str) -> bool:
    suffix = token.lower().removesuffix(".").removeprefix(".")
    return bool(suffix) and (name == suffix or name.endswith(f".{suffix}"))


def _covers_address(token: str, address: _Address) -> bool:
    network, _, length = token.partition("/")
    base = ip_or_none(network)
    if base is None or base.version != address.version:
        return False
    digits = _DIGITS.match(length)
    bits = int(digits[0]) if digits else 0
    if bits > base.max_prefixlen:
        return False
    shift = base.max_prefixlen - (bits or base.max_prefixlen)  # /0 is the address alone
    return int(base) >> shift == int(address) >> shift


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """The first of these variables that is set and not empty."""
    return next(((name, value) for name in names if (value := environment.get(name))), ("", ""))


def _parse(variable: str, url: str) -> Proxy:
    match = _URL.fullmatch(url)
    if match is None or len(url) > _LONGEST:
        raise ValueError(f"{shown_proxy(url)} is not the URL of a proxy")
    scheme = parse_scheme(match[1] or ProxyScheme.HTTP)
    try:
        default_port = _TLS_PORT if scheme is ProxyScheme.HTTPS else _PORT
        host, port = host_and_port(match[3], default_port)
    except ValueError:
        raise ValueError(f"{shown_proxy(url)} has no host and port that can be dialled") from None
    user, password = _credentials(variable, match[2])
    return Proxy(scheme=scheme, host=host, port=port, user=user, password=password)


def _credentials(variable: str, written: str | None) -> tuple[Secret | None, Secret | None]:
    if not written:
        return None, None
    user, _, password = written.partition(":")
    for value in (user, password):
        if value:
            check_credential(unquote(value))
    return Secret(variable, unquote(user)), Secret(variable, unquote(password))
