"""Gathers what all witnesses knew of an ending into one `Observations`, and into its evidence.

Proofs of life and of the end are dated so that the truth lies between them. Whoever answers has
been reached no earlier than we asked: a silent end is dated from the question of the last answer,
not from the answer, for the path there may have broken while the answer was on its way back.
"""

from typing import NamedTuple

from msgspec.structs import replace

from stresser.classify.errno_table import is_silent
from stresser.classify.observations import Observations, Transmissions
from stresser.classify.packet_origin import next_seq, provenance
from stresser.model.ending import Phase
from stresser.model.events import PathChanged
from stresser.model.evidence import (
    MOST_FRESH,
    MOST_PATH_CHANGES,
    Evidence,
    SeenPathChange,
    TcpInfo,
)
from stresser.model.faults import (
    DeadlinePassed,
    FoundDead,
    HttpRefused,
    MqttDisconnected,
    NameNotResolved,
    NoPong,
    PeerAlert,
    PeerClosed,
    PeerCloseNotify,
    PeerFin,
    Planned,
    ProtocolViolation,
    ProxyRefused,
)
from stresser.model.fresh_connection import FreshConnection
from stresser.model.packet import FlowPackets, PacketOrigin
from stresser.model.units import NS_PER_MS, NS_PER_S, NS_PER_US
from stresser.net.tap import Tap
from stresser.session.attempt import Attempt
from stresser.session.await_evidence import dead_since_ns
from stresser.session.fresh_connections import FRESH_FOR_ATTEMPTS_NS
from stresser.session.fresh_handshake import Destination, destination_of, of_other_family
from stresser.session.held import HeldSession
from stresser.session.run_context import RunContext
from stresser.session.socket_at_end import SocketAtEnd, first_bytes_of, last_text_of
from stresser.witness.tcp_info import TICK_MS, read_tcp_info

_LOOKS_BEFORE_NS = NS_PER_S
"""A round of looks that another's ending caused so shortly before answers for this one too."""
_BACK_AGAIN_NS = NS_PER_S
_LOSSES_BEFORE_NS = 10 * NS_PER_S
"""What an egress lost so shortly before an end may have caused it."""
_GOODBYES = (PeerClosed, PeerCloseNotify, PeerAlert, ProtocolViolation, MqttDisconnected)
"""What was received last said it: the ending itself, and no sign of activity."""


class _Packets(NamedTuple):
    """What was captured of a flow, and where its end came from."""

    flow: FlowPackets
    origin: PacketOrigin | None


_NONE_SEEN = _Packets(FlowPackets(), None)


def attempt_observations(attempt: Attempt, look: SocketAtEnd, around: RunContext) -> Observations:
    """What was known when an attempt stopped."""
    tap = attempt.tap
    alive = attempt.began_ns if tap is None else tap.last_received_ns
    packets = _packets(attempt.local, str(attempt.dialled), look, around)
    destination = destination_of(attempt)
    since_ns = min(attempt.began_ns, look.at_ns - FRESH_FOR_ATTEMPTS_NS)
    looks = () if destination is None else _looks(destination, since_ns, around)
    beside = () if destination is None else _looks_beside(attempt, destination, since_ns, around)
    changes = around.path_changes_near(attempt.began_ns, look.at_ns)
    own_route = _attempts_route(destination, look, around)
    return Observations(
        phase=attempt.phase,
        began_ns=attempt.began_ns,
        detected_ns=look.at_ns,
        alive_ns=alive,
        dead_by_ns=None if packets.origin is None else packets.origin.t_ns,
        last_passed_ns=None if tap is None else _last_activity(look, tap),
        in_clear=attempt.route.context is None,
        tls_end_verified=attempt.endpoint_proved,
        intercepted=_is_intercepted(attempt, around),
        undeclared_root=attempt.intercepted and not _is_intercepted(attempt, around),
        source_chosen=attempt.route.binding.source is not None,
        sent=_transmissions(look.info, look.at_ns),
        slept_ns=around.slept_since(alive, look.at_ns),
        unfit=tuple(around.unfit_between(attempt.began_ns, look.at_ns)),
        provenance=packets.origin,
        icmp=tuple(packets.flow.icmp),
        server=None if attempt.dialled is None else attempt.dialled.host,
        own_route_changes=tuple(own_route),
        hops=look.hops,
        behind_gateway=destination is not None and _is_behind_gateway(destination, around),
        looks=looks,
        by_proxy=attempt.route.proxy is not None,
        chain=None if attempt.tls is None else attempt.tls.chain,
        own_pair=attempt.route.cohort.pair,
        evidence=replace(
            _evidence(look, packets, changes),
            proxy_step=attempt.proxy_step if attempt.phase is Phase.PROXY else None,
            route_changes=own_route,
            fresh_connections=[*looks, *beside][-MOST_FRESH:],
            name=attempt.asked_name if isinstance(look.fault, NameNotResolved) else None,
            last_text=last_text_of(attempt.websocket),
        ),
    )


def session_observations(
    session: HeldSession, look: SocketAtEnd, around: RunContext
) -> Observations:
    """What was known when a session stopped."""
    if isinstance(look.fault, Planned):
        return _planned(session, look)
    tap = session.tap
    is_silent = _is_silent(look.fault)
    info = _telling_info(session, look)
    sent = _transmissions(info, look.at_ns, session)
    alive = _last_proof_of_life(session, look) if is_silent else tap.last_received_ns
    # Of what we sent into a silence nobody knows that it passed anything.
    passed = alive if is_silent else _last_activity(look, tap)
    packets = _packets(session.local, str(session.dialled), look, around)
    looks = _looks(session.destination, _doubted_ns(look), around)
    siblings = session.siblings
    changes = around.path_changes_near(alive, look.at_ns)
    own_route, gone_ns = _sessions_route(session, alive, look, around, changes)
    return Observations(
        phase=Phase.HELD,
        began_ns=session.opened_ns,
        detected_ns=look.at_ns,
        alive_ns=alive,
        dead_by_ns=_first_proof_of_end(look, packets, info, sent, gone_ns),
        last_passed_ns=min(passed, look.at_ns),
        in_clear=session.destination.route.context is None,
        tls_end_verified=session.endpoint_proved,
        intercepted=_is_intercepted(session, around),
        undeclared_root=session.intercepted and not _is_intercepted(session, around),
        source_chosen=session.destination.route.binding.source is not None,
        sent=sent,
        slept_ns=around.slept_since(alive, look.at_ns),
        unfit=tuple(around.unfit_between(*_absent_window(alive, look, is_silent=is_silent))),
        own_route_changes=tuple(own_route),
        hops=look.hops,
        behind_gateway=_is_behind_gateway(session.destination, around),
        provenance=packets.origin,
        icmp=tuple(packets.flow.icmp),
        server=session.dialled.host,
        looks=looks,
        by_proxy=session.proxy is not None,
        chain=session.chain,
        sibling_lives=look.sibling is not None,
        control_lives=look.control is not None,
        as_old_is_open=look.as_old_is_open,
        egress_lives=siblings is not None and siblings.egress_answered_since(dead_since_ns(look)),
        egress_is_lossy=siblings is not None
        and siblings.egress_is_lossy(look.at_ns - _LOSSES_BEFORE_NS),
        egress_heard=siblings is not None and siblings.was_heard(alive, look.at_ns),
        own_pair=session.cohort.pair,
        evidence=replace(
            _evidence(look, packets, changes),
            ping_sent_ns=look.fault.sent_ns if isinstance(look.fault, NoPong) else None,
            sibling=look.sibling,
            control=look.control,
            route_changes=own_route,
            fresh_connections=list(looks[-MOST_FRESH:]),
            last_text=last_text_of(session.websocket),
        ),
    )


def _planned(session: HeldSession, look: SocketAtEnd) -> Observations:
    alive = session.tap.last_received_ns
    return Observations(
        phase=Phase.CLOSING,
        began_ns=session.opened_ns,
        detected_ns=look.at_ns,
        alive_ns=alive,
        last_passed_ns=min(session.tap.last_passed_ns, look.at_ns),
        in_clear=session.destination.route.context is None,
        tls_end_verified=session.endpoint_proved,
    )


def _sessions_route(
    session: HeldSession,
    alive_ns: int,
    look: SocketAtEnd,
    around: RunContext,
    changes: list[PathChanged],
) -> tuple[list[str], int | None]:
    """What of this host's own route changed after what was last answered had been asked.

    And when its interface or address went. What changed before that did no harm.
    """
    if not _is_silent(look.fault):
        return [], None
    ends = session.local, session.dialled, session.destination.route.binding
    return around.local_routes.own_changes(*ends, (alive_ns, look.at_ns), changes)


def _attempts_route(
    destination: Destination | None, look: SocketAtEnd, around: RunContext
) -> list[str]:
    unanswered = isinstance(look.fault, DeadlinePassed) or is_silent(look.fault)
    if destination is None or not unanswered:
        return []
    return around.local_routes.changed_for_attempt(destination.address, destination.route.binding)


def _is_intercepted(one: Attempt | HeldSession, around: RunContext) -> bool:
    if not one.intercepted:
        return False
    if isinstance(one, HeldSession):
        return around.chains.is_interceptors(one.destination.route, one.chain)
    return around.chains.is_interceptors(one.route, None if one.tls is None else one.tls.chain)


def _is_behind_gateway(destination: Destination, around: RunContext) -> bool:
    return around.local_routes.behind_gateway(destination.address, destination.route.binding)


def _absent_window(alive_ns: int, look: SocketAtEnd, *, is_silent: bool) -> tuple[int, int]:
    """When our own absence could have brought this end about.

    An end that was announced came at its time, or up to a second after we were back: what we then
    sent, late, may have met it. A session that was silent on purpose needed no one.
    """
    if isinstance(look.fault, FoundDead):
        return look.at_ns, look.at_ns
    if is_silent:
        return alive_ns, look.at_ns
    return max(alive_ns, look.at_ns - _BACK_AGAIN_NS), look.at_ns


def _is_silent(fault: Exception) -> bool:
    """This end came unannounced."""
    return isinstance(fault, FoundDead | NoPong) or is_silent(fault)


def _last_activity(look: SocketAtEnd, tap: Tap) -> int:
    """When something last passed; a goodbye ends the silence before it and begins none."""
    is_said = isinstance(look.fault, _GOODBYES)
    return tap.quiet_since_ns if is_said else tap.passed_by(look.heard_ns)


def _telling_info(session: HeldSession, look: SocketAtEnd) -> TcpInfo | None:
    """TCP_INFO at the end; where the kernel gave up itself, as it was at the last ping.

    A closed connection has forgotten what was unacknowledged.
    """
    if isinstance(look.fault, OSError) and _is_silent(look.fault):
        return read_tcp_info(session.info_at_ping) or look.info
    return look.info


def _transmissions(
    info: TcpInfo | None, at_ns: int, session: HeldSession | None = None
) -> Transmissions | None:
    if info is None:
        return None
    ping_acked = unacked_bytes = None
    if session is not None and info.bytes_acked is not None:
        acked = info.bytes_acked - 1  # it counts the SYN
        unacked_bytes = max(0, session.tap.bytes_sent - acked)
        ping_acked = None if session.ping_end is None else acked >= session.ping_end
    return Transmissions(
        unacked=info.unacked,
        unsent_bytes=info.notsent_bytes or 0,
        retransmits=info.retransmits,
        total_retrans=info.total_retrans,
        probes=info.probes,
        last_sent_ns=at_ns - ((info.last_data_sent_ms or 0) + TICK_MS) * NS_PER_MS,
        segments=info.segments_sent,
        ping_acked=ping_acked,
        unacked_bytes=unacked_bytes,
    )


def _last_proof_of_life(session: HeldSession, look: SocketAtEnd) -> int:
    """When we asked what was last answered; without pings, what the kernel last heard of."""
    if session.every_ns or look.info is None or look.info.last_ack_recv_ms is None:
        return session.answered_ns
    heard = look.at_ns - (look.info.last_ack_recv_ms + TICK_MS) * NS_PER_MS
    on_its_way = (look.info.rtt_us + 4 * look.info.rttvar_us) * NS_PER_US
    return max(session.answered_ns, heard - on_its_way)


def _first_proof_of_end(
    look: SocketAtEnd,
    packets: _Packets,
    info: TcpInfo | None,
    sent: Transmissions | None,
    gone_ns: int | None,
) -> int | None:
    """The packet's own time; of a black hole, when the last retransmission had its round trip.

    Of who could not even send when it was asked, when its interface or address went. None: the
    detection is the first proof.
    """
    if packets.origin is not None:
        return packets.origin.t_ns
    if isinstance(look.fault, FoundDead) and sent is not None and sent.never_left:
        return gone_ns
    if not isinstance(look.fault, NoPong) or info is None or sent is None:
        return None
    if not sent.retransmits or not sent.unacked:
        return None
    at_the_latest = sent.last_sent_ns + 2 * TICK_MS * NS_PER_MS
    return max(at_the_latest + info.rtt_us * NS_PER_US, look.fault.sent_ns)


def _packets(local: str | None, remote: str, look: SocketAtEnd, around: RunContext) -> _Packets:
    if around.packets is None or local is None:
        return _NONE_SEEN
    flow = around.packets.seen(local, remote)
    last = around.packets.last(local, remote)
    flow = replace(flow, last=last) if last else flow
    around.packets.forget(local, remote)
    info, tap = look.info, look.tap
    cause = look.fault.__cause__ if isinstance(look.fault, FoundDead) else look.fault
    if not isinstance(cause, OSError | PeerFin) or tap is None:
        return _Packets(flow, None)
    origin = provenance(
        flow,
        expected_seq=next_seq(flow, None if info is None else info.bytes_received),
        sent_ns=tap.last_sent_ns,
        rtt_ns=None if info is None else info.rtt_us * NS_PER_US,
        idle_before_send_ns=tap.idle_before_send_ns,
    )
    return _Packets(flow, origin)


def _doubted_ns(look: SocketAtEnd) -> int:
    """From then on a fresh connection tells of this end."""
    return look.fault.sent_ns if isinstance(look.fault, NoPong) else look.at_ns - _LOOKS_BEFORE_NS


def _looks(
    destination: Destination, since_ns: int, around: RunContext
) -> tuple[FreshConnection, ...]:
    if around.looks is None:
        return ()
    return tuple(one for one in around.looks.since(since_ns) if destination.is_told_by(one))


def _looks_beside(
    attempt: Attempt, destination: Destination, since_ns: int, around: RunContext
) -> tuple[FreshConnection, ...]:
    """At the endpoint's address of the other family: shown, and no rule's about this address."""
    other = of_other_family(attempt, destination)
    if around.looks is None or other is None:
        return ()
    met = around.looks.since(since_ns)
    own = destination.pair
    return tuple(
        one for one in met if (one.endpoint, one.egress) == own and one.remote == other.remote
    )


def _evidence(look: SocketAtEnd, packets: _Packets, changes: list[PathChanged]) -> Evidence:
    fault = look.fault
    tap = look.tap if look.tap is not None and look.tap.bytes_sent else None
    silence_ns = None if tap is None else tap.idle_before_send_ns
    return Evidence(
        tcp_info=look.info,
        idle_before_send_ns=fault.silence_ns if isinstance(fault, FoundDead) else silence_ns,
        since_sent_ns=None if tap is None else max(0, look.at_ns - tap.last_sent_ns),
        hops=look.hops,
        operation=None if tap is None or tap.fault is None else tap.fault.operation,
        first_bytes=first_bytes_of(fault),
        headers=fault.headers if isinstance(fault, HttpRefused | ProxyRefused) else {},
        login=fault.login if isinstance(fault, ProxyRefused) else None,
        packets=None if packets == _NONE_SEEN else packets.flow,
        origin=packets.origin,
        path_changes=[_seen_change(one) for one in changes[-MOST_PATH_CHANGES:]],
    )


def _seen_change(change: PathChanged) -> SeenPathChange:
    return SeenPathChange(
        t_ns=change.t_ns,
        change=change.change,
        interface=change.interface,
        is_tunnel=change.is_tunnel,
        detail=change.detail,
    )
