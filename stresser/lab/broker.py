"""The lab's MQTT broker, as small as one can be: it lets in or refuses, and answers PINGREQ.

Written apart from the client's packets (`net/mqtt_packets.py`), so that a mistake there is not made
here as well. Topics there are none: what is published or subscribed is passed over.
"""

from typing import Final

from stresser.lab.frames import BINARY, CLOSE, PING, PONG, FrameReader, frame
from stresser.lab.tls_session import TlsSession
from stresser.lab.wire import Wire

_CONNECT, _PINGREQ, _DISCONNECT = 1, 12, 14
_PINGRESP: Final = b"\xd0\x00"
_VERSION_AT: Final = 6
"""Of the protocol level in CONNECT, behind the length and the name `MQTT`."""
_V5: Final = 5
_LONGEST: Final = 1 << 20


class BrokerConversation:
    """One client, on bare TLS or TCP, or in binary messages of a WebSocket."""

    def __init__(self, wire: Wire, tls: TlsSession, *, framed: bool, code: int = 0) -> None:
        """`code`: what CONNACK says; 0 lets in."""
        self.wire = wire
        self.tls = tls
        self._frames = FrameReader(_LONGEST) if framed else None
        self._code = code
        self._unread = bytearray()
        self._version = 0

    async def answer(self, data: bytes) -> bool:
        """Answer each packet; False once the client has said goodbye, or was refused."""
        if self._frames is None:
            return await self._answer_packets(data)
        for one in self._frames.feed(data):
            if one.opcode == PING:
                await self.tls.send_all(frame(PONG, one.payload))
            elif one.opcode == CLOSE:
                await self.tls.send_all(frame(CLOSE, one.payload[:125]))
                return False
            elif not await self._answer_packets(one.payload):
                return False
        return True

    async def small_message(self) -> None:
        """PUBLISH of one byte to the topic `a`."""
        properties = b"\0" if self._version == _V5 else b""
        body = b"\0\1a" + properties + b"x"
        await self._send(bytes((0x30, len(body))) + body)

    async def disconnect(self, code: int) -> None:
        """DISCONNECT, which version 5 alone has from a broker."""
        if self._version == _V5:
            await self._send(bytes((0xE0, 2, code, 0)))

    async def _answer_packets(self, data: bytes) -> bool:
        self._unread += data
        while (packet := self._next()) is not None:
            kind, body = packet
            if kind == _CONNECT:
                await self._welcome(body)
                if self._code:
                    return False
            elif kind == _PINGREQ:
                await self._send(_PINGRESP)
            elif kind == _DISCONNECT:
                return False
        return True

    async def _welcome(self, body: bytes) -> None:
        self._version = body[_VERSION_AT]
        properties = b"\0" if self._version == _V5 else b""
        await self._send(bytes((0x20, 2 + len(properties), 0, self._code)) + properties)

    async def _send(self, packet: bytes) -> None:
        await self.tls.send_all(packet if self._frames is None else frame(BINARY, packet))

    def _next(self) -> tuple[int, bytes] | None:
        """A packet's type and body; None: it is not whole yet."""
        size, shift = 0, 0
        for at in range(1, len(self._unread)):
            byte = self._unread[at]
            size, shift = size | (byte & 0x7F) << shift, shift + 7
            if byte & 0x80:
                continue
            end = at + 1 + size
            if len(self._unread) < end:
                return None
            kind, body = self._unread[0] >> 4, bytes(self._unread[at + 1 : end])
            del self._unread[:end]
            return kind, body
        return None
