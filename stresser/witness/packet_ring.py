"""The last packets of all connections, in memory that the kernel writes and no one reads.

A second packet socket with a ring of memory (packet(7), TPACKET_V3; Linux,
Documentation/networking/packet_mmap.rst): the kernel puts the first bytes of each segment from or
to a recorded endpoint there, and wakes no one. The oldest blocks are given back unread, four times
a second. Only when a session has ended are its packets looked for, by the bytes of its addresses
and ports. So a night costs 180 bytes of memory a packet, and the ring is all the memory.
"""

import mmap
import socket
import struct
from collections.abc import Iterator

import trio

from stresser.model.packet import MOST_LAST, Packet
from stresser.model.units import NS_PER_S
from stresser.witness.clock import KernelStamps, RunClock
from stresser.witness.packet_filter import HEADER_BYTES, Ports, Remotes, remote_end
from stresser.witness.packet_parse import Stamp, headers_of, read_packet
from stresser.witness.packet_socket import attach, bind_everywhere, packet_socket

_SOL_PACKET, _RX_RING, _VERSION, _V3 = 263, 5, 10, 2  # linux/if_packet.h
_BLOCK_BYTES, _FRAME_BYTES = 64 << 10, 2048
_FEWEST_BLOCKS, _MOST_BLOCKS = 16, 128
_SPARE = 4
"""One block in so many is kept free for what comes."""
BYTES_A_SESSION = 2048
_RETIRE_MS = 10_000
"""The kernel closes a block that is not full after so long; the open one is read as well."""
_GIVE_BACK_S = 0.25
_STATUS, _IN_KERNEL, _IN_USER = 8, 0, 1  # struct tpacket_hdr_v1, behind two words
_BLOCK_LENGTH = 20
_FRAME = struct.Struct("=6I2H12xQ2Hi")
"""struct tpacket3_hdr, and sockaddr_ll as far as the interface."""
_PACKET_TYPE_AT, _DATA_AT, _ALIGNED = 58, 96, 8
_IPV4_ENDS_AT, _IPV6_ENDS_AT, _IPV4_LENGTH = 12, 8, 4
_MOST_FOUND = 512
_LOOKS_A_SECOND = 10
"""Looking takes some milliseconds: where hundreds end at once, for the first of them."""
_OUTGOING = 4


class PacketRing:
    """One for a run. `run` gives old blocks back; without it the ring fills and stays as it is."""

    def __init__(
        self, sock: socket.socket, clock: RunClock, blocks: int, own: Ports | None = None
    ) -> None:
        self._socket = sock
        self._stamps = KernelStamps(clock)
        self._clock = clock
        self._blocks = blocks
        self._memory = mmap.mmap(sock.fileno(), blocks * _BLOCK_BYTES)
        self._oldest = 0
        self._remotes = Remotes(whole=True, own=own)
        self._looked_ns: list[int] = []

    @classmethod
    def open(cls, clock: RunClock, sessions: int, own: Ports | None = None) -> "PacketRing":
        """Begin, at first with no packet of anybody; `own`: of these local ports alone.

        Raises:
            OSError: no right, no memory, or a kernel that has no such ring.
        """
        wanted = sessions * BYTES_A_SESSION // _BLOCK_BYTES
        blocks = max(_FEWEST_BLOCKS, min(_MOST_BLOCKS, wanted))
        sock = packet_socket()
        try:
            sock.setsockopt(_SOL_PACKET, _VERSION, _V3)
            frames = blocks * (_BLOCK_BYTES // _FRAME_BYTES)
            request = (_BLOCK_BYTES, blocks, _FRAME_BYTES, frames, _RETIRE_MS, 0, 0)
            sock.setsockopt(_SOL_PACKET, _RX_RING, struct.pack("=7I", *request))
            ring = cls(sock, clock, blocks, own)
            attach(sock, ring._remotes.program())
            bind_everywhere(sock)
        except BaseException:
            sock.close()
            raise
        return ring

    async def run(self) -> None:
        """Give back what is old, until cancelled."""
        while True:
            await trio.sleep(_GIVE_BACK_S)
            self.give_back()

    def give_back(self) -> None:
        """Leave the kernel a quarter of the blocks."""
        filled = sum(self._status(block) & _IN_USER for block in range(self._blocks))
        while filled > self._blocks - self._blocks // _SPARE and self._status(self._oldest):
            struct.pack_into("=I", self._memory, self._oldest * _BLOCK_BYTES + _STATUS, _IN_KERNEL)
            self._oldest = (self._oldest + 1) % self._blocks
            filled -= 1

    def _status(self, block: int) -> int:
        return int(struct.unpack_from("=I", self._memory, block * _BLOCK_BYTES + _STATUS)[0])

    def _end_of_block(self, at: int) -> int:
        """Where the last packet ends in the block in which this is."""
        block = at - at % _BLOCK_BYTES
        return block + int(struct.unpack_from("=I", self._memory, block + _BLOCK_LENGTH)[0])

    def expect(self, remote: str) -> None:
        """Keep the packets of a remote end from now on."""
        if self._remotes.add(*remote_end(remote)):
            attach(self._socket, self._remotes.program())

    def last(self, local: str, remote: str) -> list[Packet]:
        """The last packets of a connection, the oldest first; none where others look already."""
        now = self._clock.now_ns()
        self._looked_ns = [at for at in self._looked_ns if now - at < NS_PER_S]
        if len(self._looked_ns) >= _LOOKS_A_SECOND:
            return []
        self._looked_ns.append(now)
        ours, theirs = remote_end(local), remote_end(remote)
        self._stamps.compare()
        found = [*self._found(ours, theirs), *self._found(theirs, ours)]
        found.sort(key=lambda packet: packet.unix_ns)
        return found[-MOST_LAST:]

    def _found(self, source: tuple[bytes, int], to: tuple[bytes, int]) -> Iterator[Packet]:
        """Segments in one direction: addresses and ports stand side by side in most headers."""
        pattern = source[0] + to[0] + struct.pack("!HH", source[1], to[1])
        ends_at = _IPV4_ENDS_AT if len(source[0]) == _IPV4_LENGTH else _IPV6_ENDS_AT
        at = -1
        for _ in range(_MOST_FOUND):
            at = self._memory.find(pattern, at + 1)
            if at < 0:
                return
            packet = self._packet_at(at - ends_at - _DATA_AT)
            if packet is not None:
                yield packet

    def _packet_at(self, begins: int) -> Packet | None:
        """The packet that begins there; None: there is none, or not all of it.

        Behind what the kernel wrote last is what it wrote when it passed there before, of which the
        first packet is partly overwritten: from its first word on, but for gaps that it leaves.
        """
        if begins < 0:
            return None
        header = _FRAME.unpack_from(self._memory, begins)
        step, seconds, nanoseconds, snapped, _, status, link, net = header[:8]
        zeros, family, _, interface = header[8:]
        length = _DATA_AT + snapped + -snapped % _ALIGNED
        if (step or self._end_of_block(begins) - begins) != length:
            return None  # the last packet of a block has no step to the next
        if (link, net, zeros) != (_DATA_AT, _DATA_AT, 0):
            return None
        # It is being written: the address comes last (net/packet/af_packet.c, tpacket_rcv).
        if not status & _IN_USER or family != socket.AF_PACKET or interface <= 0:
            return None
        data = self._memory[begins + net : begins + net + min(snapped, HEADER_BYTES)]
        headers = headers_of(data)
        if headers is None:
            return None
        unix_ns = seconds * NS_PER_S + nanoseconds
        outgoing = self._memory[begins + _PACKET_TYPE_AT] == _OUTGOING
        stamp = Stamp(self._stamps.moment(unix_ns), unix_ns, _name_of(interface), outgoing)
        return read_packet(headers, stamp)

    def close(self) -> None:
        """Give the memory and the socket back."""
        self._memory.close()
        self._socket.close()


def _name_of(interface: int) -> str:
    try:
        return socket.if_indextoname(interface)
    except OSError:  # it is gone
        return f"interface {interface}"
