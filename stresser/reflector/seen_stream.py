"""A server's TLS stream that remembers what passed and what ended it first.

trio-websocket above it reports 1006 for every end and drops the cause.
"""

import errno
import ssl
from collections.abc import Callable
from typing import Final, NamedTuple

import trio

from stresser.model.clocks import Clock
from stresser.model.ending import Kind
from stresser.model.evidence import TcpInfo
from stresser.model.far_end import AnsweredPing
from stresser.net.fair_share import FairShare

_KINDS: Final = {
    errno.ECONNRESET: Kind.TCP_RESET,
    errno.EPIPE: Kind.TCP_RESET,
    errno.ETIMEDOUT: Kind.KERNEL_TIMEOUT,
    errno.EHOSTUNREACH: Kind.UNREACHABLE,
    errno.ENETUNREACH: Kind.UNREACHABLE,
}


_PONG: Final = b"\x8a\x04"
"""A pong of four bytes (RFC 6455 section 5.2): a tester's pings have so many, their number."""
_PONG_BYTES: Final = 6


class SeenEnd(NamedTuple):
    """What ended a stream first."""

    kind: Kind
    raw: str | None = None
    """The untranslated error."""


class SeenStream(trio.abc.Stream):
    """Plaintext of one connection. `end` is what ended it first; None while it lives."""

    def __init__(
        self, below: trio.abc.Stream, clock: Clock, tcp_info: Callable[[], TcpInfo | None]
    ) -> None:
        """`tcp_info` asks the kernel about the socket."""
        self._below = below
        self._clock = clock
        self.share: FairShare | None = None
        """What a stranger may take of the loop; None: a guest's share has no limit."""
        self.ask_kernel = tcp_info
        """The kernel's account of now."""
        self.when_over: Callable[[], object] | None = None
        """Called when the peer ended it, and before this end closes it."""
        self._unread = b""
        self.end: SeenEnd | None = None
        self.ended_ns: int | None = None
        """When that was seen."""
        self.info: TcpInfo | None = None
        """As it was at the end, before the socket was closed."""
        self.bytes_received = 0
        self.bytes_sent = 0
        self.last_in_ns = clock.now_ns()
        self.last_out_ns: int | None = None
        self.answered: AnsweredPing | None = None
        """The latest ping of a tester whose pong was sent."""

    def unread(self, data: bytes) -> None:
        """Have the next `receive_some` give this again."""
        self._unread = data

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Plaintext; `b""` is close_notify.

        Raises:
            trio.BrokenResourceError: anything else ended it; see `end`.
        """
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        try:
            data = bytes(await self._below.receive_some(max_bytes))
        except trio.BrokenResourceError as exc:
            self._ended(_cause_of(exc))
            raise
        if not data:
            self._ended(SeenEnd(Kind.TLS_CLOSE_NOTIFY))
            return data
        self.bytes_received += len(data)
        self.last_in_ns = self._clock.now_ns()
        if self.share is not None and not self.share.take(0):
            await self.share.turn()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send plaintext.

        Raises:
            trio.BrokenResourceError: the connection is gone; see `end`.
        """
        size = len(data)
        if size == _PONG_BYTES and data[:2] == _PONG:
            self._answers(data)
        try:
            await self._below.send_all(data)
        except trio.BrokenResourceError as exc:
            self._ended(_cause_of(exc))
            raise
        self.bytes_sent += size
        self.last_out_ns = self._clock.now_ns()

    def _answers(self, pong: bytes | bytearray | memoryview) -> None:
        # The engine answers a ping at once: what was read last was that ping.
        number = int.from_bytes(pong[2:], "big")
        now_ns = self._clock.now_ns()
        self.answered = AnsweredPing(number=number, in_ns=self.last_in_ns, out_ns=now_ns)

    async def wait_send_all_might_not_block(self) -> None:
        """As trio's streams."""
        await self._below.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """close_notify and FIN."""
        self.look()
        if self.when_over is not None:
            self.when_over()
        await self._below.aclose()

    def look(self) -> None:
        """Keep the kernel's account, once."""
        if self.info is None:
            self.info = self.ask_kernel()

    def _ended(self, end: SeenEnd) -> None:
        if self.end is None:
            self.end, self.ended_ns = end, self._clock.now_ns()
            self.look()
        if self.when_over is not None:
            self.when_over()


def _cause_of(exc: BaseException) -> SeenEnd:
    """The kernel's error or TLS's, from the chain of causes."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLEOFError):
            return SeenEnd(Kind.TCP_FIN)
        if isinstance(cause, ssl.SSLError):
            return SeenEnd(Kind.PROTOCOL_ERROR, _shown(cause))
        if isinstance(cause, OSError):
            return SeenEnd(_KINDS.get(cause.errno or 0, Kind.UNKNOWN), _shown(cause))
        cause = cause.__cause__
    return SeenEnd(Kind.UNKNOWN, _shown(exc))


def _shown(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"[:256]
