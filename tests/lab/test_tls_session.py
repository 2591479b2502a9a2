import ssl

import pytest
import trio

from stresser.lab.credentials import Credentials, upstream_context
from stresser.lab.tls_session import TlsSession
from stresser.lab.wire import Wire, listen_loopback


@pytest.fixture(params=["1.2", "1.3"])
def contexts(request, tmp_path):
    credentials = Credentials(tmp_path)
    return credentials.context("echo", request.param), upstream_context()


async def shaken(contexts):
    """Both sides after their handshake."""
    listener = listen_loopback()
    ours = trio.socket.socket()
    await ours.connect(listener.getsockname())
    theirs, _ = await listener.accept()
    listener.close()
    server = TlsSession(Wire(theirs), contexts[0])
    client = TlsSession(Wire(ours), contexts[1], server_side=False, name="echo.lab.test")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.handshake)
        nursery.start_soon(client.handshake)
    return client, server


def run(contexts, main):
    async def with_sessions():
        client, server = await shaken(contexts)
        try:
            with trio.fail_after(10):
                await main(client, server)
        finally:
            client.below.close()
            server.below.close()

    trio.run(with_sessions)


def test_data_passes_both_ways_at_once(contexts):
    payload = bytes(1 << 20)

    async def take(session):
        got = 0
        while got < len(payload):
            got += len(await session.receive_some())

    async def main(client, server):
        async with trio.open_nursery() as nursery:
            for session in (client, server):
                nursery.start_soon(session.send_all, payload)
                nursery.start_soon(take, session)

    run(contexts, main)


def test_unread_is_given_again_first(contexts):
    async def main(client, server):
        await client.send_all(b"second")
        server.unread(b"first")
        assert await server.receive_some() == b"first"
        assert await server.receive_some() == b"second"

    run(contexts, main)


def test_close_notify_is_told_from_truncation(contexts):
    async def main(client, server):
        await client.end(notify=True)
        assert await server.receive_some() == b""
        assert server.close_notified
        await server.end(notify=False)
        with pytest.raises(trio.BrokenResourceError) as caught:
            await client.receive_some()
        assert isinstance(caught.value.__cause__, ssl.SSLEOFError)
        assert not client.close_notified

    run(contexts, main)


@pytest.mark.parametrize("sent", [b"", b"\x17\x03\x03", b"\x17\x03\x03\x40\x00" + b"x" * 100])
def test_fatal_alert_comes_out_whatever_was_half_received(contexts, sent):
    async def main(client, server):
        if sent:
            await client.below.send_all(sent)
            with trio.move_on_after(0.05):
                await server.receive_some()
        await server.fatal_alert()
        with pytest.raises(trio.BrokenResourceError) as caught:
            await client.receive_some()
        assert isinstance(caught.value.__cause__, ssl.SSLError)
        assert caught.value.__cause__.reason == "SSLV3_ALERT_BAD_RECORD_MAC"

    run(contexts, main)


def test_a_failed_handshake_has_sent_its_alert(contexts):
    async def main(client, server):
        late = TlsSession(server.below, contexts[0])
        await client.below.send_all(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            await late.handshake()

    run(contexts, main)


def test_closing_is_quick_when_the_peer_has_reset(contexts):
    async def main(client, server):
        client.below.reset()
        with trio.fail_after(1):
            await server.aclose()

    run(contexts, main)
