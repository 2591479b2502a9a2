"""The transport directly above the socket: it catches the first cause of the end.

Above it, TLS and WebSocket turn causes into one another: after a RST the next read says EOF,
an EOF makes TLS complain, and so on. What the kernel said first is kept here, with its time.

A send that fails raises nothing that ends the story: data that the peer sent before its RST
is still in the receive buffer, and may hold the alert or the close frame that explains it.
The reader shows the story in the order in which it arrived.
"""

import contextlib
import errno
import operator
import socket
import sys
from typing import NamedTuple

import trio
from trio.abc import Stream

from stresser.model.clocks import Clock, Hangups
from stresser.net.dial import release
from stresser.net.resolve import format_sockaddr

_CHUNK = 16_384


class TransportFault(NamedTuple):
    """The first thing that went wrong below TLS."""

    error: OSError | None
    """None: the peer sent FIN."""
    at_ns: int
    """When the loop learned of it: an upper bound of the packet's arrival."""
    operation: str
    """`receive` or `send`."""


class Tap(Stream):
    """A connected TCP socket as a stream that remembers.

    Follows trio's Stream contract (`trio.testing.check_two_way_stream`), plus `send_nowait`.
    """

    __slots__ = (
        "bytes_received",
        "bytes_sent",
        "clock",
        "fault",
        "hangups",
        "idle_before_send_ns",
        "interrupted",
        "is_parting",
        "last_passed_ns",
        "last_received_ns",
        "last_sent_ns",
        "quiet_since_ns",
        "sock",
    )

    backlog = False
    """Nothing waits here for the kernel: what it does not take now, it has not taken."""

    def __init__(self, sock: socket.socket, clock: Clock, hangups: Hangups | None = None) -> None:
        self.sock = sock
        self.clock = clock
        self.hangups = hangups
        if hangups is not None:
            hangups.add(sock.fileno())
        self.fault: TransportFault | None = None
        self.interrupted = False
        self.bytes_received = 0
        self.bytes_sent = 0
        self.last_received_ns = clock.now_ns()
        self.last_sent_ns = self.last_received_ns
        self.last_passed_ns = self.last_received_ns
        """When something last passed in either direction: the later one of these two."""
        self.quiet_since_ns = self.last_received_ns
        """When something had last passed before what was received last: where that was a goodbye,
        the silence that it ended began then."""
        self.is_parting = False
        """A goodbye is being said: what is sent now is no activity, and dates no silence."""
        self.idle_before_send_ns = 0
        """How long nothing had passed in either direction when we last sent."""

    def passed_by(self, heard_ns: int | None) -> int:
        """When something last passed, where the kernel had all data by `heard_ns`.

        A loop that is kept from running reads late: the silence had begun before.
        """
        if heard_ns is None:
            return self.last_passed_ns
        return min(self.last_passed_ns, max(self.last_sent_ns, heard_ns))

    def local_address(self) -> str:
        """`address:port` of our end."""
        return format_sockaddr(self.sock.getsockname())

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for the socket, then read once: `b""` is the peer's FIN.

        It never reads before waiting: what it then meets was there when the loop woke, so
        the loop's stamp dates it.

        Raises:
            trio.BrokenResourceError: from the OSError in `fault`.
        """
        size = _CHUNK if max_bytes is None else operator.index(max_bytes)
        if size < 1:
            raise ValueError("max_bytes must be 1 or more")
        if self.interrupted or self.sock.fileno() < 0:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError
        while True:
            await trio.lowlevel.wait_readable(self.sock)
            try:
                return self.receive_nowait(size)
            except BlockingIOError:
                continue

    def receive_nowait(self, max_bytes: int = _CHUNK) -> bytes:
        """Read once, where the socket is known to be readable: `b""` is the peer's FIN.

        Raises:
            BlockingIOError: nothing was there after all.
            trio.BrokenResourceError: from the OSError in `fault`.
        """
        try:
            data = self.sock.recv(max_bytes)
        except BlockingIOError:
            raise
        except OSError as exc:
            self._note(exc, self._hung_up_ns(), "receive")
            raise trio.BrokenResourceError(str(exc)) from exc
        if data:
            self._received(len(data))
            return data
        self._note_end(self._hung_up_ns())
        self._raise_send_error()
        return data

    def send_nowait(self, data: bytes | memoryview) -> int:
        """Give the kernel what it takes now. Returns the number of bytes taken.

        A failing send is noted in `fault` and counts as taken: the reader will tell.
        """
        # Taken before: on a busy machine the answer may be here before we are told of the send.
        now = self.clock.now_ns()
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as exc:
            self._note(exc, self.clock.now_ns(), "send")
            return len(data)
        if not self.is_parting:
            self.idle_before_send_ns = now - self.last_passed_ns
            self.last_sent_ns = self.last_passed_ns = now
        self.bytes_sent += sent
        return sent

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything.

        Raises:
            trio.BrokenResourceError: when the connection is gone, from the OSError.
        """
        if self.sock.fileno() < 0:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError
        with memoryview(data) as view:
            done = self.send_nowait(view)
            while done < len(view):
                await trio.lowlevel.wait_writable(self.sock)
                done += self.send_nowait(view[done:])
        await trio.lowlevel.checkpoint()
        self._raise_send_error()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the kernel takes data."""
        if self.interrupted or self.sock.fileno() < 0:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError
        await trio.lowlevel.wait_writable(self.sock)

    def interrupt(self) -> None:
        """End whoever waits for this socket, now or later, with trio.ClosedResourceError.

        The socket itself stays as it is. A cancel scope for each session would do the same
        with 700 bytes more.
        """
        self.interrupted = True
        if self.sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self.sock)

    async def aclose(self) -> None:
        """Close the socket. With unread data in it the kernel answers the peer with RST."""
        self.close()
        await trio.lowlevel.checkpoint()

    def end_sending(self) -> None:
        """Send FIN behind what was sent; reading goes on. A dead connection is left as it is."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """The same without a checkpoint."""
        if self.hangups is not None and self.sock.fileno() >= 0:
            self.hangups.forget(self.sock.fileno())
        release(self.sock)

    def _received(self, size: int) -> None:
        self.bytes_received += size
        self.quiet_since_ns = self.last_passed_ns
        self.last_received_ns = self.last_passed_ns = self.clock.now_ns()

    def _hung_up_ns(self) -> int:
        # It was in the socket when the loop woke; others of this pass may have come later.
        seen = None if self.hangups is None else self.hangups.seen_ns(self.sock.fileno())
        return self.clock.woke_ns if seen is None else min(seen, self.clock.now_ns())

    def _note(self, error: OSError | None, at_ns: int, operation: str) -> None:
        if self.fault is None:
            self.fault = TransportFault(error, at_ns, operation)

    def _note_end(self, at_ns: int) -> None:
        first = self.fault
        if first is not None and first.error is not None and _tells_of_fin(first.error):
            self.fault, at_ns = None, min(at_ns, first.at_ns)
        self._note(None, at_ns, "receive")

    def _raise_send_error(self) -> None:
        if self.fault is not None and self.fault.error is not None:
            raise trio.BrokenResourceError(str(self.fault.error)) from self.fault.error


def _tells_of_fin(error: OSError) -> bool:
    """Whether a failed send says that FIN came before the RST: then FIN was the first cause.

    Linux says EPIPE for a RST that follows a FIN and ECONNRESET for any other
    (net/ipv4/tcp_input.c, tcp_reset). Other systems say EPIPE for both.
    """
    return sys.platform == "linux" and error.errno == errno.EPIPE
