"""MQTT's control packets as bytes: what a client that only stays connected sends and is sent.

Versions 3.1.1 (OASIS, 2014) and 5.0 (OASIS, 2019). No I/O. No library of Python's offers packets
without sockets of its own. What a broker sends is bounded: a body longer than 64 KiB is passed
over.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"
LONGEST_BODY = 1 << 16
V3, V5 = 4, 5
"""Protocol levels of CONNECT: 3.1.1 and 5.0."""
_LONGEST_TEXT = 256
_CLEAN_START, _HAS_PASSWORD, _HAS_USER = 0x02, 0x40, 0x80
_VARINT_BYTES = 4
_SERVER_KEEP_ALIVE, _REASON_STRING = 0x13, 0x1F
_LEAST_CONNACK = 2

_REFUSED_V3 = {
    1: "unacceptable protocol version",
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
}
"""Return codes of CONNACK, 3.1.1 section 3.2.2.3."""
_REASONS_V5 = {
    0x00: "normal disconnection",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
}
"""Reason codes, 5.0 section 2.4."""
_SIZES = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
_TEXTS = frozenset({0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F})
_PAIR = 0x26
"""Properties by how they are written, 5.0 section 2.2.2.2; of texts and data both have a length."""


class PacketType(IntEnum):
    """What a broker may send (section 2.1.2)."""

    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBACK = 9
    UNSUBACK = 11
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class MqttPacket(NamedTuple):
    """One of a broker's."""

    type: PacketType
    body: bytes
    """Empty where it was longer than is kept."""


class BrokerWord(NamedTuple):
    """What a CONNACK or a DISCONNECT says."""

    code: int
    reason: str
    """The code in words, and behind them the broker's own; a peer's text, cut."""
    keep_alive_s: int | None = None
    """What the broker wants in place of the client's (5.0 section 3.2.2.3.14)."""


def connect_packet(
    version: int, client_id: str, keep_alive_s: int, user: bytes | None, password: bytes | None
) -> bytes:
    """CONNECT, with a clean start and no will."""
    flags = _CLEAN_START
    payload = _text(client_id.encode())
    if user is not None:
        flags |= _HAS_USER
        payload += _text(user)
    if password is not None:
        flags |= _HAS_PASSWORD
        payload += _text(password)
    properties = b"\0" if version == V5 else b""
    head = _text(b"MQTT") + bytes((version, flags)) + keep_alive_s.to_bytes(2, "big")
    body = head + properties + payload
    return b"\x10" + _varint(len(body)) + body


def disconnect_packet() -> bytes:
    """DISCONNECT: as planned."""
    return b"\xe0\x00"


class PacketReader:
    """Cuts what comes into packets."""

    __slots__ = ("_buffer", "_skip", "_skipped")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0
        self._skipped: PacketType | None = None

    @property
    def is_idle(self) -> bool:
        """Nothing is half read."""
        return not self._buffer and not self._skip

    def feed(self, data: bytes) -> Iterator[MqttPacket]:
        """The packets that these bytes complete.

        Raises:
            ValueError: they are none that a broker may send.
        """
        self._buffer += data
        while True:
            if self._skipped is not None:
                if not self._pass_over():
                    return
                yield MqttPacket(self._skipped, b"")
                self._skipped = None
            one = self._next()
            if one is not None:
                yield one
            elif self._skipped is None:
                return

    def _pass_over(self) -> bool:
        dropped = min(self._skip, len(self._buffer))
        del self._buffer[:dropped]
        self._skip -= dropped
        return not self._skip

    def _next(self) -> MqttPacket | None:
        if not self._buffer:
            return None
        kind = _type_of(self._buffer[0])
        length = _read_varint(self._buffer, 1)
        if length is None:
            return None
        size, start = length
        if size > LONGEST_BODY:
            if kind is not PacketType.PUBLISH:
                raise ValueError(f"{kind.name} of {size} bytes")
            self._skip, self._skipped = start + size, kind
            return None
        if len(self._buffer) < start + size:
            return None
        body = bytes(self._buffer[start : start + size])
        del self._buffer[: start + size]
        return MqttPacket(kind, body)


def connack_of(body: bytes, version: int) -> BrokerWord:
    """What a CONNACK says.

    Raises:
        ValueError: it is malformed.
    """
    if len(body) < _LEAST_CONNACK or body[0] > 1:
        raise ValueError("malformed CONNACK")
    code = body[1]
    if version != V5:
        return BrokerWord(code, _REFUSED_V3.get(code, ""))
    told = _properties(body, 2) if len(body) > _LEAST_CONNACK else {}
    keep_alive = told.get(_SERVER_KEEP_ALIVE)
    seconds = None if keep_alive is None else int.from_bytes(keep_alive, "big")
    return BrokerWord(code, _reason(code, told), seconds)


def disconnect_of(body: bytes) -> BrokerWord:
    """What a broker's DISCONNECT says: 5.0 alone has one.

    Raises:
        ValueError: it is malformed.
    """
    code = body[0] if body else 0
    return BrokerWord(code, _reason(code, _properties(body, 1) if len(body) > 1 else {}))


def _reason(code: int, told: dict[int, bytes]) -> str:
    words = _REASONS_V5.get(code, "")
    own = told.get(_REASON_STRING, b"").decode("utf-8", "replace")[:_LONGEST_TEXT]
    return ": ".join(text for text in (words, own) if text)


def _properties(body: bytes, at: int) -> dict[int, bytes]:
    length = _read_varint(body, at)
    if length is None or length[1] + length[0] > len(body):
        raise ValueError("properties that end too soon")
    size, at = length
    end, found = at + size, dict[int, bytes]()
    while at < end:
        name = body[at]
        value, at = _value(body, at + 1, name)
        if at > end:
            raise ValueError("a property that ends too soon")
        found[name] = value
    return found


def _value(body: bytes, at: int, name: int) -> tuple[bytes, int]:
    """A property's value, and where the next one begins."""
    if name in _SIZES:
        return body[at : at + _SIZES[name]], at + _SIZES[name]
    if name in _TEXTS:
        return _counted(body, at)
    if name == _PAIR:
        return _counted(body, _counted(body, at)[1])
    raise ValueError(f"property {name:#x}")


def _counted(body: bytes, at: int) -> tuple[bytes, int]:
    start = at + 2
    end = start + int.from_bytes(body[at:start], "big")
    return body[start:end], end


def _type_of(first: int) -> PacketType:
    number, flags = first >> 4, first & 0x0F
    kind = PacketType(number)  # raises ValueError
    wanted = 2 if kind is PacketType.PUBREL else 0
    if kind is not PacketType.PUBLISH and flags != wanted:
        raise ValueError(f"{kind.name} with the flags {flags:#x}")
    return kind


def _text(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _varint(number: int) -> bytes:
    """Section 1.5.5: seven bits a byte, the least first."""
    written = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        written.append(low | (0x80 if number else 0))
        if not number:
            return bytes(written)


def _read_varint(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """The number, and where what follows it begins; None: it is not whole yet."""
    number = 0
    for place, byte in enumerate(data[at : at + _VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return number, at + place + 1
    if len(data) >= at + _VARINT_BYTES:
        raise ValueError("a length of more than four bytes")
    return None
