"""A TCP relay on loopback that sends each connection whither the test says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

_CHUNK = 65_536


class Switchboard:
    """`choose` is asked, for the number of each new connection (from 0), for a port."""

    def __init__(self, choose: Callable[[int], int]) -> None:
        self.choose = choose
        self.connections = 0
        self.port = 0

    async def relay(self, client: trio.SocketStream) -> None:
        number, self.connections = self.connections, self.connections + 1
        server = await trio.open_tcp_stream("127.0.0.1", self.choose(number))
        try:
            async with client, server, trio.open_nursery() as nursery:
                nursery.start_soon(_pump, client, server)
                await _pump(server, client)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # a client or a server that goes away is no part of a test


async def _pump(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    async for data in source:
        await sink.send_all(data)


@asynccontextmanager
async def switchboard(choose: Callable[[int], int]) -> AsyncIterator[Switchboard]:
    """Relays while the block runs."""
    board = Switchboard(choose)
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        board.port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, board.relay, [listener])
        yield board
        nursery.cancel_scope.cancel()
