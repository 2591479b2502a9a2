"""An established lab session that answers as a good endpoint does, until its fault is due."""

import math
from typing import Final, Protocol

import trio

from stresser.lab.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameReader,
    frame,
    switching_protocols,
)
from stresser.lab.tls_session import TlsSession
from stresser.lab.wire import Wire

_LONGEST_REQUEST: Final = 65_536
_END_OF_HEAD: Final = b"\r\n\r\n"
_NO_UPGRADE: Final = b"HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n"


class Conversation(Protocol):
    """What held faults need of a session."""

    wire: Wire
    tls: TlsSession

    async def answer(self, data: bytes) -> bool:
        """Answer what came in; False once the peer has said goodbye."""

    async def small_message(self) -> None:
        """Send one message of a few bytes."""


async def listen_until(session: Conversation, deadline: float = math.inf) -> bool:
    """Answer the peer until `deadline` on trio's clock.

    Only reading is cut off by the deadline: a record that is half sent would be a fault of its
    own.

    Returns:
        True at the deadline, False when the peer has left before.
    """
    while True:
        with trio.move_on_at(deadline) as reading:
            data = await session.tls.receive_some()
        if reading.cancelled_caught:
            return True
        if not data or not await session.answer(data):
            return False


class TlsConversation:
    """Echoes bytes."""

    def __init__(self, wire: Wire, tls: TlsSession) -> None:
        self.wire = wire
        self.tls = tls

    async def answer(self, data: bytes) -> bool:
        """Send it back."""
        await self.tls.send_all(data)
        return True

    async def small_message(self) -> None:
        """Eight bytes in a record of their own."""
        await self.tls.send_all(b"message\n")


class WssConversation:
    """Echoes messages, answers pings and the closing handshake."""

    def __init__(self, wire: Wire, tls: TlsSession) -> None:
        self.wire = wire
        self.tls = tls
        self._reader = FrameReader()

    async def answer(self, data: bytes) -> bool:
        """Answer each frame in it."""
        for one in self._reader.feed(data):
            if not await self._answer_frame(one):
                return False
        return True

    async def small_message(self) -> None:
        """A text message of seven bytes."""
        await self.tls.send_all(frame(TEXT, b"message"))

    async def wait_for_close(self) -> None:
        """Read until the peer's close frame, or its end."""
        while data := await self.tls.receive_some():
            if any(one.opcode == CLOSE for one in self._reader.feed(data)):
                return

    async def _answer_frame(self, one: Frame) -> bool:
        if one.opcode == PING:
            await self.tls.send_all(frame(PONG, one.payload))
        elif one.opcode in {TEXT, BINARY} and one.final:
            await self.tls.send_all(frame(one.opcode, one.payload))
        elif one.opcode == CLOSE:
            await self.tls.send_all(frame(CLOSE, one.payload[:125]))
            return False
        return True


async def read_upgrade_request(tls: TlsSession) -> bytes | None:
    """The head of the client's upgrade request; None when it left or sent too much."""
    request = b""
    while _END_OF_HEAD not in request:
        data = await tls.receive_some()
        request += data
        if not data or len(request) > _LONGEST_REQUEST:
            return None
    if request.startswith(b"HEAD "):  # a look at whether anybody lives here
        await tls.send_all(_NO_UPGRADE)
        await tls.aclose()
        return None
    return request


async def accept_upgrade(tls: TlsSession) -> bool:
    """Answer the upgrade request; False when there is none."""
    request = await read_upgrade_request(tls)
    if request is not None:
        await tls.send_all(switching_protocols(request))
    return request is not None
