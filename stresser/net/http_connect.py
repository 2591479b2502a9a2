"""HTTP CONNECT: asks a proxy for a tunnel (RFC 9110 section 9.3.6).

The answer's status decides and its headers are evidence, so a head that is bounded and begins as
HTTP does is enough: proxies are sloppy in the rest.
"""

import re
from base64 import b64encode
from typing import NamedTuple, Protocol

from stresser.model.faults import ProtocolViolation, ProxyRefused
from stresser.net.http_head import (
    TELLING,
    header_fields,
    read_head,
    reason_phrase,
    status_line,
    telling_headers,
)
from stresser.scenario.endpoint import authority_of
from stresser.scenario.secrets import Secret

_LAYER = "proxy_http"
_STATUS = re.compile(rb"HTTP/1\.[01] ([2-5][0-9]{2})(?: |$)")


class Opened(NamedTuple):
    """The proxy's word that the way is open."""

    behind: bytes
    """What came behind its answer: already of the tunnel."""
    headers: dict[str, str]
    """Those that tell who it is, and through whom."""


class Channel(Protocol):
    """The connection with the proxy, bare or inside TLS with it."""

    async def send_all(self, data: bytes) -> None:
        """Send everything. A dead transport is left to the reader."""

    async def receive_some(self) -> bytes:
        """The next bytes, never none."""


async def connect_through_http(
    channel: Channel,
    host: str,
    port: int,
    user_agent: str,
    credentials: tuple[Secret, Secret] | None = None,
) -> Opened:
    """Ask for a tunnel to a name or address.

    Credentials go out unasked, as Basic (RFC 7617): a proxy that wants another scheme says so
    in its refusal.

    Raises:
        ProxyRefused: an answer other than 2xx.
        ProtocolViolation: an answer that is not HTTP, or whose head is too long.
        and what `channel.receive_some` raises.
    """
    authority = authority_of(host, port)
    lines = [
        f"CONNECT {authority} HTTP/1.1",
        f"Host: {authority}",
        f"User-Agent: {user_agent}",
        *([] if credentials is None else [f"Proxy-Authorization: {_basic(*credentials)}"]),
    ]
    await channel.send_all("\r\n".join([*lines, "", ""]).encode("latin-1"))
    head, behind = await read_head(channel.receive_some, _LAYER)
    status = _STATUS.match(status_line(head))
    if status is None:
        detail = f"no status that HTTP allows: {status_line(head)[:80]!r}"
        raise ProtocolViolation(_LAYER, detail, head)
    if not status[1].startswith(b"2"):
        raise _refusal(int(status[1]), head)
    return Opened(behind, telling_headers(header_fields(head), TELLING))


def _basic(user: Secret, password: Secret) -> str:
    pair = f"{user.reveal()}:{password.reveal()}"
    return "Basic " + b64encode(pair.encode()).decode("ascii")


def _refusal(status: int, head: bytes) -> ProxyRefused:
    headers = telling_headers(header_fields(head), TELLING)
    return ProxyRefused(f"proxy_http_{status}", status, reason_phrase(head), headers)
