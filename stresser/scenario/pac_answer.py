"""What a PAC file says of an endpoint: what it is asked, and how its answer is read. Pure.

`FindProxyForURL(url, host)` is given what browsers give it (Chromium, net/proxy_resolution): no
user, no path, no query. Its answer is a list of entries, parted by semicolons, tried in order.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from stresser.model.units import escaped, shown
from stresser.scenario.endpoint import EndpointAddress, authority_of, host_and_port
from stresser.scenario.proxy_url import PAC, Proxy, ProxyScheme

DIRECT = "direct"
LONGEST_ANSWER = 4096
_LONGEST_PLACE = 2048
_MOST_ENTRIES = 32
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://?")
_ENTRY = re.compile(r"([A-Za-z0-9]+)(?:[ \t]+(\S.*))?", re.DOTALL)
_ASKED_AS = {"wss": "wss", "ws": "ws", "https": "https"}
"""Any other scheme is asked for as https: a TLS connection."""
_PORTS = {"ws": 80}
_TLS_PORT = 443
_KINDS = {
    "PROXY": (ProxyScheme.HTTP, 80),
    "HTTP": (ProxyScheme.HTTP, 80),
    "HTTPS": (ProxyScheme.HTTPS, 443),
    # Browsers let a SOCKS 5 proxy look names up.
    "SOCKS5": (ProxyScheme.SOCKS5H, 1080),
}
_NOT_SPOKEN = {"SOCKS": "SOCKS 4", "SOCKS4": "SOCKS 4", "QUIC": "HTTP over QUIC"}


class PacAsk(NamedTuple):
    """What FindProxyForURL is asked."""

    url: str
    host: str


class PacAnswer(Struct, frozen=True, kw_only=True):
    """What a PAC file said of one endpoint through one egress."""

    source: str
    """The file or URL of the PAC; of this system's settings with their name before it."""
    url: str
    """What FindProxyForURL was asked for."""
    answer: str
    """What it returned; empty: nothing."""
    failure: str | None = None
    """Why the PAC could not be had: all is reached directly, as browsers do."""


def pac_place(text: str) -> str:
    """The file or URL of a `pac:`.

    Raises:
        ValueError: with one sentence; it never repeats what may be a credential.
    """
    place = text.removeprefix(PAC)
    if not place or len(place) > _LONGEST_PLACE or not place.isprintable():
        raise ValueError(
            'a PAC file is named as "pac:corp.pac" (relative to the scenario) or'
            ' "pac:http://wpad.example.net/wpad.dat"'
        )
    scheme = _SCHEME.match(place)
    if scheme is None:
        return place
    if scheme[1].lower() == "file":
        return _file_of(place)
    if scheme[1].lower() not in {"http", "https"}:
        raise ValueError(f"a PAC file is read by http, https or from a file, not {shown(place)}")
    if "@" in urlsplit(place).netloc:
        raise ValueError("a PAC's URL has no user and password in it; leave them out")
    try:
        host_and_port(urlsplit(place).netloc, _TLS_PORT)
    except ValueError as error:
        raise ValueError(f"{shown(place)} is not the URL of a PAC file: {error}") from None
    return place


def _file_of(url: str) -> str:
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or not path.startswith("/"):
        raise ValueError(f"{shown(url)} names no file of this host; write file:///etc/corp.pac")
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path  # file:///C:/corp.pac


def is_url(place: str) -> bool:
    """Whether a PAC is fetched, and not read from a file."""
    return place.lower().startswith(("http://", "https://"))


def pac_ask(address: EndpointAddress) -> PacAsk:
    """What FindProxyForURL is asked about an endpoint.

    Path and query may hold secrets: they are left out, of `ws://` too, where browsers pass them.
    """
    scheme = _ASKED_AS.get(address.scheme.value, "https")
    usual = address.port == _PORTS.get(scheme, _TLS_PORT)
    host = f"[{address.host}]" if ":" in address.host else address.host
    authority = host if usual else authority_of(address.host, address.port)
    return PacAsk(f"{scheme}://{authority}/", address.host)


def entry_name(entry: Proxy | None) -> str:
    """`http://proxy.example.net:8080`, or `direct`."""
    return DIRECT if entry is None else str(entry)


def said_words(source: str, answer: str, failure: str | None) -> str:
    """What a PAC said, for a reader: `corp.pac returned "PROXY p:8080; DIRECT"`."""
    file = escaped(source.removeprefix(PAC))
    if failure is not None:
        return f"the PAC file {file} {escaped(failure)}"
    return f"{file} returned {shown(answer, 200)}"


def entries_of(answer: str) -> tuple[Proxy | None, ...]:
    """The entries of an answer, in order; None: directly. An empty answer is that alone.

    An entry in a way of speaking that we lack is passed over where one before it names the same
    host and port: `SOCKS5 p:1080; SOCKS p:1080` is how scripts serve old and new browsers.

    Raises:
        ValueError: with one sentence, for what cannot be gone through.
    """
    parts = [part.strip() for part in answer.split(";")]
    parts = [part for part in parts if part]
    if len(parts) > _MOST_ENTRIES:
        raise ValueError(f"it names {len(parts)} proxies; {_MOST_ENTRIES} at most are tried")
    found: dict[Proxy | None, None] = {}
    for part in parts:
        kind, where = _taken_apart(part)
        if kind == "DIRECT":
            found[None] = None
            continue
        host, port = where
        known = any(one is not None and (one.host, one.port) == where for one in found)
        if kind in _NOT_SPOKEN and not known:
            raise ValueError(
                f"{shown(part)} is {_NOT_SPOKEN[kind]}, which is not spoken here:"
                " PROXY, HTTPS, SOCKS5 and DIRECT are"
            )
        if kind in _KINDS:
            found[Proxy(scheme=_KINDS[kind][0], host=host, port=port)] = None
    return tuple(found) or (None,)


def _taken_apart(part: str) -> tuple[str, tuple[str, int]]:
    match = _ENTRY.fullmatch(part)
    kind = "" if match is None else match[1].upper()
    if match is None or not (kind == "DIRECT" or kind in _KINDS or kind in _NOT_SPOKEN):
        raise ValueError(f'{shown(part)} is no entry of a PAC; such as "PROXY p:8080" or "DIRECT"')
    if kind == "DIRECT":
        if match[2] is not None:
            raise ValueError(f"{shown(part)}: DIRECT names no host")
        return kind, ("", 0)
    default_port = _KINDS[kind][1] if kind in _KINDS else 1080
    try:
        return kind, host_and_port(match[2] or "", default_port)
    except ValueError:
        raise ValueError(f"{shown(part)} has no host and port that can be dialled") from None
