"""WebSocket frames and answers to the upgrade, byte by byte: valid ones and others."""

import base64
import hashlib
import re
import struct

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_SHORT, _LONG = 126, 1 << 16


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A server's frame (RFC 6455 section 5.2): unmasked."""
    return header(opcode, len(payload), fin=fin, rsv=rsv) + payload


def header(opcode: int, length: int, *, fin: bool = True, rsv: int = 0) -> bytes:
    """Announces a payload of any length."""
    first = fin << 7 | rsv << 4 | opcode
    if length < _SHORT:
        return bytes([first, length])
    if length < _LONG:
        return bytes([first, 126]) + struct.pack("!H", length)
    return bytes([first, 127]) + struct.pack("!Q", length)


def close(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def unmasked(data: bytes) -> list[tuple[int, bytes]]:
    """Opcode and payload of a client's short frames, each of which must be masked."""
    frames = []
    while data:
        length = data[1] & 0x7F
        assert data[1] & 0x80, "a client masks (RFC 6455 section 5.3)"
        assert length < _SHORT
        mask, body = data[2:6], data[6 : 6 + length]
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(body))
        frames.append((data[0] & 0x0F, payload))
        data = data[6 + length :]
    return frames


def accept_value(request: bytes) -> bytes:
    """What the server must answer to this request's key (RFC 6455 section 4.2.2)."""
    match = re.search(rb"(?mi)^Sec-WebSocket-Key: (\S+)\r$", request)
    assert match is not None
    return base64.b64encode(hashlib.sha1(match[1] + _GUID).digest())  # noqa: S324 - the RFC's


def acceptance(request: bytes, *headers: bytes) -> bytes:
    """A valid 101."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept_value(request),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"
