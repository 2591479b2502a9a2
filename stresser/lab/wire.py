"""One TCP socket of the lab, as a trio stream that can also end in every way TCP knows."""

import errno
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NoReturn

import trio

from stresser.lab.vanish import reappear, vanish

GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)
"""What every stream of the lab raises when its peer or its owner has ended it."""

_CHUNK: Final = 65_536
_LINGER_OFF: Final = struct.pack("ii", 1, 0)
_DRAIN_S: Final = 2.0
_FIRST_BYTE_S: Final = 0.2
_BACKLOG: Final = 4096
_RESOURCES_PAUSE_S: Final = 0.05
_OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
LOOPBACK: Final = "127.0.0.1"
"""Where every lab listener waits."""


class Wire(trio.abc.Stream):
    """A connected TCP socket. Raises only what `GONE` lists; the errno is in `__cause__`."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self.socket = sock
        self.close_notified = False
        # Small records must leave at once: delays here would look like the endpoint's.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has arrived, at most 64 KiB; b"" after the peer's FIN."""
        try:
            return await self.socket.recv(max_bytes or _CHUNK)
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Hand everything to the kernel."""
        try:
            with memoryview(data) as rest:
                sent = 0
                while sent < len(rest):
                    sent += await self.socket.send(rest[sent:])
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the send buffer has room."""
        try:
            await self.socket.wait_writable()
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    def reset(self) -> None:
        """RST now: SO_LINGER with a time of 0 (socket(7)) discards what was not sent."""
        if self.socket.fileno() >= 0:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
            self.socket.close()

    def shut(self) -> None:
        """FIN now; reading goes on."""
        with suppress(OSError, trio.ClosedResourceError):  # the peer was quicker with a RST
            self.socket.shutdown(socket.SHUT_WR)

    def vanish(self) -> bool:
        """Become a black hole for the peer; False where this platform cannot (vanish.py)."""
        return vanish(self.socket)

    def reappear(self) -> None:
        """Undo `vanish`."""
        reappear(self.socket)

    async def wait_for_first_byte(self) -> None:
        """Wait until the peer has begun to speak, for at most 200 ms; nothing is read.

        A RST that overtakes the peer's own notice of its connection makes connect(2) fail, by
        chance; who speaks has noticed.
        """
        with trio.move_on_after(_FIRST_BYTE_S):
            await trio.lowlevel.wait_readable(self.socket)

    async def discard(self) -> None:
        """Read and forget until the peer's FIN or RST."""
        try:
            while await self.receive_some():
                pass
        except GONE:
            pass

    async def end(self, *, notify: bool) -> None:  # noqa: ARG002 - a bare wire has no close_notify
        """FIN."""
        self.shut()
        await trio.lowlevel.checkpoint()

    async def fin(self) -> None:
        """FIN, then close.

        Closing a socket with unread data sends RST instead of FIN (RFC 2525 section 2.17), so the
        FIN goes first and what still comes in is read for two seconds.
        """
        self.shut()
        try:
            with trio.move_on_after(_DRAIN_S):
                await self.discard()
        finally:
            self.close()

    def close(self) -> None:
        """Close as a program does that just ends."""
        self.socket.close()

    async def aclose(self) -> None:
        """The same as `fin`."""
        await self.fin()

    def addresses(self) -> tuple[tuple[str, int], tuple[str, int]] | None:
        """Our IPv4 address and port, the peer's; None when the peer is gone, or for IPv6."""
        if self.socket.family != socket.AF_INET:
            return None
        try:
            return self.socket.getsockname(), self.socket.getpeername()
        except OSError:
            return None


def bind_loopback() -> socket.socket:
    """A non-blocking TCP socket on a free port of 127.0.0.1, not listening yet."""
    sock = socket.socket()
    sock.settimeout(0)
    sock.bind((LOOPBACK, 0))
    return sock


def listen_loopback() -> trio.socket.SocketType:
    """A listener on a free port of 127.0.0.1 with the longest backlog the kernel allows."""
    sock = bind_loopback()
    sock.listen(_BACKLOG)
    return trio.socket.from_stdlib_socket(sock)


async def accept_forever(
    listener: trio.socket.SocketType, handle: Callable[[Wire], Awaitable[None]]
) -> NoReturn:
    """Serve each connection in a task of its own; a lack of files waits, it does not end this."""
    async with trio.open_nursery() as nursery:
        while True:
            try:
                sock, _ = await listener.accept()
            except OSError as error:
                if error.errno not in _OUT_OF_RESOURCES:
                    raise
                await trio.sleep(_RESOURCES_PAUSE_S)  # until a session ends
                continue
            nursery.start_soon(handle, Wire(sock))
    raise AssertionError("accepting never ends by itself")
