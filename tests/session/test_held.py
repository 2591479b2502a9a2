"""Lives of hours over real TLS and real WebSocket on memory paths, in virtual time."""

from collections import Counter

import pytest
import trio
import trio.testing
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from stresser.model.ending import Kind
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.scenario.plan import Timeouts
from stresser.session.held import HeldState
from tests.fakes.certificates import server_context
from tests.fakes.peers import WebSocketPeer, tls_server, websocket_server
from tests.fakes.world import heartbeat, in_virtual_time, life, seconds, silent, world

HOUR = 3600
EVERY = 15 * NS_PER_S


def in_ms(values):
    return [round(value / NS_PER_MS) for value in values]


@pytest.mark.parametrize("hours", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_of_hours_of_heartbeats_none_is_missed_and_none_late(hours):
    made = life(websocket_server(server_context()), hours * HOUR + 1, latency_s=0.02)
    ended = made.notebook.only_ended()
    assert (ended.pings, ended.pongs) == (hours * 240, hours * 240)
    assert in_ms(made.notebook.values(Quantity.RTT)) == [40] * hours * 240
    assert set(made.notebook.values(Quantity.SEND_LAG)) == {0}
    assert made.around.bugs.count == 0


def test_pings_stay_on_the_absolute_schedule_after_a_stall_and_skipped_ones_are_samples():
    """The peer is held up from 40 s to 85 s: the pings due at 60 s and 75 s are never sent."""
    peers = []

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        peers.append(peer)
        await peer.answer_pings()

    async def stall(made):
        await trio.sleep_until(40)
        made.paths[0].hold_back()
        await trio.sleep_until(85)
        made.paths[0].let_through()

    made = life(program, 121, during=stall, activity=heartbeat("15s", timeout="50s"))
    assert peers[0].pings == [15, 30, 45, 90, 105, 120]
    assert in_ms(made.notebook.values(Quantity.RTT)) == [0, 0, 40_000, 25_000, 10_000, 0, 0, 0]
    ended = made.notebook.only_ended()
    assert (ended.pings, ended.pongs) == (6, 6)
    assert set(made.notebook.values(Quantity.SEND_LAG)) == {0}


def test_one_ping_is_in_flight_however_slow_the_peer_is():
    outstanding = []

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        while (event := await peer.next_event()) is not None:
            if isinstance(event, Ping):
                await trio.sleep(7)  # several intervals
                outstanding.append(await waiting_pings(peer))
                await peer.send(Pong(event.payload))

    async def waiting_pings(peer):
        with trio.move_on_after(0):
            await peer.tls.far.path.to_server.readable()
            return 1
        return 0

    made = life(program, HOUR, activity=heartbeat("1s", timeout="10s"))
    ended = made.notebook.only_ended()
    assert ended.ending.kind is Kind.PLANNED
    # Each ping costs 7 s; the next is sent at the first due time after its pong.
    assert ended.pings == pytest.approx(HOUR / 8, abs=1)
    assert set(outstanding) == {0}
    rtt = in_ms(made.notebook.values(Quantity.RTT))
    assert rtt[:8] == [7000, 6000, 5000, 4000, 3000, 2000, 1000, 0]
    assert len(rtt) == pytest.approx(HOUR, abs=8)  # a sample for each due time


def test_a_pong_that_is_late_but_in_time_keeps_the_session():
    async def program(far):
        await (await WebSocketPeer.accept(far, server_context())).answer_pings(delay_s=9.999)

    made = life(program, HOUR)
    assert made.notebook.only_ended().ending.kind is Kind.PLANNED
    assert set(in_ms(made.notebook.values(Quantity.RTT))) == {9999}


@pytest.mark.parametrize(
    ("delay_s", "survives"), [(10.02, True), (10.049, True), (10.051, False), (11, False)]
)
def test_the_last_look_lasts_50_ms(delay_s, survives):
    async def program(far):
        await (await WebSocketPeer.accept(far, server_context())).answer_pings(delay_s=delay_s)

    made = life(program, 60)
    assert made.notebook.only_ended().ending.planned is survives


def jump(seconds_):
    """Our own loop stands still for so long: a suspended or overloaded host."""
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    clock.jump(seconds_)


@pytest.mark.parametrize("after_s", [25, 25.049, 25.05, 25.051])
def test_a_run_that_stops_while_a_pong_is_overdue_ends_the_session_once(after_s):
    async def program(far):
        await WebSocketPeer.accept(far, server_context())
        await trio.sleep_forever()

    made = life(program, after_s, activity=heartbeat("15s", timeout="10s"))
    ended = made.notebook.only_ended()
    assert ended.ending.kind in {Kind.PLANNED, Kind.UNRESPONSIVE}
    assert made.around.bugs.count == 0


def test_a_stall_of_our_own_does_not_kill_sessions_whose_pongs_are_waiting():
    """A loop that stands still over the whole deadline still looks before it judges."""

    async def story():
        async with world(websocket_server(server_context()), latency_s=0.001) as made:
            for _ in range(20):
                made.start(made.route())
            await trio.sleep(1)
            opened_s = made.notebook.opened[0].t_ns / NS_PER_S
            await trio.sleep_until(opened_s + 15.0015)  # pings are out, pongs under way
            assert {session.pings for session in beating(made)} == {1}
            jump(30)  # past the deadline and past the last look
            await trio.sleep(1)
            made.stop()
            await trio.sleep(1)
            return made

    def beating(made):
        return made.heartbeats._sessions.values()

    made = in_virtual_time(story)
    assert [ended.ending.kind for ended in made.notebook.ended] == [Kind.PLANNED] * 20
    # The pings due at 15, 30 and 45 s waited as long as they could.
    rtt = sorted(round(value / NS_PER_S) for value in made.notebook.values(Quantity.RTT))
    assert rtt == [0] * 20 + [15] * 20 + [30] * 20


def test_after_a_stall_of_our_own_a_ping_is_late_once_and_the_schedule_stands():
    """From 25 s to 47 s we do nothing: the ping due at 30 s goes out at 47 s."""
    peers = []

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        peers.append(peer)
        await peer.answer_pings()

    async def stall(_):
        await trio.sleep_until(25)
        jump(22)

    made = life(program, 91, during=stall)
    assert peers[0].pings == [15, 47, 60, 75, 90]
    assert in_ms(made.notebook.values(Quantity.SEND_LAG)) == [0, 17_000, 0, 0, 0]
    # The one due at 45 s was never sent; it would have waited from then on.
    assert in_ms(made.notebook.values(Quantity.RTT)) == [0, 17_000, 2000, 0, 0, 0]


def test_a_pong_that_nobody_asked_for_counts_for_nothing():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        await peer.send(Pong(b"\0\0\0\1"))
        while (event := await peer.next_event()) is not None:
            if isinstance(event, Ping):
                await peer.send(Pong(b"\xff\xff\xff\xff"))
                await peer.send(Pong(event.payload))
                await peer.send(Pong(event.payload))

    ended = life(program, 61).notebook.only_ended()
    assert (ended.pings, ended.pongs) == (4, 4)


def test_pings_of_the_peer_are_answered_and_its_messages_drained_and_counted():
    answered = []

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        for n in range(100):
            await peer.send(TextMessage(data="x" * 5000))
            await peer.send(BytesMessage(data=b"y" * 100_000))
            await peer.send(Ping(bytes([n])))
            event = await peer.next_event()
            while isinstance(event, Ping):
                await peer.send(Pong(event.payload))
                event = await peer.next_event()
            assert isinstance(event, Pong)
            answered.append(event.payload)
            await trio.sleep(36)
        await peer.answer_pings()

    ended = life(program, HOUR + 1, activity=heartbeat("15s", "60s")).notebook.only_ended()
    assert answered == [bytes([n]) for n in range(100)]
    assert ended.messages == 200
    assert ended.bytes_received > 100 * 105_000


def test_pings_go_on_through_a_peer_that_does_not_read_and_nothing_is_mixed_up():
    """Its receive window fills up with our pongs, and opens in the moment in which a ping is due:
    the ping must not cut into a record of which a part is sent."""
    served: Counter[int] = Counter()

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        far.path.to_server.capacity = 200
        for _ in range(20):  # the pongs to these alone fill it many times over
            await peer.send(Ping(b"z" * 125))
            await trio.sleep(0.1)
        await trio.sleep_until(15)
        peer.tls.take_nowait()
        while (event := await peer.next_event()) is not None:
            if isinstance(event, Ping):
                await peer.send(Pong(event.payload))
                served[far.path.local_port] += 1

    async def story():
        async with world(program) as made:
            for _ in range(20):
                made.start(made.route(activity=heartbeat("15s", timeout="60s")))
            await trio.sleep(61)
            assert [e.ending.raw for e in made.notebook.ended] == []

    in_virtual_time(story)
    assert list(served.values()) == [4] * 20


def test_a_silent_session_sends_nothing_for_eight_hours():
    last_sent = []

    async def look(made):
        await trio.sleep_until(8 * HOUR - 1)
        last_sent.append(made.paths[0].client_sent_s)
        assert len(made.heartbeats) == 0

    life(websocket_server(server_context()), 8 * HOUR, activity=silent(), during=look)
    assert last_sent == [0]


def test_a_silent_session_is_closed_in_an_orderly_way():
    made = life(websocket_server(server_context()), 8 * HOUR, activity=silent())
    ended = made.notebook.only_ended()
    assert (ended.pings, ended.pongs) == (0, 0)
    assert ended.ending.evidence.close == "answered"
    assert ended.ending.idle_ns == 8 * HOUR * NS_PER_S


def test_a_tls_session_sends_nothing_and_counts_reads():
    last_sent = []

    async def program(far):
        stream = trio.SSLStream(far, server_context(), server_side=True)
        await stream.do_handshake()
        for _ in range(8):
            await trio.sleep(HOUR)
            await stream.send_all(b"good night")
        last_sent.append(far.path.client_sent_s)
        await stream.receive_some()

    made = life(program, 8 * HOUR + 1, scheme="tls")
    ended = made.notebook.only_ended()
    assert last_sent == [0]
    assert (ended.messages, ended.pings, ended.pongs) == (8, 0, 0)
    assert ended.ending.evidence.close == "no close frame in this protocol"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_orderly_end_is_answered(version):
    made = life(websocket_server(server_context(version)), HOUR, tls_version=version)
    ended = made.notebook.only_ended()
    assert ended.ending.evidence.close == "answered"
    assert (ended.ending.planned, ended.ending.kind, ended.ending.failure) == (
        True,
        Kind.PLANNED,
        None,
    )
    assert ended.ending.age_ns == HOUR * NS_PER_S == ended.ending.dead_by_ns


def test_a_peer_that_ignores_the_close_is_left_after_its_timeout():
    left = []

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        while (event := await peer.next_event()) is not None:
            if isinstance(event, Ping):
                await peer.send(Pong(event.payload))
        left.append(trio.current_time())

    made = life(program, HOUR, timeouts=Timeouts(close=seconds(2)), patience_s=10, latency_s=0.01)
    ended = made.notebook.only_ended()
    assert ended.ending.evidence.close == "unanswered"
    assert ended.ending.dead_by_ns == HOUR * NS_PER_S  # the plan's moment, not that of giving up
    assert left == [pytest.approx(HOUR + 2, abs=0.1)]


def test_what_the_peer_does_instead_of_answering_the_close_is_told():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        while not isinstance(await peer.next_event(), CloseConnection):
            pass
        far.path.reset()

    ended = life(program, 10).notebook.only_ended()
    assert ended.ending.kind is Kind.PLANNED
    assert "reset" in (ended.ending.evidence.close or "")


def test_an_attempt_that_did_not_open_cannot_be_held():
    from stresser.session.attempt import Attempt
    from stresser.session.held import HeldSession

    async def story():
        async with world(tls_server(server_context())) as made:
            with pytest.raises(ValueError, match="not been established"):
                HeldSession(1, Attempt(1, made.route(), made.clock), made.notebook)

    in_virtual_time(story)


def test_a_session_says_what_state_it_is_in():
    seen, sessions, echoes = [], [], []

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        await peer.answer_pings()

    async def during(made):
        await trio.sleep_until(14)
        [session] = made.heartbeats._sessions.values()
        sessions.append(session)
        seen.append(repr(session))
        echoes.append(session.last_echo())
        made.paths[0].hold_back()
        for at_s in (16, 22):
            await trio.sleep_until(at_s)
            seen.append(session.state)
            echoes.append(session.last_echo())
        made.paths[0].let_through()
        await trio.sleep_until(23)
        seen.append(session.state)
        echoes.append(session.last_echo())
        await trio.sleep_until(30.5)
        echoes.append(session.last_echo())

    life(program, 50, during=during, activity=heartbeat("15s", timeout="15s"))
    assert seen == [
        "<HeldSession 1 broker/vpn/heartbeat QUIET, 0 of 0 pings answered>",
        HeldState.AWAITING_PONG,
        HeldState.PONG_LATE,
        HeldState.QUIET,
    ]
    assert sessions[0].state is HeldState.CLOSING
    assert echoes[:3] == [None] * 3
    first, second = echoes[3:]
    assert (first.number, second.number) == (1, 2)
    assert in_ms([first.sent_ns, first.back_ns]) == [15_000, 22_000]
