"""WebSocket frames and the upgrade as bytes, right and wrong (RFC 6455 sections 4 and 5).

Written apart from wsproto, which the client uses: one library on both sides would agree with
itself about its own mistakes, and would refuse to write what a fault has to send.
"""

import base64
import hashlib
import struct
from typing import Final, NamedTuple

_ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SHORT: Final = 126
_MEDIUM: Final = 1 << 16
_FIN: Final = 0x80
_RSV1: Final = 0x40
_MASKED: Final = 0x80

TEXT: Final = 0x1
BINARY: Final = 0x2
RESERVED: Final = 0x3
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


class Frame(NamedTuple):
    """One frame of a client, unmasked."""

    opcode: int
    payload: bytes
    final: bool


def frame_header(opcode: int, size: int, *, rsv1: bool = False) -> bytes:
    """The header of an unmasked final frame that announces `size` bytes."""
    first = _FIN | (_RSV1 if rsv1 else 0) | opcode
    if size < _SHORT:
        return bytes((first, size))
    if size < _MEDIUM:
        return struct.pack("!BBH", first, 126, size)
    return struct.pack("!BBQ", first, 127, size)


def frame(opcode: int, payload: bytes = b"", *, rsv1: bool = False) -> bytes:
    """An unmasked final frame, as a server sends it."""
    return frame_header(opcode, len(payload), rsv1=rsv1) + payload


def masked_frame(opcode: int, payload: bytes) -> bytes:
    """A masked frame, which no server may send (section 5.1). Up to 125 bytes."""
    key = b"\x01\x02\x03\x04"
    return bytes((_FIN | opcode, _MASKED | len(payload))) + key + _mask(payload, key)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """A close frame; None sends no body, which the peer reads as 1005."""
    if code is None:
        return frame(CLOSE)
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


class FrameReader:
    """Cuts a client's bytes into frames. Payloads above `longest` are skipped, not kept."""

    def __init__(self, longest: int = 65_536) -> None:
        self._longest = longest
        self._buffer = bytearray()
        self._skip = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete."""
        self._buffer += data
        frames = []
        while self._skipped():
            one = self._next()
            if one is not None:
                frames.append(one)
            elif not self._skip:
                break
        return frames

    def _skipped(self) -> bool:
        """Drop what belongs to a payload that is too long; False while more of it must come."""
        dropped = min(self._skip, len(self._buffer))
        del self._buffer[:dropped]
        self._skip -= dropped
        return not self._skip

    def _next(self) -> Frame | None:
        head = self._head()
        if head is None:
            return None
        start, size, masked = head
        opcode, final = self._buffer[0] & 0x0F, bool(self._buffer[0] & _FIN)
        if size > self._longest:
            self._skip = start + size
            return None
        if len(self._buffer) < start + size:
            return None
        payload = bytes(self._buffer[start : start + size])
        if masked:
            payload = _mask(payload, bytes(self._buffer[start - 4 : start]))
        del self._buffer[: start + size]
        return Frame(opcode, payload, final)

    def _head(self) -> tuple[int, int, bool] | None:
        """Where the payload starts, its size, whether it is masked."""
        if len(self._buffer) < 2:  # noqa: PLR2004 - the two fixed bytes of every header
            return None
        size, masked = self._buffer[1] & 0x7F, bool(self._buffer[1] & _MASKED)
        extra = {126: 2, 127: 8}.get(size, 0)
        start = 2 + extra + (4 if masked else 0)
        if len(self._buffer) < start:
            return None
        if extra:
            size = int.from_bytes(self._buffer[2 : 2 + extra], "big")
        return start, size, masked


def _mask(payload: bytes, key: bytes) -> bytes:
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def header_value(request: bytes, name: bytes) -> bytes:
    """The first value of a header in a request head; b"" where it has none."""
    for line in request.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def switching_protocols(
    request: bytes, *, accept: bytes | None = None, upgrade: bool = True
) -> bytes:
    """The 101 answer to an upgrade request (section 4.2.2), or one with a fault in it."""
    if accept is None:
        key = header_value(request, b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + _ACCEPT_GUID).digest())  # noqa: S324 - RFC 6455
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Connection: Upgrade"]
    if upgrade:
        lines.append(b"Upgrade: websocket")
    lines.append(b"Sec-WebSocket-Accept: " + accept)
    protocols = header_value(request, b"sec-websocket-protocol")
    if protocols:
        lines.append(b"Sec-WebSocket-Protocol: " + protocols.split(b",")[0].strip())
    return b"\r\n".join(lines) + b"\r\n\r\n"
