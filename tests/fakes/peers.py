"""Servers for one connection: independent of the product's own TLS and WebSocket code."""

import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

import trio
import trio_websocket
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, Pong, Request

from tests.fakes.path import FarEnd

Program: TypeAlias = Callable[[FarEnd], Awaitable[None]]
"""What a server does with one connection."""


class TlsPeer:
    """The server's side of TLS, on MemoryBIO: it can stop, lie and break off at any byte."""

    def __init__(self, far: FarEnd, context: ssl.SSLContext) -> None:
        self.far = far
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def handshake(self) -> None:
        await self._drive(self._tls.do_handshake)

    async def read(self) -> bytes:
        """Plaintext; `b""` at the client's close_notify or FIN."""
        try:
            data: bytes = await self._drive(self._tls.read, 65_536)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        return data

    async def write(self, data: bytes) -> None:
        await self._drive(self._tls.write, data)

    def take_nowait(self) -> None:
        """Read what has arrived from the network in this very moment; `read` returns it."""
        self._incoming.write(self.far.path.to_server.take(65_536))

    async def close_notify(self) -> None:
        """Ours alone; the client's is not waited for."""
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        await self._flush()

    async def _drive(self, call: Callable[..., Any], *args: object) -> Any:
        while True:
            try:
                result = call(*args)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self.far.receive_some()
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                await self._flush()  # the alert that says what we object to
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        pending = self._outgoing.read()
        if pending:
            await self.far.send_all(pending)


class WebSocketPeer:
    """A WebSocket server on wsproto that does only what its script says."""

    def __init__(self, tls: TlsPeer) -> None:
        self.tls = tls
        self._ws = WSConnection(ConnectionType.SERVER)
        self.pings: list[float] = []
        """When each ping came, on trio's clock."""

    @classmethod
    async def accept(cls, far: FarEnd, context: ssl.SSLContext) -> "WebSocketPeer":
        tls = TlsPeer(far, context)
        await tls.handshake()
        peer = cls(tls)
        assert isinstance(await peer.next_event(), Request)
        await peer.send(AcceptConnection())
        return peer

    async def next_event(self) -> Event | None:
        """The next event; None when the client has ended."""
        while True:
            for event in self._ws.events():
                if isinstance(event, Ping):
                    self.pings.append(trio.current_time())
                return event
            data = await self.tls.read()
            if not data:
                return None
            self._ws.receive_data(data)

    async def send(self, event: Event) -> None:
        await self.tls.write(self._ws.send(event))

    async def answer_pings(self, delay_s: float = 0.0) -> None:
        """Until the client closes or ends."""
        while (event := await self.next_event()) is not None:
            if isinstance(event, Ping):
                await trio.sleep(delay_s)
                await self.send(Pong(event.payload))
            elif isinstance(event, CloseConnection):
                await self.send(event.response())
                await self.tls.close_notify()
                await self.tls.far.aclose()
                return

    async def swallow(self) -> None:
        """Read on and answer nothing."""
        while await self.next_event() is not None:
            pass


def websocket_server(context: ssl.SSLContext) -> Program:
    """trio-websocket over trio's own TLS: answers pings and the close, says nothing itself."""

    async def serve(far: FarEnd) -> None:
        stream = trio.SSLStream(far, context, server_side=True)
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(nursery, stream)
            connection = await request.accept()
            try:
                while True:
                    await connection.get_message()
            except trio_websocket.ConnectionClosed:
                pass
            await connection.aclose()

    return serve


def tls_server(context: ssl.SSLContext) -> Program:
    """trio's own TLS: accepts, and reads until the client ends."""

    async def serve(far: FarEnd) -> None:
        stream = trio.SSLStream(far, context, server_side=True)
        await stream.do_handshake()
        while await stream.receive_some():
            pass
        await stream.aclose()

    return serve
