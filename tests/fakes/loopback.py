"""A real TLS and WebSocket server on loopback: trio-websocket over trio's own TLS."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
import trio_websocket

from stresser.model.cohort import Cohort
from stresser.model.units import Duration
from stresser.net.dial import Binding
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.plan import Activity, Timeouts
from stresser.session.route import Route
from tests.fakes.certificates import SERVER_NAME, client_context, judge, server_context


async def stay(request: trio_websocket.WebSocketRequest) -> None:
    """Answer pings until the client closes."""
    connection = await request.accept()
    try:
        while True:
            await connection.get_message()
    except trio_websocket.ConnectionClosed:
        pass


@asynccontextmanager
async def loopback_server(
    handler: Callable[[trio_websocket.WebSocketRequest], Awaitable[None]] = stay,
) -> AsyncIterator[int]:
    """Serves while the block runs; gives its port."""
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            trio_websocket.serve_websocket, handler, "127.0.0.1", 0, server_context()
        )
        yield server.port
        nursery.cancel_scope.cancel()


def loopback_route(port: int, *, endpoint: str = "broker", egress: str = "direct") -> Route:
    """To a server on loopback, with a ping every 200 ms."""
    every, timeout = Duration.parse("200ms"), Duration.parse("5s")
    return Route(
        cohort=Cohort(endpoint, egress, "heartbeat"),
        host="127.0.0.1",
        port=port,
        binding=Binding(),
        server_name=SERVER_NAME,
        context=client_context(),
        judge=judge(),
        request=UpgradeRequest(host=SERVER_NAME, target="/"),
        activity=Activity(name="heartbeat", every=every, timeout=timeout),
        timeouts=Timeouts(),
    )
