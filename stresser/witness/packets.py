"""The packet witness: one packet socket a run that keeps how each connection began and ended.

It needs CAP_NET_RAW, on Linux (packet(7)). The socket is open on every interface of its network
namespace, tunnels and what they run over alike; a filter in the kernel (`packet_filter`) passes
a handful of packets for each connection and nothing of the data. ETH_P_ALL is what shows the
packets that this host sends: a RST that our own kernel made for another program's `ss -K`, or
after unanswered keepalives, shows who ended the session.
"""

import errno
import socket
import struct
from contextlib import suppress

import trio

from stresser.model.packet import FlowPackets, Packet
from stresser.witness.clock import KernelStamps, RunClock
from stresser.witness.hop_answers import HopAnswers
from stresser.witness.packet_filter import SNAP_BYTES, Ports, Remotes, remote_end
from stresser.witness.packet_flows import FlowTable
from stresser.witness.packet_parse import Stamp, flow_key
from stresser.witness.packet_ring import PacketRing
from stresser.witness.packet_socket import attach, bind_everywhere, packet_socket

_ETH_P_ALL = 0x0003  # linux/if_ether.h
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h, as are the next two
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_OUTGOING = 4
_ROOM_BYTES = 16 << 20
"""Of kernel memory, at the most: 10,000 sessions that end at once."""
_A_PASS = 64
"""So many packets are read in one pass of the loop, so that sessions have their turn."""
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0


class PacketWitness:
    """Open one for a run, start `run`, and tell it of each connection.

    Ends are texts as in events: `192.0.2.1:443`, `[2001:db8::1]:443`. `expect` comes before
    connect(2), `watch` right after it, `seen` when the session has ended, `forget` before its
    socket is closed.
    """

    def __init__(self, sock: socket.socket, clock: RunClock, own: Ports | None = None) -> None:
        self._socket = sock
        self._clock = clock
        self._stamps = KernelStamps(clock)
        self._remotes = Remotes(own=own)
        self._table = FlowTable()
        self._waiting: dict[bytes, trio.Event] = {}
        self._lost = 0
        self._ring: PacketRing | None = None
        self._is_read_up = True
        """The last reading left nothing in the socket."""
        self.failure: OSError | None = None
        """Why the witness closed itself: the kernel would not let it read any more."""

    @classmethod
    def open(cls, clock: RunClock, sessions: int = 0, own: Ports | None = None) -> "PacketWitness":
        """Begin to witness, at first no packet of anybody; `own`: of these local ports alone.

        With a number of `sessions`, the last packets of each are kept too, where the kernel can.

        Raises:
            OSError: EPERM without CAP_NET_RAW, ENOSYS where it is not Linux.
        """
        sock = packet_socket()
        witness = cls(sock, clock, own)
        try:
            witness._attach_filter()  # before the socket is bound: nothing else is queued
            _make_room(sock)
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            bind_everywhere(sock)
        except BaseException:
            sock.close()
            raise
        if sessions:
            with suppress(OSError):
                witness._ring = PacketRing.open(clock, sessions, own)
        return witness

    async def run(self) -> None:
        """Read packets as they come, until `close`."""
        async with trio.open_nursery() as nursery:
            if self._ring is not None:
                nursery.start_soon(self._ring.run)
            with suppress(trio.ClosedResourceError):
                while not self._is_closed():
                    await trio.lowlevel.wait_readable(self._socket)
                    self._read(_A_PASS)
            nursery.cancel_scope.cancel()

    def expect(self, remote: str) -> None:
        """Let the packets of a remote end pass. Costs next to nothing for a known one.

        Raises:
            ValueError: it is not an address with a port.
        """
        if self._remotes.add(*remote_end(remote)) and not self._is_closed():
            # The kernel changes one program for the other at once; the new one passes more.
            self._attach_filter()
        if self._ring is not None and not self._is_closed():
            self._ring.expect(remote)

    def watch(self, local: str, remote: str) -> None:
        """Keep the packets of a connection that has just been made."""
        self.expect(remote)
        self._table.watch(_key(local, remote))

    def forget(self, local: str, remote: str) -> None:
        """Drop what is kept of a connection."""
        self._table.forget(_key(local, remote))

    def seen(self, local: str, remote: str) -> FlowPackets:
        """What has come of a connection; where no end has, what waits is read first.

        When hundreds end at once, each would otherwise read the packets of all others, and
        keep the loop from dating the next ends.
        """
        key = _key(local, remote)
        if not self._table.has_end(key):
            self._read(_A_PASS)
        return self._table.packets(key)

    def last(self, local: str, remote: str) -> list[Packet]:
        """The last packets of a connection, where they are kept."""
        if self._ring is None or self._is_closed():
            return []
        return self._ring.last(local, remote)

    def answers(self, local: str, remote: str) -> HopAnswers:
        """What routers answer to walks of a connection's hops, from now until `forget`."""
        return self._table.answers(_key(local, remote))

    async def settle(self, local: str, remote: str, within_s: float) -> None:
        """Wait for a connection's FIN or RST, no longer than this.

        The socket may report an end before its packet is here (0.1 to 4 ms). `run` must run.
        """
        key = _key(local, remote)
        await trio.lowlevel.checkpoint()
        event = self._waiting.setdefault(key, trio.Event())
        while not self._table.has_end(key) and not self._is_closed():
            with trio.move_on_after(within_s):
                await event.wait()
            if self._is_read_up:  # else its packet may be among those that wait
                break
        self._waiting.pop(key, None)

    @property
    def lost(self) -> int:
        """Packets that passed the filter and found no room, since the witness was opened."""
        if not self._is_closed() and self.failure is None:
            # Reading the figures sets them to zero (packet(7)).
            raw = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            self._lost += struct.unpack("=II", raw)[1]
        return self._lost

    def close(self) -> None:
        """Give the socket back; what was seen stays readable."""
        if not self._is_closed():
            self._lost = self.lost
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
            if self._ring is not None:
                self._ring.close()

    def _is_closed(self) -> bool:
        return self._socket.fileno() < 0

    def _attach_filter(self) -> None:
        attach(self._socket, self._remotes.program())

    def _read(self, most: int) -> None:
        """Take what has come, so many packets at the most."""
        if self._is_closed():
            return
        asked_ns = self._clock.now_ns()
        self._is_read_up = False
        for number in range(most):
            try:
                packet, ancillary, _, address = self._socket.recvmsg(SNAP_BYTES, _ANCILLARY)
            except BlockingIOError:
                self._is_read_up = True
                self._stamps.caught_up(asked_ns)
                return
            except OSError as exc:
                if exc.errno == errno.ENETDOWN:  # told once; the other interfaces go on
                    continue
                self.failure = exc
                self.close()
                return
            if number == 0:
                self._stamps.compare()
            self._take(packet, ancillary, address)

    def _take(
        self, packet: bytes, ancillary: list[tuple[int, int, bytes]], address: tuple[str, int, int]
    ) -> None:
        if not ancillary:
            return
        seconds, nanoseconds = _TIMESPEC.unpack_from(ancillary[0][2])
        unix_ns = seconds * 1_000_000_000 + nanoseconds
        outgoing = address[2] == _PACKET_OUTGOING
        stamp = Stamp(self._stamps.moment(unix_ns), unix_ns, address[0], outgoing)
        key = self._table.take(packet, stamp)
        if key is not None and key in self._waiting:
            self._waiting[key].set()


def _key(local: str, remote: str) -> bytes:
    return flow_key(remote_end(local), remote_end(remote))


def _make_room(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM_BYTES)
    except PermissionError:  # without CAP_NET_ADMIN, no more than net.core.rmem_max
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
