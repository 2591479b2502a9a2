"""Owns the judge of reset times: TCP resets on loopback as the kernel stamps them (packet(7)).

A filter in the kernel keeps resets alone, the kernel stamps them on arrival and keeps them until
somebody reads, so nothing here runs while the resets happen and nothing can be late. Needs
CAP_NET_RAW. Linux only.
"""

import ctypes
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

_ETH_P_IP = 0x0800
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h, as are the next two
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_IGNORE_OUTGOING = 23
_ROOM_BYTES = 64 << 20
_SNAP_BYTES = 128
_TIMESPEC = struct.Struct("qq")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
_IP_HEADER_WORDS = 0x0F

# Classic BPF over a packet that begins with its IP header: keep TCP with the RST flag.
_RESETS = [
    (0x30, 0, 0, 9),  # ldb [9]: protocol (RFC 791)
    (0x15, 0, 6, 6),  # not TCP: drop
    (0x28, 0, 0, 6),  # ldh [6]: fragment offset
    (0x45, 4, 0, 0x1FFF),  # not the first fragment: drop
    (0xB1, 0, 0, 0),  # ldxb 4*([0]&0xf): length of the IP header
    (0x50, 0, 0, 13),  # ldb [x+13]: TCP flags (RFC 9293)
    (0x45, 0, 1, 0x04),  # without RST: drop
    (0x06, 0, 0, _SNAP_BYTES),
    (0x06, 0, 0, 0),
]


class Flow(NamedTuple):
    """One connection as its client sees it. Local ports repeat across destinations."""

    server: str
    """`address:port`."""
    local_port: int


@dataclass(frozen=True, slots=True)
class Reset:
    """One packet."""

    unix_ns: int
    source: tuple[str, int]
    destination: tuple[str, int]


class ResetCapture:
    """Open it before the resets, `take` them afterwards.

    Raises:
        PermissionError: this process has no CAP_NET_RAW.
    """

    def __init__(self, interface: str = "lo") -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        program = b"".join(struct.pack("HBBI", *instruction) for instruction in _RESETS)
        self._program = ctypes.create_string_buffer(program)
        pointer = struct.pack("HP", len(_RESETS), ctypes.addressof(self._program))
        options = self._socket.setsockopt
        options(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)
        options(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM_BYTES)
        options(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        # Loopback shows a packet on its way out and again on its way in; the second is the arrival.
        options(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self._socket.bind((interface, _ETH_P_IP))

    def take(self) -> list[Reset]:
        """All resets since the last call, in order.

        Raises:
            OSError: the kernel had to drop some: (number, explanation).
        """
        resets = []
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(
                    _SNAP_BYTES, _ANCILLARY, socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                break
            resets.append(parse_reset(data, ancillary[0][2]))
        _, dropped = struct.unpack(
            "II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        )
        if dropped:
            raise OSError(dropped, "captured packets were dropped")
        return resets

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._socket.close()


def parse_reset(packet: bytes, stamp: bytes) -> Reset:
    """An IPv4 packet with TCP inside, and the `struct timespec` of its arrival."""
    seconds, nanoseconds = _TIMESPEC.unpack_from(stamp)
    tcp = 4 * (packet[0] & _IP_HEADER_WORDS)
    source_port, destination_port = struct.unpack_from("!HH", packet, tcp)
    return Reset(
        seconds * 1_000_000_000 + nanoseconds,
        (socket.inet_ntoa(packet[12:16]), source_port),
        (socket.inet_ntoa(packet[16:20]), destination_port),
    )


def first_resets(resets: list[Reset], server_port: int) -> dict[Flow, int]:
    """Arrival of the first reset that the server sent on each flow (Unix time, ns).

    Whatever else carries RST is left out: what the client sends, and the server's further
    answers to data that was under way.
    """
    first: dict[Flow, int] = {}
    for reset in resets:
        address, port = reset.source
        if port == server_port:
            first.setdefault(Flow(f"{address}:{port}", reset.destination[1]), reset.unix_ns)
    return first
