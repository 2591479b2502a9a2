"""Owns the judge of times: tcpdump's file of the resets and FINs that reached the client.

Or of all of TCP, where round trips are to be judged.
"""

import signal
import socket
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from tests.netlab.namespaces import Namespace
from tests.netlab.wait import until

_NANOSECOND_MAGIC = 0xA1B23C4D  # pcap-savefile(5)
_FILE_HEADER = struct.Struct("<IHHiIII")
_RECORD_HEADER = struct.Struct("<IIII")
_ETHERNET_BYTES = 14
_RAW, _ETHERNET = 101, 1  # LINKTYPE_RAW, LINKTYPE_ETHERNET
_FIN, _RST = 0x01, 0x04
ENDS, ALL = "tcp[tcpflags] & (tcp-rst|tcp-fin) != 0", "tcp"
_HEADERS_BYTES = 128
_BUFFER_KIB = 16384
_MARK = "192.0.2.254"
_SEND_MARK = f"""
import socket, struct, sys
mark = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 1, 6, 0, *[socket.inet_aton("{_MARK}")] * 2)
mark += struct.pack("!HHIIBBHHH", 9, 9, 0, 0, 0x50, {_RST}, 0, 0, 0)
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
    sock.bind((sys.argv[1], 0x0800))
    sock.send(bytes(12) + b"\\x08\\x00" + mark)
"""
"""A reset that nobody sent, to no machine: what was captured before it is in the file before it."""


class Segment(NamedTuple):
    """One packet."""

    unix_ns: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    flags: int
    ttl: int
    payload: int
    """Bytes."""

    @property
    def is_reset(self) -> bool:
        return bool(self.flags & _RST)


class Capture:
    """tcpdump on one interface of a namespace, with the kernel's stamps. It loses nothing.

    The kernel hands packets over in blocks, the last one up to a second late: who stops tcpdump
    at once loses what is in that one, and no counter says so.
    """

    def __init__(self, namespace: Namespace, interface: str, wanted: str = ENDS) -> None:
        self._namespace = namespace
        self._interface = interface
        self._file = namespace.folder / f"{interface}.pcap"
        self._process = namespace.start(
            f"tcpdump-{interface}", "tcpdump", "-i", interface, "-n", "-U", "-Z", "root",
            "-B", str(_BUFFER_KIB), "-s", str(_HEADERS_BYTES),
            "-j", "host", "--time-stamp-precision=nano", "-w", str(self._file),
            wanted,
        )  # fmt: skip
        self._process.wait_until_says("listening on")

    def stop(self) -> list[Segment]:
        """All that it saw until now."""
        self._namespace.run(sys.executable, "-c", _SEND_MARK, self._interface)
        until(lambda: _MARK in {one.source for one in read(self._file)}, "our mark in the capture")
        self._process.stop(signal.SIGINT)
        assert any("0 packets dropped by kernel" in line for line in self._process.said())
        return [one for one in read(self._file) if one.source != _MARK]


def first_reset_by_port(segments: list[Segment], server: str) -> dict[int, Segment]:
    """The first reset that came from a server's address, for each of the client's ports."""
    first: dict[int, Segment] = {}
    for one in segments:
        if one.is_reset and one.source == server:
            first.setdefault(one.destination_port, one)
    return first


def round_trips(segments: list[Segment], server: str) -> dict[int, list[tuple[int, int]]]:
    """Of each of the client's ports: when something was sent, and how long its answer took, ns."""
    asked: dict[int, int] = {}
    found: dict[int, list[tuple[int, int]]] = {}
    for one in segments:
        if one.payload and one.destination == server:
            asked.setdefault(one.source_port, one.unix_ns)
        elif one.payload and one.source == server and one.destination_port in asked:
            sent_ns = asked.pop(one.destination_port)
            found.setdefault(one.destination_port, []).append((sent_ns, one.unix_ns - sent_ns))
    return found


def read(file: Path) -> list[Segment]:
    """All whole packets of a file, which may still be written."""
    data = file.read_bytes()
    magic, *_, link_type = _FILE_HEADER.unpack_from(data)
    assert magic == _NANOSECOND_MAGIC
    skip = {_ETHERNET: _ETHERNET_BYTES, _RAW: 0}[link_type & 0xFFFF]
    at, found = _FILE_HEADER.size, []
    while at + _RECORD_HEADER.size <= len(data):
        seconds, nanoseconds, kept, _ = _RECORD_HEADER.unpack_from(data, at)
        at += _RECORD_HEADER.size
        if at + kept > len(data):
            break
        found.append(_segment(seconds * 10**9 + nanoseconds, data[at + skip : at + kept]))
        at += kept
    return found


def _segment(unix_ns: int, packet: bytes) -> Segment:
    tcp = 4 * (packet[0] & 0x0F)
    source_port, destination_port = struct.unpack_from("!HH", packet, tcp)
    length, offset = struct.unpack_from("!H", packet, 2)[0], packet[tcp + 12] >> 4
    return Segment(
        unix_ns,
        socket.inet_ntoa(packet[12:16]),
        source_port,
        socket.inet_ntoa(packet[16:20]),
        destination_port,
        flags=packet[tcp + 13],
        ttl=packet[8],
        payload=length - tcp - 4 * offset,
    )
