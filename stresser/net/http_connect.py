"""HTTP CONNECT: asks a proxy for a tunnel (RFC 9110 section 9.3.6).

The answer's status decides and its headers are evidence, so a head that is bounded and begins as
HTTP does is enough: proxies are sloppy in the rest.
"""

import re
from typing import NamedTuple, Protocol

import trio

from stresser.model.faults import PeerFin, ProtocolViolation, ProxyRefused
from stresser.model.proxy_login import LoginFailed, LoginTrouble
from stresser.net.challenges import challenges_in
from stresser.net.http_body import skip_body
from stresser.net.http_head import (
    TELLING,
    header_fields,
    read_head,
    reason_phrase,
    status_line,
    telling_headers,
)
from stresser.net.login_talk import AnotherConnection, LoginTalk
from stresser.scenario.endpoint import authority_of

_LAYER = "proxy_http"
_WHO_ARE_YOU = "407"
_MOST_LEGS = 6
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
    channel: Channel, host: str, port: int, user_agent: str, talk: LoginTalk
) -> Opened:
    """Ask for a tunnel to a name or address, and say who we are where the proxy asks for it.

    Args:
        channel: to the proxy.
        host: to ask for.
        port: to ask for.
        user_agent: of the request.
        talk: what is said of who we are.

    Raises:
        ProxyRefused: an answer other than 2xx.
        AnotherConnection: `talk` goes on over a new one.
        ProtocolViolation: an answer that is not HTTP, or whose head is too long.
        and what `channel.receive_some` raises.
    """
    async with talk.turn():
        return await _connect(channel, authority_of(host, port), user_agent, talk)


async def _connect(channel: Channel, authority: str, user_agent: str, talk: LoginTalk) -> Opened:
    refusal: ProxyRefused | None = None
    for _ in range(_MOST_LEGS):
        field = await talk.field()
        try:
            head, behind = await _ask(channel, authority, user_agent, field)
        except (PeerFin, trio.BrokenResourceError):
            if refusal is None:
                raise
            raise await _elsewhere(talk, refusal) from None
        status = _status_of(head)
        if status.startswith("2"):
            talk.opened()
            return Opened(behind, telling_headers(header_fields(head), TELLING))
        refusal = _refusal(int(status), head)
        if status != _WHO_ARE_YOU:
            raise refusal
        await _hear(talk, head, refusal)
        if not await _is_usable(channel, head, behind):
            raise await _elsewhere(talk, refusal)
    refusal = refusal or _refusal(int(_WHO_ARE_YOU), b"")
    refusal.login = talk.told(LoginFailed(LoginTrouble.REFUSED))
    raise refusal


async def _ask(
    channel: Channel, authority: str, user_agent: str, login: str | None
) -> tuple[bytes, bytes]:
    lines = [
        f"CONNECT {authority} HTTP/1.1",
        f"Host: {authority}",
        f"User-Agent: {user_agent}",
        *([] if login is None else [f"Proxy-Authorization: {login}"]),
    ]
    await channel.send_all("\r\n".join([*lines, "", ""]).encode("latin-1"))
    return await read_head(channel.receive_some, _LAYER)


def _status_of(head: bytes) -> str:
    status = _STATUS.match(status_line(head))
    if status is None:
        detail = f"no status that HTTP allows: {status_line(head)[:80]!r}"
        raise ProtocolViolation(_LAYER, detail, head)
    return status[1].decode()


async def _hear(talk: LoginTalk, head: bytes, refusal: ProxyRefused) -> None:
    try:
        await talk.hear(challenges_in(head))
    except LoginFailed as failed:
        refusal.login = talk.told(failed)
        raise refusal from failed


async def _is_usable(channel: Channel, head: bytes, behind: bytes) -> bool:
    """The next request can go over the same connection."""
    try:
        return await skip_body(head, behind, channel.receive_some) == b""
    except (PeerFin, trio.BrokenResourceError):
        return False


async def _elsewhere(talk: LoginTalk, refusal: ProxyRefused) -> Exception:
    """What to raise where the connection is of no more use."""
    try:
        await talk.move()
    except LoginFailed as failed:
        refusal.login = talk.told(failed)
        return refusal
    return AnotherConnection()


def _refusal(status: int, head: bytes) -> ProxyRefused:
    headers = telling_headers(header_fields(head), TELLING)
    return ProxyRefused(f"proxy_http_{status}", status, reason_phrase(head), headers)
