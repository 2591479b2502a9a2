"""Faults of the TLS phase: each waits for the whole ClientHello first."""

import struct
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from stresser.lab.behaviours import Behaviour
from stresser.lab.tls_session import TlsSession
from stresser.lab.wire import Wire
from stresser.model.units import NS_PER_S

_RECORD_HEADER: Final = 5
_ALERT: Final = 21
_TLS_1_2: Final = 0x0303  # every record says so, RFC 8446 section 5.1
_WARNING, _FATAL = 1, 2
_CLOSE_NOTIFY: Final = 0
_GARBAGE: Final = (  # what nginx and Go answer, in short
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n"
    b"Connection: close\r\n\r\nno TLS on this port\n"
)


async def read_first_record(wire: Wire) -> bytes:
    """The client's first TLS record whole (and what followed it); less when the client left."""
    data = b""
    while len(data) < _RECORD_HEADER or len(data) < _RECORD_HEADER + _record_size(data):
        more = await wire.receive_some()
        if not more:
            break
        data += more
    return data


def _record_size(data: bytes) -> int:
    return int.from_bytes(data[3:5], "big")  # at most 65,535: the bound of what is kept


def alert_record(number: int) -> bytes:
    """An unencrypted alert record; close_notify is a warning, all others are fatal."""
    level = _WARNING if number == _CLOSE_NOTIFY else _FATAL
    return struct.pack("!BHHBB", _ALERT, _TLS_1_2, 2, level, number)


async def _reset(wire: Wire, _tls: TlsSession, _behaviour: Behaviour, _hello: bytes) -> None:
    wire.reset()


async def _fin(wire: Wire, _tls: TlsSession, _behaviour: Behaviour, _hello: bytes) -> None:
    await wire.fin()


async def _stall(wire: Wire, _tls: TlsSession, _behaviour: Behaviour, _hello: bytes) -> None:
    await wire.discard()


async def _alert(wire: Wire, _tls: TlsSession, behaviour: Behaviour, _hello: bytes) -> None:
    number = behaviour.number if behaviour.name == "alert-in-tls" else _CLOSE_NOTIFY
    await wire.send_all(alert_record(number))
    await wire.fin()


async def _garbage(wire: Wire, _tls: TlsSession, _behaviour: Behaviour, _hello: bytes) -> None:
    await wire.send_all(_GARBAGE)
    await wire.fin()


async def _drip(wire: Wire, tls: TlsSession, behaviour: Behaviour, hello: bytes) -> None:
    await drip(wire, await tls.answer_of_hello(hello), behaviour.number)
    await wire.discard()


async def drip(stream: trio.abc.SendStream, data: bytes, pause_ns: int) -> None:
    """Send one byte each `pause_ns`, on an absolute schedule."""
    due = trio.current_time()
    for position in range(len(data)):
        await stream.send_all(data[position : position + 1])
        due += pause_ns / NS_PER_S
        await trio.sleep_until(due)


TLS_FAULTS: Final[dict[str, Callable[[Wire, TlsSession, Behaviour, bytes], Awaitable[None]]]] = {
    "reset-in-tls": _reset,
    "fin-in-tls": _fin,
    "stall-in-tls": _stall,
    "alert-in-tls": _alert,
    "close-notify-in-tls": _alert,
    "garbage-in-tls": _garbage,
    "drip-in-tls": _drip,
}
"""What to do once the ClientHello is there. The bad certificates are in credentials.py."""
