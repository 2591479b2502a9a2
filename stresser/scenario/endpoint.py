"""Where an endpoint is, read from its URL: scheme, host, port, request target, lab behaviour.

Follows RFC 3986 (generic syntax) and RFC 6455 section 3 (`wss`: no fragment). Resolves nothing.
Names outside ASCII become A-labels by IDNA 2008 (RFC 5891) with the mapping of UTS 46, as
browsers do; the standard library's codec knows IDNA 2003 alone.
"""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import unquote

import idna
from msgspec import Struct

from stresser.model.units import shown
from stresser.scenario.lab_table import LabEndpoint
from stresser.scenario.plan import Scheme

DEFAULT_PORTS = {Scheme.WSS: 443, Scheme.TLS: 443, Scheme.WS: 80}
"""`tcp` has none."""
TOKENS = frozenset({"authorization", "cookie"})
"""Headers that say who asks."""
URL_PATTERN = "^(?:lab\\+)?(?:wss?|tls|tcp)://[^/?#]+"

_LONGEST_URL = 2048
_LONGEST_NAME = 253
_HIGHEST_PORT = 65535
_WRITE = 'write "wss://host/path" or "tls://host:443"'
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([^:]*))?", re.DOTALL)
_TARGET = re.compile(
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}|\$\{[A-Za-z_][A-Za-z0-9_]{0,127}\})*"
)
"""With gaps, which `before` of an endpoint fills."""
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_BEHAVIOUR = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_ARGUMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}){0,400}")


class EndpointAddress(Struct, frozen=True, kw_only=True):
    """One endpoint's URL, taken apart. A lab endpoint has no host and port until the lab runs."""

    scheme: Scheme
    host: str
    """Lower-case name in A-labels with no final dot, or an IP address without brackets."""
    port: int
    target: str
    """RFC 9112 request target, query included: `/connect?v=1`. Empty for `tls` and `tcp`."""
    behaviour: str | None = None
    """Of a lab endpoint: `echo`, `refuse`, ..."""
    argument: str = ""
    """Of a lab endpoint: the path without its first slash, %XX decoded."""

    @property
    def is_lab(self) -> bool:
        """The lab serves it."""
        return self.behaviour is not None

    @property
    def is_loopback(self) -> bool:
        """On this host itself: `localhost` (RFC 6761 section 6.3), or a loopback address."""
        address = ip_or_none(self.host)
        if address is None:
            return self.host == "localhost" or self.host.endswith(".localhost")
        return address.is_loopback

    @property
    def authority(self) -> str:
        """For the Host header (RFC 9110 section 7.2): the port only where it is not the usual."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == DEFAULT_PORTS.get(self.scheme)
        return host if is_usual else f"{host}:{self.port}"

    def lab_endpoint(self, name: str, tls_version: str | None = None) -> LabEndpoint:
        """What the lab is asked to serve for it. Only where `is_lab`."""
        if self.behaviour is None:
            raise TypeError(f"{name} is no lab endpoint")
        return LabEndpoint(
            name=name,
            scheme=self.scheme.value,
            behaviour=self.behaviour,
            argument=self.argument,
            tls_version=tls_version,
        )


def parse_url(url: str) -> EndpointAddress:
    """Read an endpoint's URL.

    Raises:
        ValueError: with one sentence that says what is wrong; it never repeats the URL's
            user or query, which may hold a secret.
    """
    if len(url) > _LONGEST_URL:
        raise ValueError(f"a URL has {_LONGEST_URL} characters at most, this one {len(url)}")
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(f"{shown_url(url)} is not a URL; {_WRITE}")
    written_scheme, authority, path, query, fragment = match.groups()
    if not url.isprintable() or " " in url:
        raise ValueError(f"{shown_url(url)} has a space or a control character in it")
    if fragment is not None:
        raise ValueError(f"{shown_url(url)} has a fragment, which is never sent; leave out #...")
    is_lab, scheme = _scheme(url, written_scheme)
    if "@" in authority:
        raise ValueError(
            f"{shown_url(url)} has a user in it; "
            'write headers = { Authorization = "env:NAME" } instead'
        )
    if is_lab:
        return _lab_address(url, scheme, authority, path, query)
    host, port = host_and_port(authority, DEFAULT_PORTS.get(scheme, 0))
    if not port:
        raise ValueError(f'{shown_url(url)} has no port; write for example "tcp://host:5222"')
    return EndpointAddress(
        scheme=scheme, host=host, port=port, target=_target(scheme, path, query or "")
    )


def shown_url(url: str) -> str:
    """A URL for a message: quoted, escaped, without the user and the query."""
    bare = re.sub(r"//[^/?#]*@", "//…@", url[:_LONGEST_URL])
    return shown(re.sub(r"\?.*", "?…", bare, flags=re.DOTALL))


def ascii_host_name(name: str) -> str:
    """A host name in lower case and A-labels, without its final dot.

    Raises:
        ValueError: with one sentence. An IP address is not a name.
    """
    lowered = (name if name.isascii() else _to_a_labels(name)).lower()
    bare = lowered.removesuffix(".")
    labels = bare.split(".")
    if len(bare) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{shown(name)} is not a host name")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        raise ValueError(f"{shown(name)} is not a host name: its last part is a number")
    return bare


def host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    """`host`, `host:port` or `[2001:db8::1]:port` in two.

    Raises:
        ValueError: with one sentence.
    """
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise ValueError(
            f"{shown(authority)} is not a host; an IPv6 address stands in brackets: "
            '"wss://[2001:db8::1]/path"'
        )
    host, port = match.groups()
    return _host(host), default_port if port is None else _port(port)


def authority_of(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _scheme(url: str, written: str) -> tuple[bool, Scheme]:
    lowered = written.lower()
    bare = lowered.removeprefix("lab+")
    if bare in set(Scheme):
        return lowered != bare, Scheme(bare)
    raise ValueError(f"{shown_url(url)}: the scheme {shown(written)} is not known; {_WRITE}")


def _lab_address(
    url: str, scheme: Scheme, authority: str, path: str, query: str | None
) -> EndpointAddress:
    argument = path.removeprefix("/")
    if (
        not _TARGET.fullmatch(query or "")
        or (query is not None and not scheme.is_websocket)
        or not _BEHAVIOUR.fullmatch(authority)
        or not _ARGUMENT.fullmatch(argument)
    ):
        raise ValueError(
            f'{shown_url(url)} is not a lab endpoint; write "lab+wss://echo" or '
            '"lab+wss://behaviour/argument"'
        )
    return EndpointAddress(
        scheme=scheme,
        host="",
        port=0,
        target=f"/{query or ''}",
        behaviour=authority,
        argument=unquote(argument),
    )


def _host(text: str) -> str:
    if not text:
        raise ValueError(f"the host is missing; {_WRITE}")
    if not text.startswith("["):
        address = ip_or_none(text)
        return ascii_host_name(text) if address is None else str(address)
    address = ip_or_none(text[1:-1])
    if address is None or address.version == 4 or "%" in text:  # noqa: PLR2004 - IP versions
        raise ValueError(f"{shown(text)} is not an IPv6 address (and has no zone)")
    return str(address)


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= _HIGHEST_PORT:
        raise ValueError(f"{shown(text)} is not a port; a port is a number from 1 to 65535")
    return int(text)


class RequestPlace(NamedTuple):
    """Where a request before a session goes."""

    host: str
    """Empty: where the session goes."""
    port: int
    target: str

    @property
    def authority(self) -> str:
        """For the Host header, as `EndpointAddress.authority`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[Scheme.WSS] else f"{host}:{self.port}"


def parse_request_url(url: str) -> RequestPlace:
    """Read `https://host[:port]/path`, or `/path` alone.

    Raises:
        ValueError: with one sentence, as `parse_url`.
    """
    if url.startswith("/"):
        path, mark, query = url.partition("?")
        return RequestPlace("", 0, _target(Scheme.WSS, path, mark + query))
    match = _URL.fullmatch(url)
    if match is None or match[1].lower() != "https" or match[5] is not None or "@" in match[2]:
        raise ValueError(
            f'{shown_url(url)} is not such a place; write "https://host/path", or "/path" at the'
            " endpoint itself"
        )
    host, port = host_and_port(match[2], DEFAULT_PORTS[Scheme.WSS])
    return RequestPlace(host, port, _target(Scheme.WSS, match[3], match[4] or ""))


def _target(scheme: Scheme, path: str, query: str) -> str:
    if not scheme.is_websocket:
        if path not in {"", "/"} or query:
            raise ValueError(
                f"a {scheme}:// URL ends with its host and port: nothing is sent over it"
            )
        return ""
    target = (path or "/") + query
    if not _TARGET.fullmatch(target):
        raise ValueError(
            f"{shown(path)} and its query hold a character that a URL must write as %XX "
            "(RFC 3986 section 2.1)"
        )
    return target


def is_address(text: str) -> bool:
    """An IP address and no name: nothing to resolve, no server name to send (RFC 6066)."""
    return ip_or_none(text.partition("%")[0]) is not None


def ip_or_none(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a text is, without its zone; None: it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _to_a_labels(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"{shown(name)} is longer than a host name can be")
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise ValueError(f"{shown(name)} is not an international host name (IDNA 2008)") from None
