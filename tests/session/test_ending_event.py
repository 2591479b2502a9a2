"""Every way to die while held, for both TLS versions: kind, dates, evidence."""

import errno
import os
import ssl
from contextlib import suppress

import pytest
import trio
from wsproto.events import BytesMessage, CloseConnection, Ping

from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S
from tests.fakes.certificates import server_context
from tests.fakes.peers import TlsPeer, WebSocketPeer, websocket_server
from tests.fakes.world import heartbeat, in_virtual_time, life, silent, world

HOUR = 3600
DEATH_S = 4 * HOUR + 7
"""4 hours and 7 seconds: between two pings."""
PING_S = 300


def rare_pings():
    return heartbeat(f"{PING_S}s", "10s")


def dies(do, version, **route):
    """The ending of a wss session whose peer does something at `DEATH_S`."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context(version))
        with trio.move_on_at(DEATH_S):
            await peer.answer_pings()
        await do(peer)

    route.setdefault("activity", rare_pings())
    return life(program, DEATH_S + HOUR, tls_version=version, **route)


async def reset(peer):
    peer.tls.far.path.reset()


async def fin(peer):
    peer.tls.far.send_fin()


async def close_notify(peer):
    await peer.tls.close_notify()


async def close_notify_and_fin(peer):
    await peer.tls.close_notify()
    peer.tls.far.send_fin()


async def ws_close(peer):
    await peer.send(CloseConnection(code=1012, reason="service restart"))
    await peer.swallow()


async def ws_close_without_code(peer):
    await peer.tls.write(b"\x88\x00")
    await peer.swallow()


async def ws_close_then_reset(peer):
    await peer.send(CloseConnection(code=1001, reason=""))
    peer.tls.far.path.reset()


async def alert(peer):
    peer.tls.far.path.corrupt_next()
    with suppress(ssl.SSLError):
        await peer.swallow()
    peer.tls.far.send_fin()


async def tls_garbage(peer):
    await peer.tls.far.send_all(b"\x16\x03\x03\xff\xffHTTP/1.1 200 OK\r\n\r\n")


async def ws_garbage(peer):
    await peer.tls.write(b"\xff" * 64)


async def masked_frame(peer):
    await peer.tls.write(b"\x81\x81\0\0\0\0x")


async def halved_record(peer):
    await peer.tls.far.send_all(b"\x17\x03\x03\x01\x00half of a record")
    peer.tls.far.send_fin()


HELD_FAULTS = [
    (reset, Kind.TCP_RESET, "connection_reset", Initiator.UNKNOWN, {}),
    (fin, Kind.TCP_FIN, "eof_error", Initiator.UNKNOWN, {}),
    (halved_record, Kind.TCP_FIN, "eof_error", Initiator.UNKNOWN, {}),
    (close_notify, Kind.TLS_CLOSE_NOTIFY, "tls_close_notify", Initiator.ENDPOINT, {}),
    (close_notify_and_fin, Kind.TLS_CLOSE_NOTIFY, "tls_close_notify", Initiator.ENDPOINT, {}),
    (
        ws_close,
        Kind.WS_CLOSE,
        "websocket_close",
        Initiator.ENDPOINT,
        {"code": 1012, "reason": "service restart"},
    ),
    (ws_close_without_code, Kind.WS_CLOSE, "websocket_close", Initiator.ENDPOINT, {"code": 1005}),
    (ws_close_then_reset, Kind.WS_CLOSE, "websocket_close", Initiator.ENDPOINT, {"code": 1001}),
    (alert, Kind.TLS_ALERT, "tls_alert", Initiator.ENDPOINT, {"alert": 20}),
    (tls_garbage, Kind.PROTOCOL_ERROR, "tls_protocol_error", Initiator.UNKNOWN, {}),
    (ws_garbage, Kind.PROTOCOL_ERROR, "websocket_protocol_error", Initiator.UNKNOWN, {}),
    (masked_frame, Kind.PROTOCOL_ERROR, "websocket_protocol_error", Initiator.UNKNOWN, {}),
]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("do", "kind", "failure", "initiator", "fields"),
    HELD_FAULTS,
    ids=[row[0].__name__ for row in HELD_FAULTS],
)
def test_each_fault_while_held(do, kind, failure, initiator, fields, version):
    made = dies(do, version)
    ended = made.notebook.only_ended()
    assert (kind, failure, initiator) == (
        ended.ending.kind,
        ended.ending.failure,
        ended.ending.initiator,
    ), ended.ending.raw
    assert (ended.ending.phase, ended.ending.planned, ended.ending.is_drop) == (
        Phase.HELD,
        False,
        True,
    )
    for name, value in fields.items():
        assert getattr(ended.ending, name) == value
    # An alert answers what we send: the next ping.
    death_ns = (4 * HOUR + PING_S if do is alert else DEATH_S) * NS_PER_S
    assert (
        ended.ending.age_ns
        == ended.ending.dead_by_ns
        == ended.ending.detected_at_ns
        == ended.t_ns
        == death_ns
    )
    assert ended.ending.alive_at_ns <= death_ns
    assert made.notebook.values(Quantity.AGE_AT_DROP) == [death_ns]
    assert ended.ending.raw
    assert (made.notebook.failed, made.around.bugs.count, made.finished) == ([], 0, 1)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_silent_session_is_reset_after_hours_of_nothing(version):
    made = dies(reset, version, activity=silent())
    ended = made.notebook.only_ended()
    assert ended.ending.kind is Kind.TCP_RESET
    assert ended.ending.idle_ns == DEATH_S * NS_PER_S  # nothing passed since the upgrade
    assert ended.ending.alive_at_ns == 0
    assert ended.ending.evidence.operation == "receive"
    assert ended.ending.evidence.tcp_info.state == "CLOSE"


def test_idle_is_counted_from_the_last_byte_in_either_direction():
    """The last ping went out 4 h 0 m 0 s after the opening; the RST came 7 s later."""
    ended = dies(reset, "1.3").notebook.only_ended()
    assert ended.ending.idle_ns == 7 * NS_PER_S
    assert ended.ending.evidence.since_sent_ns == 7 * NS_PER_S
    assert ended.ending.evidence.idle_before_send_ns == PING_S * NS_PER_S


def test_an_alert_for_want_of_a_client_certificate_comes_when_the_session_is_held():
    """TLS 1.3 has shaken hands on the client's side by then (RFC 8446 section 4.4.2.4)."""

    async def program(far):
        tls = TlsPeer(far, server_context("1.3", wants_client=True))
        with suppress(ssl.SSLError):
            await tls.handshake()
        far.send_fin()

    made = life(program, 10, scheme="tls", tls_version="1.3")
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.alert, ended.ending.phase) == (
        Kind.TLS_ALERT,
        116,
        Phase.HELD,
    )


def test_a_peer_that_closes_after_exactly_four_hours():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_after(4 * HOUR):
            await peer.answer_pings()
        await ws_close(peer)

    made = life(program, 5 * HOUR, latency_s=0.05, activity=rare_pings())
    ended = made.notebook.only_ended()
    # The client's opening and the server's lie one way apart, the close comes one way later.
    assert ended.ending.age_ns == pytest.approx(4 * HOUR * NS_PER_S, abs=NS_PER_MS)
    assert ended.ending.code == 1012


# Silent deaths: only a bracket is known.


@pytest.mark.parametrize("death_s", [DEATH_S, 14_400.01, 14_399.99, 14_400.15])
@pytest.mark.parametrize("latency_s", [0.0, 0.02])
def test_a_black_hole_is_silence_and_its_bracket_holds_the_true_moment(death_s, latency_s):
    async def swallow_path(made):
        await trio.sleep_until(death_s)
        made.paths[0].go_dark()

    made = life(
        websocket_server(server_context()),
        DEATH_S + HOUR,
        during=swallow_path,
        latency_s=latency_s,
        activity=rare_pings(),
    )
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.grade) == (Kind.SILENCE, Grade.TCP_INFO)
    assert ended.ending.evidence.tcp_info is not None
    assert ended.ending.evidence.tcp_info.unacked == 1
    assert ended.ending.alive_at_ns <= death_s * NS_PER_S <= ended.ending.dead_by_ns
    assert ended.ending.dead_by_ns - ended.ending.alive_at_ns < (PING_S + 11) * NS_PER_S
    # What was sent into the dark has not passed.
    assert ended.ending.idle_ns == ended.ending.dead_by_ns - ended.ending.alive_at_ns
    assert ended.ending.evidence.ping_sent_ns is not None
    assert (
        ended.ending.evidence.ping_sent_ns + 10 * NS_PER_S + 50 * NS_PER_MS
        == ended.ending.dead_by_ns
    )
    assert ended.pings == ended.pongs + 1


def test_a_peer_whose_kernel_acknowledges_but_who_says_nothing_is_unresponsive():
    made = dies(WebSocketPeer.swallow, "1.3")
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.grade) == (Kind.UNRESPONSIVE, Grade.TCP_INFO)
    assert ended.ending.evidence.tcp_info is not None
    assert ended.ending.evidence.tcp_info.unacked == 0
    # Its kernel acknowledged the ping, after its program had stopped: that proves no life of the
    # session. The last ping that was answered does.
    pinged_ns = (4 * HOUR + PING_S) * NS_PER_S
    assert ended.ending.alive_at_ns == 4 * HOUR * NS_PER_S
    assert ended.ending.alive_at_ns <= DEATH_S * NS_PER_S <= ended.ending.dead_by_ns
    assert ended.ending.dead_by_ns == pinged_ns + 10_050 * NS_PER_MS


def test_without_tcp_info_nobody_can_say_which_of_the_two_it_was():
    async def deafen(made):
        await trio.sleep_until(DEATH_S)
        made.paths[0].go_dark()
        made.paths[0].kernel.tells = False

    made = life(websocket_server(server_context()), 5 * HOUR, during=deafen, activity=rare_pings())
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.failure) == (Kind.UNKNOWN, "no_pong")


def test_a_chosen_number_of_unacknowledged_segments_is_evidence():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        far.path.kernel.unacked = 17
        await peer.swallow()

    ended = life(program, 60).notebook.only_ended()
    assert ended.ending.evidence.tcp_info is not None
    assert (ended.ending.kind, ended.ending.evidence.tcp_info.unacked) == (Kind.SILENCE, 17)


def test_a_reset_after_a_black_hole_began_is_a_reset():
    """The path comes back and the far end no longer knows us, before our deadline."""

    async def come_back(made):
        await trio.sleep_until(29)
        path = made.paths[0]
        path.go_dark()
        await trio.sleep_until(35)
        path.dark = False
        path.reset()

    ended = life(websocket_server(server_context()), 60, during=come_back).notebook.only_ended()
    assert (ended.ending.kind, ended.ending.dead_by_ns) == (Kind.TCP_RESET, 35 * NS_PER_S)
    assert ended.ending.evidence.tcp_info is not None
    assert ended.ending.evidence.tcp_info.unacked == 1


# Deaths that our own sending meets first.


def test_death_by_a_send_that_failed():
    """Our ping meets the RST: the send consumes the error, the reader sees only the end."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_at(20):
            await peer.answer_pings()
        far.path.hold_back()  # the reader is not woken
        far.path.reset()
        await trio.sleep_until(31)
        far.path.let_through()

    ended = life(program, 60).notebook.only_ended()
    assert (ended.ending.kind, ended.ending.failure) == (Kind.TCP_RESET, "connection_reset")
    assert ended.ending.evidence.operation == "send"
    assert ended.ending.raw is not None
    assert ended.ending.raw.startswith("ConnectionResetError")
    assert ended.ending.dead_by_ns == 30 * NS_PER_S


def test_what_lies_in_the_socket_when_a_send_fails_tells_the_story():
    """The close frame came, then the RST; our ping failed before we read either."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_at(20):
            await peer.answer_pings()
        far.path.hold_back()
        await peer.send(CloseConnection(code=1013, reason="try later"))
        far.path.reset()
        await trio.sleep_until(31)
        far.path.let_through()

    ended = life(program, 60).notebook.only_ended()
    assert (ended.ending.kind, ended.ending.code) == (Kind.WS_CLOSE, 1013)


def test_an_unreachable_network_is_told_as_the_kernel_says_it():
    async def cut(made):
        await trio.sleep_until(100)
        path = made.paths[0]
        path.to_client.error = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
        path.to_client.changed()

    made = life(websocket_server(server_context()), 200, during=cut)
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.failure) == (Kind.UNREACHABLE, "host_unreachable")
    assert ended.ending.dead_by_ns == 100 * NS_PER_S


def test_an_overdue_pong_that_comes_with_the_end_does_not_hide_it():
    """The pong and a RST arrive together in the last look: the RST is the ending."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        assert isinstance(await peer.next_event(), Ping)
        await trio.sleep(10.02)
        far.path.reset()

    ended = life(program, 60).notebook.only_ended()
    assert (ended.ending.kind, ended.ending.dead_by_ns) == (Kind.TCP_RESET, 25_020 * NS_PER_MS)


def test_a_session_that_floods_and_dies_does_not_hold_up_the_pings_of_another():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        if far.path.local_port == 50_000:
            for _ in range(300):
                await peer.send(BytesMessage(data=b"x" * 60_000))
            far.path.reset()
        else:
            await peer.answer_pings()

    async def story():
        async with world(program) as made:
            made.start(made.route(activity=heartbeat("1s", "1s")))
            made.start(made.route(activity=heartbeat("1s", "1s")), at_s=0.5)
            await trio.sleep(60)
            made.stop()
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    flooded, quiet = sorted(made.notebook.ended, key=lambda event: event.session)
    assert (flooded.ending.kind, flooded.messages) == (Kind.TCP_RESET, 300)
    assert (quiet.ending.kind, quiet.pongs) == (Kind.PLANNED, 59)
