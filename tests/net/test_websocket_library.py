"""Our WebSocket with trio-websocket's server behind trio's own TLS."""

from contextlib import asynccontextmanager

import pytest
import trio
import trio_websocket
from trio.testing import wait_all_tasks_blocked

from stresser.model.faults import HttpRefused, PeerClosed
from stresser.net.tls import TlsProfile, TlsStream, context_for
from stresser.net.websocket import UpgradeRequest, upgrade
from tests.net.open_websocket import ASKED, drained
from tests.net.peers import NAME, run, server_context, tapped_pair


@asynccontextmanager
async def library_server(version, serve):
    """Our TLS stream and trio-websocket's server behind trio's own TLS."""
    async with tapped_pair() as (tap, far), trio.open_nursery() as nursery:
        stream = TlsStream(tap, context_for(TlsProfile(require=False)), NAME)
        transport = trio.SocketStream(trio.socket.from_stdlib_socket(far))

        async def answer():
            tls = trio.SSLStream(
                transport, server_context(version), server_side=True, https_compatible=True
            )
            request = await trio_websocket.wrap_server_stream(nursery, tls)
            await serve(request)

        nursery.start_soon(answer)
        await stream.handshake()
        yield stream
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_session_with_trio_websocket(version):
    said = []

    async def serve(request):
        said.append(request.proposed_subprotocols)
        connection = await request.accept(subprotocol="mqtt")
        await connection.send_message("hello")
        await connection.ping(b"theirs")  # returns when our pong is there
        said.append("ponged")
        await connection.aclose(4321, "enough")

    async def test():
        async with library_server(version, serve) as stream:
            asked = UpgradeRequest(host=NAME, target="/", subprotocols=("mqtt",))
            websocket, subprotocol = await upgrade(stream, asked)
            assert subprotocol == "mqtt"
            pongs: list[bytes] = []
            websocket.ping_nowait(b"ours")
            fault = await drained(websocket, pongs)
            assert type(fault) is PeerClosed
            assert (fault.code, fault.reason) == (4321, "enough")
            assert pongs == [b"ours"]
            assert websocket.messages == 1
        assert said == [("mqtt",), "ponged"]

    run(test)


def test_trio_websocket_takes_our_close_as_an_orderly_one():
    closed: list[trio_websocket.CloseReason | None] = []

    async def serve(request):
        connection = await request.accept()
        with pytest.raises(trio_websocket.ConnectionClosed) as caught:
            await connection.get_message()
        closed.append(caught.value.reason)

    async def test():
        async with library_server("TLSv1.3", serve) as stream:
            websocket, _ = await upgrade(stream, ASKED)
            websocket.close_nowait(1001)
            fault = await drained(websocket, [])
            assert type(fault) is PeerClosed
            assert fault.code == 1001
            await wait_all_tasks_blocked()
        [reason] = closed
        assert reason is not None
        assert (reason.code, reason.name) == (1001, "GOING_AWAY")

    run(test)


def test_trio_websocket_refuses():
    async def serve(request):
        await request.reject(403, extra_headers=[(b"Server", b"lab")], body=b"no")

    async def test():
        async with library_server("TLSv1.3", serve) as stream:
            with pytest.raises(HttpRefused) as caught:
                await upgrade(stream, ASKED)
            assert caught.value.status == 403
            assert caught.value.headers == {"server": "lab"}

    run(test)
