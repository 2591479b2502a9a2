"""Proofs of life and death: the truth lies between them, whatever the path does."""

import errno
import os

import pytest
import trio
from wsproto.events import CloseConnection, Ping, Pong

from stresser.model.ending import Kind
from stresser.model.faults import NoPong
from stresser.model.units import NS_PER_MS, NS_PER_S
from tests.fakes.certificates import server_context
from tests.fakes.peers import TlsPeer, WebSocketPeer, websocket_server
from tests.fakes.world import heartbeat, life, silent

LATENCY_S = 0.25


@pytest.mark.parametrize("death_s", [20.0, 20.1, 20.24, 20.26, 20.4, 20.49, 20.51, 25.0])
def test_a_way_that_dies_while_an_answer_is_coming_back(death_s):
    """The pong of the ping at 20 s arrives at 20.5 s, with the way there dead, perhaps."""

    async def swallow_path(made):
        await trio.sleep_until(death_s)
        made.paths[0].go_dark()

    made = life(
        websocket_server(server_context()),
        60,
        during=swallow_path,
        latency_s=LATENCY_S,
        activity=heartbeat("5s", "3s"),
    )
    ended = made.notebook.only_ended()
    assert ended.ending.kind is Kind.SILENCE
    assert ended.ending.alive_at_ns <= death_s * NS_PER_S <= ended.ending.dead_by_ns
    opened_ns = made.notebook.opened[0].t_ns
    # The last ping that was answered was sent 5 s at most before the way died.
    assert ended.ending.alive_at_ns >= opened_ns + (death_s - 7) * NS_PER_S


def test_a_session_that_dies_before_its_first_pong_was_alive_when_it_asked_to_be_opened():
    async def program(far):
        await WebSocketPeer.accept(far, server_context())
        far.path.go_dark()
        await trio.sleep_forever()

    made = life(program, 60, latency_s=LATENCY_S, activity=heartbeat("5s", "3s"))
    opened, ended = made.notebook.opened[0], made.notebook.only_ended()
    assert ended.ending.alive_at_ns == opened.t_ns - opened.phases_ns["upgrade"]


def test_a_kernel_that_gives_up_has_forgotten_so_the_last_ping_is_asked():
    """At ETIMEDOUT TCP_INFO says that nothing is unacknowledged; at the last ping it did."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_at(20):
            await peer.answer_pings()
        far.path.kernel.unacked = 1
        await trio.sleep_until(23)
        far.path.kernel.unacked = 0
        far.path.reset()
        far.path.to_client.error = TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        await trio.sleep_forever()

    ended = life(program, 60, activity=heartbeat("5s", "4s")).notebook.only_ended()
    assert ended.ending.kind is Kind.KERNEL_TIMEOUT
    assert ended.ending.evidence.tcp_info is not None
    assert ended.ending.evidence.tcp_info.unacked == 0
    assert ended.ending.alive_at_ns <= 20 * NS_PER_S <= ended.ending.dead_by_ns


def test_without_pings_the_kernels_last_word_is_the_proof_of_life():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_at(20):
            await peer.swallow()
        far.path.reset()
        far.path.to_client.error = TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        await trio.sleep_forever()

    made = life(program, 60, activity=silent())
    ended = made.notebook.only_ended()
    assert ended.ending.kind is Kind.KERNEL_TIMEOUT
    assert ended.ending.alive_at_ns <= 20 * NS_PER_S == ended.ending.dead_by_ns


def test_what_a_missing_pong_tells_is_evidence():
    async def program(far):
        await (await WebSocketPeer.accept(far, server_context())).swallow()

    ended = life(program, 60, activity=heartbeat("5s", "3s")).notebook.only_ended()
    assert ended.ending.raw is not None
    assert ended.ending.raw.startswith(NoPong.__name__)
    assert ended.ending.evidence.ping_sent_ns == 5 * NS_PER_S
    assert ended.ending.evidence.why == ["nothing-decides"]
    assert ended.ending.dead_by_ns == 8_050 * NS_PER_MS


async def _says_close(peer):
    await peer.send(CloseConnection(code=1001, reason="idle"))


async def _says_close_notify(peer):
    await peer.tls.close_notify()


async def _says_close_with_a_mask(peer):
    await peer.tls.write(b"\x88\x80\x00\x00\x00\x00")  # a server masks nothing (RFC 6455 5.1)


GOODBYES = {
    Kind.WS_CLOSE: _says_close,
    Kind.TLS_CLOSE_NOTIFY: _says_close_notify,
    Kind.PROTOCOL_ERROR: _says_close_with_a_mask,
}


@pytest.mark.parametrize("kind", GOODBYES)
@pytest.mark.parametrize("every", ["4s", None])
def test_a_goodbye_and_our_answer_to_it_end_a_silence_and_begin_none(kind, every):
    """The endpoint hears nothing for 5 s after the opening, or 3 s after a ping, and says so."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        if every:
            ping = await peer.next_event()
            assert isinstance(ping, Ping)
            await peer.send(Pong(ping.payload))
        await trio.sleep(3 if every else 5)
        await GOODBYES[kind](peer)
        await trio.sleep_forever()

    made = life(program, 60, activity=heartbeat(every, "3s") if every else silent())
    ended = made.notebook.only_ended()
    assert ended.ending.kind is kind
    assert ended.ending.idle_ns == (3 if every else 5) * NS_PER_S
    if every:
        assert ended.ending.evidence.since_sent_ns == 3 * NS_PER_S
        assert ended.ending.evidence.idle_before_send_ns == 4 * NS_PER_S
        assert ended.quiet_survived_ns == 4 * NS_PER_S


@pytest.mark.parametrize("is_fin", [True, False])
def test_a_silence_begins_when_the_kernel_had_the_last_data_however_late_it_is_read(is_fin):
    """It comes at 10 s and is read at 12 s; at 25 s the end comes, or is noticed."""

    async def program(far):
        peer = TlsPeer(far, server_context())
        await peer.handshake()
        await trio.sleep_until(10)
        await peer.write(b"x")
        await trio.sleep_until(25)
        far.path.forgotten = True
        if is_fin:
            far.send_fin()
        await trio.sleep_forever()

    async def keep_from_running(made):
        await trio.sleep_until(5)
        made.paths[0].reads_late_s = 2.0
        await trio.sleep_until(15)
        made.paths[0].reads_late_s = 0.0

    made = life(program, 25.5, scheme="tls", during=keep_from_running, activity=silent())
    ending = made.notebook.only_ended().ending
    assert ending.kind is (Kind.TCP_FIN if is_fin else Kind.FOUND_DEAD)
    true_ns = (15 if is_fin else 15.5) * NS_PER_S
    assert ending.silence_ns is not None
    assert true_ns - 20 * NS_PER_MS <= ending.silence_ns <= true_ns


def test_the_longest_silence_survived_is_measured_and_not_taken_from_the_plan():
    """The endpoint pings 3 s after each beat: our pings, every 5 s, break silences of 2 s."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        for _ in range(3):
            await trio.sleep(3)
            await peer.send(Ping(b"x"))
            while not isinstance(event := await peer.next_event(), Ping):
                assert isinstance(event, Pong)
            await peer.send(Pong(event.payload))
        await peer.swallow()

    ended = life(program, 60, activity=heartbeat("5s", "8s")).notebook.only_ended()
    assert (ended.ending.kind, ended.pongs) == (Kind.UNRESPONSIVE, 3)
    assert ended.quiet_survived_ns == 2 * NS_PER_S


@pytest.mark.parametrize(("hears_ping", "kind"), [(True, Kind.UNRESPONSIVE), (False, Kind.SILENCE)])
def test_a_pong_of_ours_that_is_on_its_way_is_no_ping_that_was_lost(hears_ping, kind):
    """The peer acknowledges our ping or not; what is unacknowledged at the end is our pong."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        if hears_ping:
            assert isinstance(await peer.next_event(), Ping)
        await trio.sleep_until(7.0)
        await peer.send(Ping(b"are you there"))
        far.path.go_dark()
        await trio.sleep_forever()

    async def deafen(made):
        if not hears_ping:
            await trio.sleep_until(4.9)
            made.paths[0].go_dark()

    made = life(program, 60, during=deafen, latency_s=LATENCY_S, activity=heartbeat("5s", "3s"))
    ended = made.notebook.only_ended().ending
    assert ended.kind is kind
    assert ended.evidence.tcp_info is not None
    assert ended.evidence.tcp_info.unacked > 0
