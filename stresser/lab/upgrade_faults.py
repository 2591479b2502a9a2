"""Faults of the WebSocket upgrade: each waits for the whole request first."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, NoReturn

from stresser.lab.behaviours import Behaviour
from stresser.lab.frames import switching_protocols
from stresser.lab.tls_faults import drip
from stresser.lab.tls_session import TlsSession
from stresser.lab.wire import Wire

_LOGIN: Final = b"https://login.lab.test/"
_GARBAGE: Final = b"\x00\xff\xfe garbage, and no line of HTTP \x80\x81\r\n\r\n"
_ENDLESS: Final = b"".join(b"X-Filler-%d: %s\r\n" % (n, b"x" * 100) for n in range(100))
_WRONG_ACCEPT: Final = b"d3JvbmcgYWNjZXB0IGtleQ=="


def refusal(status: int, *headers: bytes) -> bytes:
    """An HTTP answer with this status, a body, and further header lines."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Lab"
    body = f"{status} {phrase}: the lab was asked for this\n".encode()
    head = [
        f"HTTP/1.1 {status} {phrase}".encode(),
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
        *headers,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


async def _reset(wire: Wire, _tls: TlsSession, _behaviour: Behaviour, _request: bytes) -> None:
    wire.reset()


async def _fin(wire: Wire, _tls: TlsSession, _behaviour: Behaviour, _request: bytes) -> None:
    await wire.fin()


async def _close_notify(
    _wire: Wire, tls: TlsSession, _behaviour: Behaviour, _request: bytes
) -> None:
    await tls.aclose()


async def _alert(wire: Wire, tls: TlsSession, _behaviour: Behaviour, _request: bytes) -> None:
    await tls.fatal_alert()
    await wire.fin()


async def _stall(wire: Wire, _tls: TlsSession, _behaviour: Behaviour, _request: bytes) -> None:
    await wire.discard()


async def _refuse(_wire: Wire, tls: TlsSession, behaviour: Behaviour, _request: bytes) -> None:
    await tls.send_all(refusal(behaviour.number))
    await tls.aclose()


async def _redirect(_wire: Wire, tls: TlsSession, behaviour: Behaviour, _request: bytes) -> None:
    await tls.send_all(refusal(behaviour.number, b"Location: " + _LOGIN))
    await tls.aclose()


async def _wrong_accept(wire: Wire, tls: TlsSession, _behaviour: Behaviour, request: bytes) -> None:
    await tls.send_all(switching_protocols(request, accept=_WRONG_ACCEPT))
    await wire.discard()


async def _no_upgrade(wire: Wire, tls: TlsSession, _behaviour: Behaviour, request: bytes) -> None:
    await tls.send_all(switching_protocols(request, upgrade=False))
    await wire.discard()


async def _garbage(wire: Wire, tls: TlsSession, _behaviour: Behaviour, _request: bytes) -> None:
    await tls.send_all(_GARBAGE)
    await wire.discard()


async def _endless(_wire: Wire, tls: TlsSession, _behaviour: Behaviour, request: bytes) -> NoReturn:
    await tls.send_all(switching_protocols(request).removesuffix(b"\r\n"))
    while True:  # until the client's end or TCP's backpressure
        await tls.send_all(_ENDLESS)


async def _drip(wire: Wire, tls: TlsSession, behaviour: Behaviour, request: bytes) -> None:
    await drip(tls, switching_protocols(request), behaviour.number)
    await wire.discard()


UPGRADE_FAULTS: Final[
    dict[str, Callable[[Wire, TlsSession, Behaviour, bytes], Awaitable[None]]]
] = {
    "reset-in-upgrade": _reset,
    "fin-in-upgrade": _fin,
    "close-notify-in-upgrade": _close_notify,
    "alert-in-upgrade": _alert,
    "stall-in-upgrade": _stall,
    "refuse": _refuse,
    "redirect": _redirect,
    "wrong-accept": _wrong_accept,
    "no-upgrade-header": _no_upgrade,
    "garbage-in-upgrade": _garbage,
    "endless-headers": _endless,
    "drip-in-upgrade": _drip,
}
"""What to answer to an upgrade request."""
