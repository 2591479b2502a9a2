"""Owns the judge of times: tcpdump's file of the resets and FINs that reached the client."""

import signal
import socket
import struct
from pathlib import Path
from typing import NamedTuple

from tests.netlab.namespaces import Namespace

_NANOSECOND_MAGIC = 0xA1B23C4D  # pcap-savefile(5)
_FILE_HEADER = struct.Struct("<IHHiIII")
_RECORD_HEADER = struct.Struct("<IIII")
_ETHERNET_BYTES = 14
_RAW, _ETHERNET = 101, 1  # LINKTYPE_RAW, LINKTYPE_ETHERNET
_FIN, _RST = 0x01, 0x04


class Segment(NamedTuple):
    """One packet with RST or FIN."""

    unix_ns: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    flags: int
    ttl: int

    @property
    def is_reset(self) -> bool:
        return bool(self.flags & _RST)


class Capture:
    """tcpdump on one interface of a namespace, with the kernel's stamps."""

    def __init__(self, namespace: Namespace, interface: str) -> None:
        self._file = namespace.folder / f"{interface}.pcap"
        self._process = namespace.start(
            f"tcpdump-{interface}", "tcpdump", "-i", interface, "-n", "-U", "-Z", "root",
            "-j", "host", "--time-stamp-precision=nano", "-w", str(self._file),
            "tcp[tcpflags] & (tcp-rst|tcp-fin) != 0",
        )  # fmt: skip
        self._process.wait_until_says("listening on")

    def stop(self) -> list[Segment]:
        """All that it saw."""
        self._process.stop(signal.SIGINT)
        assert any("0 packets dropped by kernel" in line for line in self._process.said())
        return read(self._file)


def first_reset_by_port(segments: list[Segment], server: str) -> dict[int, Segment]:
    """The first reset that came from a server's address, for each of the client's ports."""
    first: dict[int, Segment] = {}
    for one in segments:
        if one.is_reset and one.source == server:
            first.setdefault(one.destination_port, one)
    return first


def read(file: Path) -> list[Segment]:
    data = file.read_bytes()
    magic, *_, link_type = _FILE_HEADER.unpack_from(data)
    assert magic == _NANOSECOND_MAGIC
    skip = {_ETHERNET: _ETHERNET_BYTES, _RAW: 0}[link_type & 0xFFFF]
    at, found = _FILE_HEADER.size, []
    while at < len(data):
        seconds, nanoseconds, kept, _ = _RECORD_HEADER.unpack_from(data, at)
        at += _RECORD_HEADER.size
        found.append(_segment(seconds * 10**9 + nanoseconds, data[at + skip : at + kept]))
        at += kept
    return found


def _segment(unix_ns: int, packet: bytes) -> Segment:
    tcp = 4 * (packet[0] & 0x0F)
    source_port, destination_port = struct.unpack_from("!HH", packet, tcp)
    return Segment(
        unix_ns,
        socket.inet_ntoa(packet[12:16]),
        source_port,
        socket.inet_ntoa(packet[16:20]),
        destination_port,
        flags=packet[tcp + 13],
        ttl=packet[8],
    )
