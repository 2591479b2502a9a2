"""A TCP connection in memory: two ends and a network between them that misbehaves on request.

Like a kernel it keeps what arrived before a RST readable, says the RST once and EOF afterwards,
and lets a failed send consume the error.
"""

import errno
import math
import os
import socket
import struct
from collections import deque
from typing import cast

import trio
from trio.abc import Stream

from stresser.model.clocks import Clock
from stresser.net.tap import Tap

ESTABLISHED, CLOSED, CLOSE_WAIT = 1, 7, 8


class Direction:
    """Bytes on their way from one end to the other, in order."""

    def __init__(self, latency_s: float, capacity: int) -> None:
        self._latency_s = latency_s
        self.capacity = capacity
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._waiting = 0
        self.ended = False
        self.error: OSError | None = None
        self.held_back = False
        self.let_go_s = self.taken_s = 0.0
        """When it was held back no longer; when what was taken last had arrived."""
        self.interrupted = False
        self._changed = trio.Event()

    def room(self) -> int:
        return self.capacity - self._waiting

    def put(self, data: bytes) -> None:
        self._chunks.append((trio.current_time() + self._latency_s, data))
        self._waiting += len(data)
        self.changed()

    def changed(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def readable(self) -> None:
        """Until there is something to read: bytes, an error, or the end."""
        await trio.lowlevel.checkpoint()
        while True:
            change = self._changed
            arrival = self._chunks[0][0] if self._chunks else None
            over = self.ended or self.error is not None
            if self.interrupted:
                raise trio.ClosedResourceError
            if not self.held_back and arrival is not None and arrival <= trio.current_time():
                return
            if not self.held_back and arrival is None and over:
                return
            wake = math.inf if arrival is None or self.held_back else arrival
            with trio.move_on_at(wake):
                await change.wait()

    async def writable(self) -> None:
        await trio.lowlevel.checkpoint()
        while self.room() <= 0 and self.error is None and not self.ended:
            if self.interrupted:
                raise trio.ClosedResourceError
            await self._changed.wait()

    def take(self, limit: int) -> bytes:
        """What has arrived; the error, once; `b""` at the end."""
        if self._chunks:
            at, chunk = self._chunks.popleft()
            if len(chunk) > limit:
                self._chunks.appendleft((at, chunk[limit:]))
            self._waiting -= len(chunk[:limit])
            self.taken_s = max(at, self.let_go_s)
            self.changed()
            return chunk[:limit]
        if self.error is not None:
            error, self.error, self.ended = self.error, None, True
            raise error
        return b""


_WITHOUT_BYTES = 8 + 24 * 4


class KernelView:
    """What the client's socket says of itself: TCP_INFO with chosen or counted figures."""

    def __init__(self, path: "Path") -> None:
        self._path = path
        self.unacked: int | None = None
        """Chosen by the test; None: as the path has it."""
        self.retransmits = self.probes = 0
        """Chosen by the test."""
        self.never_leaves = False
        """No device, no route: what is to be sent waits here, and none of it is in flight."""
        self.tells = True
        """A kernel that knows no TCP_INFO says ENOPROTOOPT."""
        self.open = True

    def fileno(self) -> int:
        return 3 if self.open else -1

    def getsockname(self) -> tuple[str, int]:
        return "192.0.2.10", self._path.local_port

    def getsockopt(self, level: int, option: int, length: int = 0) -> bytes:
        if option == socket.TCP_MAXSEG:  # in memory there are no segments
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        assert (level, option) == (socket.IPPROTO_TCP, socket.TCP_INFO)
        if not self.open:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if not self.tells:
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        path, now = self._path, trio.current_time()
        head = [0] * 7
        head[1:3] = self.retransmits, self.probes
        words = [0] * 24
        waiting = path.unacked if self.unacked is None else self.unacked
        words[4] = 0 if self.never_leaves else waiting
        words[9] = int((now - path.client_sent_s) * 1000)
        words[11] = int((now - path.client_received_s) * 1000)
        words[12] = int((now - path.acknowledged_s(now)) * 1000)
        bytes_64 = (0, 0, path.acknowledged_bytes + 1, path.received_bytes)  # it counts the SYN
        unsent = (0, 0, waiting if self.never_leaves else 0)  # after segments out and in
        raw = struct.pack("=8B24I4Q3I", path.state, *head, *words, *bytes_64, *unsent)
        # A number of segments that the test chose says nothing of bytes.
        return raw[: length if self.unacked is None else _WITHOUT_BYTES]

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """The kernel's timers are set; here nobody keeps them."""

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_WR
        if self._path.dark or self._path.forgotten:
            self._path.unacked += 1
        else:
            self._path.to_server.ended = True
            self._path.to_server.changed()

    def send(self, data: bytes | memoryview) -> int:
        return self._path.send_from_client(bytes(data))


class Path:
    """The connection and the network under it."""

    def __init__(
        self, *, latency_s: float = 0.0, capacity: int = 1 << 20, local_port: int = 50_000
    ) -> None:
        self.to_server = Direction(latency_s, capacity)
        self.to_client = Direction(latency_s, capacity)
        self._latency_s = latency_s
        self.local_port = local_port
        self.server = FarEnd(self)
        self.kernel = KernelView(self)
        self.state = ESTABLISHED
        self.dark = False
        self.dark_since_s: float | None = None
        self.forgotten = False
        """A box has forgotten the flow: what the client sends is answered by a RST."""
        self.acknowledged_bytes = self.received_bytes = 0
        self.unacked = 0
        """Segments that the client sent into the dark."""
        self.corrupting = False
        self.reads_late_s = 0.0
        """The client is kept from running: so long after its kernel it reads."""
        self.client_sent_s = self.client_received_s = trio.current_time()
        self._acknowledged_s = self.client_sent_s
        self._acknowledgements: deque[float] = deque()
        """When those still on their way will arrive."""

    def tap(self, clock: Clock) -> "MemoryTap":
        """The client's end."""
        return MemoryTap(self, clock)

    def go_dark(self) -> None:
        """From now on nothing passes, in either direction, and nobody says so."""
        if not self.dark:
            self.dark, self.dark_since_s = True, trio.current_time()

    def acknowledged_s(self, now_s: float) -> float:
        """When the client's kernel last heard of the other one."""
        while self._acknowledgements and self._acknowledgements[0] <= now_s:
            self._acknowledged_s = self._acknowledgements.popleft()
        return max(self._acknowledged_s, self.client_received_s)

    def hold_back(self) -> None:
        """What the server says is delayed until `let_through`; TCP acknowledges as ever."""
        self.to_client.held_back = True

    def let_through(self) -> None:
        """End of `hold_back`."""
        self.to_client.held_back = False
        self.to_client.let_go_s = trio.current_time()
        self.to_client.changed()

    def corrupt_next(self) -> None:
        """Flip one bit of what the client sends next: the server's TLS will object."""
        self.corrupting = True

    def reset(self) -> None:
        """A RST to the client; the server loses the connection as well."""
        if self.dark:
            return
        self.state = CLOSED
        self.to_client.error = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        self.to_server.ended = True
        self.to_client.changed()
        self.to_server.changed()

    def refuse(self) -> None:
        """A RST in answer, which acknowledges nothing: the server is not told."""
        self.state = CLOSED
        self.to_client.error = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        self.to_client.changed()

    def send_from_client(self, data: bytes) -> int:
        """send(2): what the kernel takes."""
        if self.to_client.error is not None:
            error, self.to_client.error, self.to_client.ended = self.to_client.error, None, True
            self.to_client.changed()
            raise error
        if self.state == CLOSED:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        taken = data[: max(0, self.to_server.room())]
        if not taken:
            raise BlockingIOError
        self.client_sent_s = trio.current_time()
        if self.dark or self.forgotten:
            self.unacked += 1
            if self.forgotten:
                self.refuse()
            return len(taken)
        self.acknowledged_bytes += len(taken)
        self._acknowledgements.append(self.client_sent_s + 2 * self._latency_s)
        if self.corrupting:
            self.corrupting = False
            taken = taken[:-1] + bytes([taken[-1] ^ 1])
        self.to_server.put(taken)
        return len(taken)


class MemoryTap(Tap):
    """`net.tap.Tap` over a `Path`: what waits for a socket there waits for the path here."""

    __slots__ = ("__weakref__", "path")

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(cast("socket.socket", path.kernel), clock)
        self.path = path

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self.path.kernel.open:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError
        await self.path.to_client.readable()
        if self.path.reads_late_s:
            await trio.sleep(self.path.reads_late_s)
        try:
            data = self.path.to_client.take(max_bytes or 16_384)
        except OSError as exc:
            self._note(exc, self.clock.woke_ns, "receive")
            raise trio.BrokenResourceError(str(exc)) from exc
        if data:
            self.path.client_received_s = self.path.to_client.taken_s
            self._received(len(data))
            return data
        self._note_end(self.clock.woke_ns)
        self._raise_send_error()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        with memoryview(data) as view:
            done = self.send_nowait(view)
            while done < len(view):
                await self.path.to_server.writable()
                done += self.send_nowait(view[done:])
        self._raise_send_error()

    async def wait_send_all_might_not_block(self) -> None:
        await self.path.to_server.writable()

    def interrupt(self) -> None:
        self.interrupted = True
        for direction in (self.path.to_client, self.path.to_server):
            direction.interrupted = True
            direction.changed()

    def close(self) -> None:
        self.path.kernel.open = False
        if not self.path.dark:
            self.path.to_server.ended = True
            self.path.to_server.changed()


class FarEnd(Stream):
    """The server's end of a path, as a trio stream."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._closed:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError
        await self.path.to_server.readable()
        if self.path.state == CLOSED:
            raise trio.BrokenResourceError
        return self.path.to_server.take(max_bytes or 65_536)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        if self._closed:
            raise trio.ClosedResourceError
        if self.path.state == CLOSED:
            raise trio.BrokenResourceError
        # A client that has closed is no concern of the first sends: they fill its kernel.
        if not self.path.dark:
            self.path.to_client.put(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """FIN to the client."""
        await trio.lowlevel.checkpoint()
        self.send_fin()

    def send_fin(self) -> None:
        """The same at once."""
        self._closed = True
        if not self.path.dark and self.path.state != CLOSED:
            self.path.state = CLOSE_WAIT
            self.path.to_client.ended = True
            self.path.to_client.changed()
