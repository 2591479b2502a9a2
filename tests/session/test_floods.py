"""A peer that floods: it is read in turn, nobody is blamed for it, and its end is told."""

import ssl
from contextlib import suppress

import trio

from stresser.model.ending import Kind
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from tests.fakes.certificates import SERVER_NAME, authority, server_context
from tests.fakes.peers import TlsPeer, WebSocketPeer
from tests.fakes.world import heartbeat, in_virtual_time, life, silent, world


def test_a_flood_is_read_in_turn_and_its_unread_pongs_accuse_nobody():
    """Pongs wait behind seconds of empty messages: none is late, and none is a round trip."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())

        async def flood():
            with suppress(ssl.SSLError):  # the end of the session shuts TLS down
                while True:
                    await peer.tls.write(b"\x82\x00" * 2048)
                    await trio.sleep(0.04)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            await peer.answer_pings()
            nursery.cancel_scope.cancel()

    made = life(program, 4, activity=heartbeat("1s", "1s"), latency_s=0.001)
    ended = made.notebook.only_ended()
    assert ended.ending.kind is Kind.PLANNED
    assert ended.held_back_ns > 3 * NS_PER_S
    assert ended.messages < 40_000
    assert made.notebook.values(Quantity.RTT) == []
    assert made.around.bugs.count == 0


def test_what_ends_a_flooding_session_is_told_when_its_flood_is_read():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        await peer.tls.write(b"\x82\x00" * 2048)
        far.path.reset()

    ended = life(program, 60).notebook.only_ended()
    assert (ended.ending.kind, ended.messages) == (Kind.TCP_RESET, 2048)
    assert ended.held_back_ns > 0


def test_tls_alone_is_read_in_turn_too():
    async def program(far):
        tls = TlsPeer(far, server_context())
        await tls.handshake()
        for _ in range(1000):
            await tls.write(b"x")
        await trio.sleep_forever()

    async def story():
        async with world(program) as made:
            made.start(made.route(scheme="tls", activity=silent()))
            await trio.sleep(10)
            made.stop()
            await trio.sleep(1)
            return made

    ended = in_virtual_time(story).notebook.only_ended()
    assert ended.messages == 1000
    assert 0 < ended.held_back_ns < 2 * NS_PER_S


def test_session_tickets_without_end_are_read_in_turn():
    """They are below what a session is sent: no message and no frame comes of them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(SERVER_NAME, "127.0.0.1").configure_cert(context)
    context.num_tickets = 5000

    async def program(far):
        await TlsPeer(far, context).handshake()
        await trio.sleep_forever()

    async def story():
        async with world(program) as made:
            made.start(made.route(scheme="tls", activity=silent()))
            await trio.sleep(10)
            made.stop()
            await trio.sleep(1)
            return made

    ended = in_virtual_time(story).notebook.only_ended()
    assert ended.messages == 0
    assert 0.5 * NS_PER_S < ended.held_back_ns < 2 * NS_PER_S


def test_a_large_record_in_small_segments_is_no_flood():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        for _ in range(20):
            await peer.tls.write(b"\x82\x7e\x3f\xf0" + bytes(0x3FF0))
            await trio.sleep(0.05)

    made = life(program, 4, latency_s=0.001)
    ended = made.notebook.only_ended()
    assert (ended.messages, ended.held_back_ns) == (20, 0)
