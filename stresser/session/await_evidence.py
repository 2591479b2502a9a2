"""After an ending, before it is recorded: waits for what other witnesses are about to say.

A RST can reach the capture some milliseconds after the socket's error, a fresh connection takes
until it is answered, and a sibling proves that it lives with its next pong. None of them may hold
up the run's stop: being cancelled here loses nothing but that evidence.
"""

import trio

from stresser.classify.errno_table import is_silent
from stresser.classify.packet_origin import hops
from stresser.model.ending import Phase
from stresser.model.faults import (
    CertificateRejected,
    DeadlinePassed,
    HttpRefused,
    NoPong,
    PeerAlert,
    PeerCloseNotify,
    PeerFin,
    ProtocolViolation,
    ProxyRefused,
)
from stresser.model.packet import FlowPackets
from stresser.model.units import NS_PER_S
from stresser.session.attempt import Attempt
from stresser.session.fresh_connections import FRESH_FOR_ATTEMPTS_NS
from stresser.session.fresh_handshake import destination_of, of_other_family
from stresser.session.held import HeldSession
from stresser.session.hop_walks import HopWalks
from stresser.session.run_context import RunContext
from stresser.session.socket_at_end import SocketAtEnd

_SAID = (PeerAlert, PeerCloseNotify, ProtocolViolation, CertificateRejected, HttpRefused)
_PACKET_WITHIN_S = 0.02
"""Up to 4 ms late were seen (veth, Linux 6.18)."""
_ANSWER_WITHIN_S = 0.1
_CLOSES_WITHIN_S = 1.0
"""A restart, or a look at a timer, takes its time; a reconnect waits for as long by default."""
_SIBLING_WITHIN_S = 3.0
"""Until this session's own next pings would be due, but no longer than its reconnect may wait."""


async def hear_witnesses(session: HeldSession, look: SocketAtEnd, around: RunContext) -> None:
    """Wait for what bears on this ending. Adds what it hears to `look`."""
    await trio.lowlevel.checkpoint_if_cancelled()
    if isinstance(look.fault, PeerCloseNotify):
        await _hear_whether_others_close(session, look)
    was_told = isinstance(look.fault, (PeerFin, OSError))
    if not was_told and not isinstance(look.fault, NoPong):
        return
    if around.looks is not None:
        around.looks.ask(session.destination)
    if around.packets is not None and was_told:
        await around.packets.settle(session.local, str(session.dialled), _PACKET_WITHIN_S)
        _date_others(around)
    if around.walks is None or not around.walks.ended.is_asked(session, look):
        await _hear_others(session, look, around)
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_walk, around.walks, session, look)
        await _hear_others(session, look, around)


async def _hear_others(session: HeldSession, look: SocketAtEnd, around: RunContext) -> None:
    await _hear_siblings(session, look, _flow_packets(session, around))
    if around.looks is not None:
        await around.looks.answered(session.destination)
        _date_others(around)


async def _walk(walks: HopWalks, session: HeldSession, look: SocketAtEnd) -> None:
    before = walks.held.path_of(session)
    look.hops = await walks.ended.walk(session, look, before)


async def hear_of_attempt(attempt: Attempt, look: SocketAtEnd, around: RunContext) -> None:
    """Wait for what fresh connections beside a failed attempt meet, and for its last packet."""
    await trio.lowlevel.checkpoint_if_cancelled()
    destination = destination_of(attempt)
    told = isinstance(look.fault, (PeerFin, OSError))
    if (
        attempt.phase is Phase.BEFORE
        or destination is None
        or not (told or _needs_witness(attempt, look.fault))
    ):
        return
    if around.looks is not None:
        around.looks.ask(destination, FRESH_FOR_ATTEMPTS_NS, of_other_family(attempt, destination))
    if around.packets is not None and told and attempt.local is not None:
        await around.packets.settle(attempt.local, str(destination.address), _PACKET_WITHIN_S)
        # Who forged a reset did not keep the server from answering our hello.
        await trio.sleep(_ANSWER_WITHIN_S)
    async with trio.open_nursery() as nursery:
        if around.walks is not None:
            nursery.start_soon(_walk_hello, around.walks, attempt, look)
        if around.looks is not None:
            await around.looks.answered(destination)


async def _walk_hello(walks: HopWalks, attempt: Attempt, look: SocketAtEnd) -> None:
    look.hops = await walks.hellos.walk(attempt, look.fault)


def _needs_witness(attempt: Attempt, fault: BaseException) -> bool:
    """What the endpoint said under its own chain needs none; anybody can say it before."""
    if isinstance(fault, DeadlinePassed | ProxyRefused):
        return True
    is_said = isinstance(fault, _SAID)
    return is_said and not (attempt.endpoint_proved and attempt.phase is Phase.UPGRADE)


def _date_others(around: RunContext) -> None:
    """Hundreds who wait for the same answer wake in one pass of the loop.

    What hangs up meanwhile is stamped by them (1 us each), not when they are through.
    """
    if around.hangups is not None:
        around.hangups.look()


def _flow_packets(session: HeldSession, around: RunContext) -> FlowPackets:
    if around.packets is None:
        return FlowPackets()
    return around.packets.seen(session.local, str(session.dialled))


async def _hear_whether_others_close(session: HeldSession, look: SocketAtEnd) -> None:
    """An endpoint that closes at an age, a silence or a moment does so through every egress."""
    siblings = session.siblings
    if siblings is None or not siblings.has_control:
        return
    activity, age_ns = session.cohort.activity, int(_CLOSES_WITHIN_S * NS_PER_S / 2)
    # Clearly older ones have outlived this one already: that stands if the run stops meanwhile.
    look.as_old_is_open = siblings.as_old_is_open(activity, session.connected_ns - age_ns)
    await trio.sleep(_CLOSES_WITHIN_S)
    # By now one that is a little younger has, too.
    look.as_old_is_open = siblings.as_old_is_open(activity, session.connected_ns + age_ns)


async def _hear_siblings(session: HeldSession, look: SocketAtEnd, packets: FlowPackets) -> None:
    siblings = session.siblings
    if siblings is None:
        return
    last_heard_ns = session.tap.last_received_ns
    if _server_may_know_no_such_flow(packets):
        asked = last_heard_ns, look.at_ns, _SIBLING_WITHIN_S
        look.sibling = await siblings.sibling(*asked)
    if _control_would_tell(session, look, packets):
        asked = last_heard_ns, dead_since_ns(look), _SIBLING_WITHIN_S
        look.control = await siblings.control(*asked)


def _server_may_know_no_such_flow(packets: FlowPackets) -> bool:
    """A reset without ACK came: the form in which a host answers what it knows nothing of."""
    return any(
        "R" in end.flags and "A" not in end.flags for end in packets.ends if not end.outgoing
    )


def _control_would_tell(session: HeldSession, look: SocketAtEnd, packets: FlowPackets) -> bool:
    """A silence, or the end by a box that owns the connection: does the endpoint do that to all?"""
    if isinstance(look.fault, NoPong) or is_silent(look.fault):
        return True
    if packets.syn_ack is not None and hops(packets.syn_ack.ttl) == 0:
        return True
    return isinstance(look.fault, PeerFin) and session.proxy is not None


def dead_since_ns(look: SocketAtEnd) -> int:
    """By then what was asked of this session in vain would have been answered."""
    fault = look.fault
    if isinstance(fault, NoPong):
        return fault.sent_ns + (fault.deadline_ns - fault.sent_ns) // 3
    return look.at_ns - NS_PER_S if is_silent(fault) else look.at_ns
