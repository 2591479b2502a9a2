"""What is waited for after a death, and what is not."""

import socket
from dataclasses import replace
from itertools import count

import pytest
import trio

from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.faults import (
    CertificateRejected,
    DeadlinePassed,
    HttpRefused,
    PeerAlert,
    PeerFin,
    ProtocolViolation,
    ProxyRefused,
)
from stresser.model.packet import FlowPackets, Packet
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S, Duration
from stresser.net.resolve import Address
from stresser.scenario.plan import Reconnect
from stresser.session.attempt import Attempt
from stresser.session.await_evidence import hear_of_attempt
from stresser.session.fresh_connections import FreshConnections
from stresser.session.internal_errors import InternalError
from stresser.session.socket_at_end import SocketAtEnd
from stresser.witness.clock import RunClock
from tests.fakes.certificates import server_context
from tests.fakes.loopback import loopback_route, loopback_server
from tests.fakes.peers import WebSocketPeer, websocket_server
from tests.fakes.world import heartbeat, in_virtual_time, seconds, world


class Capture:
    """Packets whose reset arrives some time after the socket's error."""

    def __init__(self, *, flags="R", after_s=0.01):
        self.flags, self.after_s = flags, after_s
        self.watched, self.forgotten, self.waited_s = [], [], []

    def expect(self, remote):
        pass

    def watch(self, local, remote):
        self.watched.append((local, remote))

    def forget(self, local, remote):
        self.forgotten.append((local, remote))

    def seen(self, local, remote):
        if not self.waited_s:
            return FlowPackets()
        end = Packet(
            t_ns=NS_PER_S,
            unix_ns=0,
            interface="x",
            outgoing=False,
            flags=self.flags,
            ttl=60,
            ip_id=0,
            df=True,
            window=0,
            seq=1,
            ack=0,
            length=0,
        )
        return FlowPackets(ends=[end])

    def last(self, local, remote):
        return []

    async def settle(self, local, remote, within_s):
        await trio.sleep(min(self.after_s, within_s))
        self.waited_s.append(within_s)


def play(capture, *, siblings=0, stop_after_s=None, death_s=20.5, until_s=40):
    async def program(far):
        await (await WebSocketPeer.accept(far, server_context())).answer_pings()

    async def story():
        async with world(program) as made:
            made.around.packets = capture
            for _ in range(1 + siblings):
                made.start(made.route(activity=heartbeat("2s", "1s")))
            await trio.sleep_until(death_s)
            made.paths[0].reset()
            if stop_after_s is not None:
                await trio.sleep(stop_after_s)
                made.stop()
            await trio.sleep_until(until_s)
            made.stop()
            await trio.sleep(2)
            return made

    made = in_virtual_time(story)
    [death] = [ended for ended in made.notebook.ended if ended.ending.kind is Kind.TCP_RESET]
    return made, death


def test_a_packet_that_comes_after_the_error_is_waited_for_and_dates_the_end():
    capture = Capture(flags="RA")
    made, death = play(capture)
    assert capture.waited_s == [0.02]
    assert death.ending.dead_by_ns == NS_PER_S  # the packet's time, not the socket's
    assert death.ending.detected_at_ns == round(20.5 * NS_PER_S)
    assert death.ending.evidence.packets.ends[0].flags == "RA"
    assert sorted(capture.forgotten) == sorted(capture.watched)
    assert made.around.bugs.count == 0


def test_a_host_that_knows_no_such_flow_makes_the_siblings_be_heard():
    _, death = play(Capture(), siblings=2)
    alive = death.ending.evidence.sibling
    assert alive.egress == "vpn"
    assert alive.answered_ns == 22 * NS_PER_S  # its first ping after the end


def test_without_siblings_the_ending_comes_three_seconds_later_and_is_dated_all_the_same():
    made, death = play(Capture())
    assert death.ending.evidence.sibling is None
    assert death.t_ns == round(20.5 * NS_PER_S)
    assert made.around.bugs.count == 0


def test_a_stop_in_the_midst_of_hearing_loses_no_ending():
    _, death = play(Capture(), stop_after_s=1)
    assert death.ending.kind is Kind.TCP_RESET
    assert death.ending.planned is False


def test_a_close_frame_needs_no_witness():
    capture = Capture()

    async def story():
        async with world(websocket_server(server_context())) as made:
            made.around.packets = capture
            made.start(made.route())
            await trio.sleep(5)
            made.stop()
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    assert capture.waited_s == []
    assert made.notebook.only_ended().ending.planned
    assert capture.forgotten == capture.watched != []


def closes_at(path_of_it: int, at_s: float):
    """An endpoint that ends one of its TLS streams, and keeps the others."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        if next(served) != path_of_it:
            await peer.answer_pings()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.answer_pings)
            await trio.sleep_until(at_s)
            await peer.tls.close_notify()

    served = count()
    return program


@pytest.mark.parametrize(
    ("egress", "first_s", "other_s", "until_s", "who"),
    [
        ("direct", 0, 0.1, 30, Initiator.UNKNOWN),
        ("direct", 0, 5, 30, Initiator.ENDPOINT),  # it is younger: its turn may come
        ("vpn", 0, 0.1, 30, Initiator.ENDPOINT),  # no other egress shows anything
        ("direct", 4, 0, 20.1, Initiator.UNKNOWN),  # the run stops meanwhile: it has shown it
        ("direct", 0, 0.1, 20.1, Initiator.ENDPOINT),
    ],
)
def test_a_close_notify_is_compared_with_a_session_as_old_through_another_egress(
    egress, first_s, other_s, until_s, who
):
    async def story():
        async with world(closes_at(first_s > other_s, 20)) as made:
            made.start(made.route(), at_s=first_s)
            other = made.route()
            other = replace(other, cohort=other.cohort._replace(egress=egress))
            made.start(other, at_s=other_s)
            await trio.sleep_until(until_s)
            made.stop()
            await trio.sleep(2)
            return made

    made = in_virtual_time(story)
    [end] = [one for one in made.notebook.ended if one.ending.kind is Kind.TLS_CLOSE_NOTIFY]
    assert end.ending.initiator is who
    assert end.t_ns == 20 * NS_PER_S


def reconnecting(capture, *, room=512):
    """A session that is reset at 20.5 s; its place is filled again after a second."""

    async def program(far):
        await (await WebSocketPeer.accept(far, server_context())).answer_pings()

    async def story():
        async with world(program) as made:
            made.around.packets = capture
            made.around.room_beside = room
            again = Reconnect(initial=seconds(1), max=seconds(1), jitter=0)
            made.start(made.route(activity=heartbeat("2s", "1s")), reconnect=again)
            await trio.sleep_until(20.5)
            made.paths[0].reset()
            await trio.sleep_until(40)
            made.stop()
            await trio.sleep(2)
            return made

    return in_virtual_time(story)


@pytest.mark.parametrize("capture", [None, Capture(), Capture(flags="RA", after_s=1)])
def test_the_reconnect_comes_as_soon_whether_evidence_is_awaited_or_not(capture):
    made = reconnecting(capture)
    assert [event.recovery_ns for event in made.notebook.opened] == [None, NS_PER_S]
    assert made.notebook.values(Quantity.RECOVERY) == [NS_PER_S]


def test_the_ending_is_told_before_what_came_after_it():
    made = reconnecting(Capture())
    told = [event for event in made.notebook.events if hasattr(event, "session")]
    names = [(type(event).__name__, event.session) for event in told]
    assert names == [
        ("SessionOpened", 1),
        ("SessionEnded", 1),
        ("SessionOpened", 2),
        ("SessionEnded", 2),
    ]
    assert told[2].t_ns == round(21.5 * NS_PER_S)


def test_where_no_sockets_are_to_spare_the_place_waits_for_the_evidence():
    made = reconnecting(Capture(), room=0)
    (_, again) = made.notebook.opened
    assert again.recovery_ns > 3 * NS_PER_S


def test_a_stop_while_evidence_is_awaited_beside_a_new_session_loses_neither():
    async def program(far):
        await (await WebSocketPeer.accept(far, server_context())).answer_pings()

    async def story():
        async with world(program) as made:
            made.around.packets = Capture()
            again = Reconnect(initial=seconds(1), max=seconds(1), jitter=0)
            made.start(made.route(activity=heartbeat("2s", "1s")), reconnect=again)
            await trio.sleep_until(20.5)
            made.paths[0].reset()
            await trio.sleep_until(22)
            assert made.notebook.ended == []
            made.stop()
            await trio.sleep(6)
            return made

    made = in_virtual_time(story)
    assert [ended.ending.kind for ended in made.notebook.ended] == [Kind.TCP_RESET, Kind.PLANNED]
    assert made.around.room_beside == 512
    assert made.around.bugs.count == 0


V6 = Address(socket.AF_INET6, ("::1", 9, 0, 0))


def looks_of_an_attempt(fault, phase, *, proved=False):
    """Where fresh connections went when an attempt had failed."""

    async def story():
        async with loopback_server() as port, world(websocket_server(server_context())) as made:
            looks = made.around.looks = FreshConnections(RunClock())
            attempt = Attempt(1, loopback_route(port), made.around.clock)
            attempt.dialled = attempt.address = Address(socket.AF_INET, ("127.0.0.1", port))
            attempt.found = (attempt.dialled, V6)
            attempt.phase, attempt.endpoint_proved = phase, proved
            async with trio.open_nursery() as nursery:
                await nursery.start(looks.run)
                look = SocketAtEnd(fault, None, 0)
                await hear_of_attempt(attempt, look, made.around)
                met = [one.remote.partition(":")[0] for one in looks.since(0)]
                nursery.cancel_scope.cancel()
        return met

    return trio.run(story)


BOTH = ["127.0.0.1", "["]
TLS, UPGRADE = Phase.TLS, Phase.UPGRADE


@pytest.mark.parametrize(
    ("fault", "phase", "proved", "went"),
    [
        (DeadlinePassed(TLS, Duration(1)), TLS, False, BOTH),
        (PeerFin(), TLS, False, BOTH),
        (ConnectionResetError(104, "reset"), TLS, False, BOTH),
        (PeerAlert(120, "no_application_protocol"), TLS, False, BOTH),
        (ProtocolViolation("tls", "wrong_version_number", b"HTTP/1.1"), TLS, False, BOTH),
        (CertificateRejected("unknown root", 19), TLS, False, BOTH),
        (HttpRefused(302, "Found", {}), UPGRADE, False, BOTH),
        (ProxyRefused("proxy_http_503", 503, "", {}), Phase.PROXY, False, BOTH),
        (HttpRefused(401, "Unauthorized", {}), UPGRADE, True, []),
        (PeerAlert(116, "certificate_required"), UPGRADE, True, []),
        (InternalError("internal_error: KeyError", ""), TLS, False, []),
    ],
)
def test_who_failed_is_looked_at_but_for_what_the_endpoint_itself_said(fault, phase, proved, went):
    assert sorted(looks_of_an_attempt(fault, phase, proved=proved)) == sorted(went)
