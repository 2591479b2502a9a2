"""What a proxy is: where, how it is spoken to, and who may use it.

Read from a scenario's URL, where credentials must not stand. What HTTPS_PROXY says is read in
`proxy_environment.py`, where they may.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from stresser.model.proxy_login import UNNAMED_AUTH, ProxyAuth
from stresser.model.units import shown
from stresser.scenario.endpoint import authority_of, host_and_port
from stresser.scenario.secrets import Secret

FROM_ENVIRONMENT = "environment"
"""As an egress's `proxy`: what HTTPS_PROXY and its kin say."""
PAC = "pac:"
"""As an egress's `proxy`: the file or URL behind it says which proxies each endpoint has."""
PROXY_PATTERN = "^(?:environment|pac:.+|(?:https?|socks5h?)://[^/?#@]+:[0-9]{1,5}/?)$"
"""For JSON Schema, which has no words for schemes in other cases."""
LONGEST_CREDENTIAL = 255
"""Bytes (RFC 1929 section 2)."""

_WRITE = 'write for example "http://proxy.example.net:3128" or "socks5h://proxy.example.net:1080"'
_LONGEST_URL = 2048
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#@]*)/?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NO_PORT = 0


class ProxyScheme(StrEnum):
    """How a proxy is spoken to."""

    HTTP = "http"
    """CONNECT (RFC 9110 section 9.3.6)."""
    HTTPS = "https"
    """CONNECT inside TLS with the proxy."""
    SOCKS5 = "socks5"
    """RFC 1928; the endpoint's name is looked up by us, as curl does."""
    SOCKS5H = "socks5h"
    """RFC 1928; the endpoint's name is looked up by the proxy."""


SPEAK_HTTP = frozenset({ProxyScheme.HTTP, ProxyScheme.HTTPS})


class Proxy(Struct, frozen=True, kw_only=True):
    """One proxy. Its `repr` shows no credentials."""

    scheme: ProxyScheme
    host: str
    port: int
    user: Secret | None = None
    password: Secret | None = None
    auth: tuple[ProxyAuth, ...] = UNNAMED_AUTH
    """Of an HTTP proxy: how the login may be given, the strongest first."""

    @property
    def shows_password(self) -> bool:
        """Who reads along between here and the proxy may read the password."""
        is_bare = self.scheme is ProxyScheme.HTTP and ProxyAuth.BASIC in self.auth
        return is_bare and self.password is not None

    @property
    def looks_names_up(self) -> bool:
        """The endpoint's name is handed to the proxy, and no resolver of ours is asked."""
        return self.scheme is not ProxyScheme.SOCKS5

    def __str__(self) -> str:
        return f"{self.scheme}://{authority_of(self.host, self.port)}"


def is_chosen_later(proxy: str) -> bool:
    """Whether an egress's `proxy` names none itself: the environment does, or a PAC file."""
    return proxy == FROM_ENVIRONMENT or proxy.startswith(PAC)


def parse_proxy(url: str) -> Proxy:
    """Read the URL of an egress's `proxy`.

    Raises:
        ValueError: with one sentence; it never repeats what may be a credential.
    """
    if len(url) > _LONGEST_URL:
        raise ValueError(f"a URL has {_LONGEST_URL} characters at most, this one {len(url)}")
    if "@" in url:
        raise ValueError(
            f"{shown_proxy(url)} has a user in it; write"
            ' proxy_user = "env:NAME" and proxy_password = "env:NAME" instead'
        )
    match = _URL.fullmatch(url)
    if match is None or not url.isprintable() or " " in url:
        raise ValueError(f"{shown_proxy(url)} is not the URL of a proxy; {_WRITE}")
    scheme = parse_scheme(match[1])
    host, port = host_and_port(match[2], _NO_PORT)
    if port == _NO_PORT:
        raise ValueError(
            f"{shown_proxy(url)} has no port, and programs differ in what they take then; {_WRITE}"
        )
    return Proxy(scheme=scheme, host=host, port=port)


def auth_mistake(proxy: str, egress: Mapping[str, Any]) -> str | None:
    """What is wrong with the `proxy_auth` of an egress, as far as the file alone tells."""
    named = egress.get("proxy_auth")
    if not named or is_chosen_later(proxy):
        return None
    if parse_proxy(proxy).scheme not in SPEAK_HTTP:
        return "a SOCKS proxy asks for user and password alone; leave it out"
    if "proxy_user" in egress or ProxyAuth.NEGOTIATE in named:
        return None
    how = 'write proxy_user = "env:NAME" and proxy_password = "env:NAME"'
    return f"{', '.join(named)} needs a user and a password; {how}"


def parse_scheme(written: str) -> ProxyScheme:
    """Raises ValueError with one sentence where we do not speak it."""
    lowered = written.lower()
    if lowered in set(ProxyScheme):
        return ProxyScheme(lowered)
    known = ", ".join(ProxyScheme)
    raise ValueError(f"{shown(written)} is not a kind of proxy that is spoken here: {known} are")


def shown_proxy(url: str) -> str:
    """A proxy's URL for a message: quoted, escaped, without user, password and query."""
    scheme = _SCHEME.match(url)
    start = scheme[0] if scheme else ""
    rest = url[len(start) : _LONGEST_URL]
    if "@" in url:  # a password may hold any character, a slash or another @ as well
        rest = "…@" + url.rpartition("@")[2][:_LONGEST_URL]
    return shown(start + re.sub(r"[?#].*", "…", rest, flags=re.DOTALL))


def check_credential(value: str) -> None:
    """Raises ValueError with one sentence, the value left out, where no proxy can be sent it."""
    if not value:
        raise ValueError("the value is empty")
    if len(value.encode("utf-8", "surrogateescape")) > LONGEST_CREDENTIAL:
        raise ValueError(f"the value is longer than {LONGEST_CREDENTIAL} bytes")
    if any(ord(c) < ord(" ") or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("the value has a control character or an undecodable byte in it")
