"""Writes packets as a file that Wireshark and tcpdump open (IETF draft-ietf-opsawg-pcapng).

One section, little-endian; interfaces are described where they are first met, with nanoseconds.
Packets begin with their IP header (LINKTYPE_RAW). Nothing in it resolves a name.
"""

import struct
from typing import IO

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER, _VERSION = 0x1A2B3C4D, (1, 0)
_LENGTH_UNKNOWN = -1
_LINKTYPE_RAW = 101
_SNAP_BYTES = 0
"""No limit is told: each packet says how long it was."""
_COMMENT, _END = 1, 0  # options of every block
_USER_APPLICATION, _NAME, _RESOLUTION, _FLAGS = 4, 2, 9, 2
_NANOSECONDS = b"\x09"
_INBOUND, _OUTBOUND = 1, 2
_MOST_INTERFACES = 10_000
_LONGEST_TEXT = 2000
_LONGEST_PACKET = 0xFFFF + 40


class PcapngWriter:
    """Appends to a file that is opened for bytes."""

    def __init__(self, file: IO[bytes], application: str) -> None:
        """Begin with the section's header. `application`: who writes, with the version."""
        self._file = file
        self._interfaces: dict[str, int] = {}
        fixed = struct.pack("<IHHq", _BYTE_ORDER, *_VERSION, _LENGTH_UNKNOWN)
        self._write(_SECTION, fixed + _options((_USER_APPLICATION, _text(application))))

    def packet(
        self,
        data: bytes,
        *,
        unix_ns: int,
        interface: str,
        outgoing: bool,
        comment: str,
        length: int | None = None,
    ) -> None:
        """Append a packet from its IP header on; `length`: as it was on the wire, if not whole."""
        number = self._number_of(interface)
        stamp = max(unix_ns, 0)
        on_wire = max(len(data), min(length or 0, _LONGEST_PACKET))
        fixed = struct.pack("<5I", number, stamp >> 32 & 0xFFFFFFFF, stamp & 0xFFFFFFFF,
                            len(data), on_wire)  # fmt: skip
        flags = struct.pack("<I", _OUTBOUND if outgoing else _INBOUND)
        options = _options((_COMMENT, _text(comment)), (_FLAGS, flags))
        self._write(_PACKET, fixed + _padded(data) + options)

    def _number_of(self, interface: str) -> int:
        known = self._interfaces
        if interface in known:
            return known[interface]
        if len(known) >= _MOST_INTERFACES:  # they come from a file: one stands for all others
            return _MOST_INTERFACES - 1
        known[interface] = len(known)
        fixed = struct.pack("<HHI", _LINKTYPE_RAW, 0, _SNAP_BYTES)
        options = _options((_NAME, _text(interface)), (_RESOLUTION, _NANOSECONDS))
        self._write(_INTERFACE, fixed + options)
        return known[interface]

    def _write(self, kind: int, body: bytes) -> None:
        size = struct.pack("<I", len(body) + 12)
        self._file.write(struct.pack("<I", kind) + size + body + size)


def _options(*options: tuple[int, bytes]) -> bytes:
    written = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join([*written, struct.pack("<HH", _END, 0)])


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _text(text: str) -> bytes:
    return text[:_LONGEST_TEXT].encode("utf-8", "replace")
