"""The other end of a connection in tests: real sockets, and TLS by the stdlib over MemoryBIO.

Written apart from `stresser.net`, so that a mistake there is not made here as well.
"""

import select
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import trio
import trustme

from stresser.net.hello_bytes import client_context
from stresser.net.tap import Tap
from stresser.net.tls import TlsProfile, TlsStream
from stresser.witness.clock import RunClock
from stresser.witness.loop import LoopStamp

PATIENCE_S = 10
"""No test waits longer for what must come at once."""
NAME = "echo.lab.test"
POLICY = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run one test in trio, under a deadline."""

    async def main() -> None:
        with trio.fail_after(PATIENCE_S):
            await test()

    trio.run(main)


def tcp_pair(*, buffers: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection over loopback, non-blocking; optionally with small buffers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    for end in (near, far):
        end.settimeout(0)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if buffers is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffers)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffers)
    return near, far


def reset(sock: socket.socket) -> None:
    """Close with RST instead of FIN (socket(7), SO_LINGER)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def open_descriptors() -> set[str]:
    """Numbers of this process's open files (Linux)."""
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def wait_for(sock: socket.socket, events: int) -> int:
    """Block until poll(2) reports one of these events, and return them; no later than patience."""
    poll = select.poll()
    poll.register(sock, events)
    ready = poll.poll(PATIENCE_S * 1000)
    assert ready, "the event never came"
    return ready[0][1]


@contextmanager
def stamped_clock() -> Iterator[RunClock]:
    """The run's clock with its loop stamp, as in a run."""
    clock = RunClock()
    stamp = LoopStamp(clock)
    trio.lowlevel.add_instrument(stamp)
    try:
        yield clock
    finally:
        trio.lowlevel.remove_instrument(stamp)


@asynccontextmanager
async def tapped_pair(*, buffers: int | None = None) -> AsyncIterator[tuple[Tap, socket.socket]]:
    """A tap on one end and the bare socket of the other."""
    near, far = tcp_pair(buffers=buffers)
    with stamped_clock() as clock, far:
        tap = Tap(near, clock)
        try:
            yield tap, far
        finally:
            tap.close()


@cache
def authority() -> trustme.CA:
    """The root of the tests' certificates."""
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@cache
def leaf() -> trustme.LeafCert:
    """A good certificate for `NAME`."""
    return authority().issue_cert(NAME, key_type=trustme.KeyType.ECDSA)


def server_context(version: str, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    """The peer's side of TLS, one version alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = POLICY[version]
    (certificate or leaf()).configure_cert(context)
    return context


class TlsPeer:
    """A TLS server on MemoryBIO over a bare socket: what it sends can be delayed or spoiled."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self.bare = sock
        self.sock = trio.socket.from_stdlib_socket(sock)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)

    async def handshake(self) -> None:
        await self._until_done(self.tls.do_handshake)

    async def send(self, data: bytes) -> None:
        self.tls.write(data)
        await self.flush()

    async def receive(self, most: int = 65_536) -> bytes:
        """Plaintext; `b""` is the client's close_notify."""
        received: bytes = await self._until_done(self.tls.read, most)
        return received

    async def close_notify(self) -> None:
        """Say close_notify, and do not wait for the answer."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        await self.flush()

    def encrypted(self, data: bytes) -> bytes:
        """The records that would carry the data, not sent."""
        self.tls.write(data)
        return self._out.read()

    async def flush(self) -> None:
        await self.send_raw(self._out.read())

    async def send_raw(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[await self.sock.send(view) :]

    async def receive_raw(self) -> bytes:
        return await self.sock.recv(65_536)

    def feed(self, data: bytes) -> None:
        """Hand the TLS engine bytes as if they had come from the socket."""
        self._in.write(data)

    async def _until_done(self, call: Callable[..., Any], *args: object) -> Any:
        while True:
            try:
                result = call(*args)
            except ssl.SSLWantReadError:
                await self.flush()
                data = await self.receive_raw()
                if data:
                    self._in.write(data)
                else:
                    self._in.write_eof()
            except ssl.SSLError:
                await self.flush()  # the alert
                raise
            else:
                await self.flush()
                return result


@asynccontextmanager
async def tls_pair(
    version: str,
    *,
    buffers: int | None = None,
    profile: TlsProfile | None = None,
    context: ssl.SSLContext | None = None,
    name: str = NAME,
    handshake: bool = True,
) -> AsyncIterator[tuple[TlsStream, TlsPeer]]:
    """Our TLS stream and an independent peer, by default with the handshake done."""
    async with tapped_pair(buffers=buffers) as (tap, far):
        chosen = profile or TlsProfile(require=False)
        stream = TlsStream(tap, client_context(chosen), name)
        peer = TlsPeer(far, context or server_context(version))
        if handshake:
            await shake_hands(stream, peer)
        yield stream, peer
        peer.sock.close()


async def shake_hands(stream: TlsStream, peer: TlsPeer) -> None:
    """Both sides' handshake, to its end."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.handshake)
        nursery.start_soon(peer.handshake)


async def outcome(call: Callable[[], Awaitable[object]]) -> Any:
    """What a call raises; None where it returns."""
    try:
        await call()
    except Exception as exc:  # noqa: BLE001 - the test judges it
        return exc
    return None


async def both_handshakes(stream: TlsStream, peer: TlsPeer) -> tuple[Any, Any]:
    """How the handshake ends for us, and for the peer."""
    ends: dict[str, Any] = {}

    async def one(name: str, call: Callable[[], Awaitable[None]]) -> None:
        ends[name] = await outcome(call)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, "ours", stream.handshake)
        nursery.start_soon(one, "theirs", peer.handshake)
    return ends["ours"], ends["theirs"]
