"""The planned end as a proof: what comes back to our goodbye shows whether the session lived.

A session that sends nothing cannot be known to live. At its end a close frame, close_notify and
FIN go out. An answer, or an acknowledgement of them, proves it alive. A RST that acknowledges
nothing, unacknowledged retransmissions, or a goodbye that this host cannot even send, prove that
the flow was dead already. A proxy acknowledges in its own name: through one, only what comes from
behind it is a proof.
"""

from typing import NamedTuple

import trio

from stresser.model.ending import Proof
from stresser.model.evidence import TcpInfo
from stresser.model.faults import FoundDead
from stresser.model.units import NS_PER_S, NS_PER_US
from stresser.net.websocket import WebSocket
from stresser.session.held import HeldSession
from stresser.session.socket_at_end import SocketAtEnd
from stresser.witness.tcp_info import sample_tcp_info

ANSWERED = "answered"
NO_CLOSE = "no close frame in this protocol"
_FIRST_ASKED_S = 0.05
"""An acknowledgement makes no event: the kernel's state is asked, at intervals that grow."""
_FIRST_DOUBTED_S = 0.25
"""An answer wakes us by itself: the kernel is asked only where none comes."""
_UNANSWERED = 3
"""So many retransmissions of the goodbye without an acknowledgement, or as many tries to send it at
all. With 5 % of all packets lost, one session in 160,000 would be taken for dead."""


class PlannedClose(NamedTuple):
    """How a session took its planned end."""

    took: str
    """What became of the close frame: `answered`, or why not."""
    proof: Proof
    dead: FoundDead | None
    """The fault, where the session proved to be dead."""


async def close_as_planned(
    session: HeldSession, before: SocketAtEnd, deadline_s: float
) -> PlannedClose:
    """Finish the close that `begin_close` began, and see what comes back until a deadline.

    `before`: how it was before that. `deadline_s` is trio's time. The socket stays open.
    """
    # The bytes of a goodbye are no activity: the tap does not count them.
    silence_ns = session.silence_at(before.at_ns, before.heard_ns)
    took = NO_CLOSE if session.websocket is None else "unanswered"
    if session.websocket is not None:
        took = await _taken(session, session.websocket, deadline_s) or took
    info = sample_tcp_info(session.tap.sock)
    session.end_tls()
    is_answered = took == ANSWERED
    if session.websocket is None:
        is_answered = await _is_answered(session, deadline_s)
        info = sample_tcp_info(session.tap.sock)
    proof = Proof.ALIVE if is_answered else _proof(session, before.info, info)
    dead = _found_dead(session, silence_ns) if proof is Proof.DEAD else None
    return PlannedClose(took, proof, dead)


async def _taken(session: HeldSession, websocket: WebSocket, deadline_s: float) -> str | None:
    """What became of the close frame; None: nothing, until the deadline or until that is sure."""
    wait_s = _FIRST_DOUBTED_S
    while (now_s := trio.current_time()) < deadline_s:
        with trio.move_on_at(min(now_s + wait_s, deadline_s)):
            return await session.answer_to_close(websocket)
        info = sample_tcp_info(session.tap.sock)
        if info is not None and _is_given_up(info):
            return None
        wait_s += _FIRST_DOUBTED_S
    return None


async def _is_answered(session: HeldSession, deadline_s: float) -> bool:
    """Whether anything came from the other end; it returns as soon as the rest is decided."""
    rtt_s = _round_trip_s(sample_tcp_info(session.tap.sock))
    wait_s = max(_FIRST_ASKED_S, 4 * rtt_s)
    while (now_s := trio.current_time()) < deadline_s:
        with trio.move_on_at(min(now_s + wait_s, deadline_s)):
            try:
                data = await session.tap.receive_some()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return False
            # A FIN through a proxy is the proxy's.
            return bool(data) or session.proxy is None
        info = sample_tcp_info(session.tap.sock)
        if session.proxy is None and info is not None and _is_acknowledged(info):
            return True
        if info is not None and _is_given_up(info):
            return False
        wait_s += max(_FIRST_ASKED_S, rtt_s)
    return False


def _proof(session: HeldSession, before: TcpInfo | None, info: TcpInfo | None) -> Proof:
    fault = session.tap.fault
    if session.proxy is not None or info is None or before is None:
        return Proof.UNPROVED
    if fault is not None and isinstance(fault.error, ConnectionResetError | BrokenPipeError):
        if info.bytes_acked is None or before.bytes_acked is None:
            return Proof.UNPROVED
        # Who acknowledged the goodbye and then resets was alive, and aborts.
        return Proof.ALIVE if info.bytes_acked > before.bytes_acked else Proof.DEAD
    if fault is not None:
        return Proof.ALIVE if fault.error is None else Proof.UNPROVED
    if _is_acknowledged(info):
        return Proof.ALIVE
    return Proof.DEAD if _is_given_up(info) else Proof.UNPROVED


def _found_dead(session: HeldSession, silence_ns: int) -> FoundDead:
    fault = session.tap.fault
    if fault is None or fault.error is None:
        now_ns = session.tap.clock.now_ns()
        return FoundDead("the close was never acknowledged", now_ns, silence_ns)
    words = "the close was answered by a RST that acknowledges nothing"
    dead = FoundDead(words, fault.at_ns, silence_ns)
    dead.__cause__ = fault.error
    return dead


def _is_given_up(info: TcpInfo) -> bool:
    """Nothing passes, or nothing leaves: without a device or route nothing is ever sent again.

    The kernel counts such tries as probes (tcp_send_probe0, net/ipv4/tcp_output.c), where nothing
    is in flight: else they are keepalives of before, whose answers may have been lost for a while.
    """
    never_left = 0 if info.unacked else info.probes
    return max(info.retransmits, never_left) >= _UNANSWERED


def _is_acknowledged(info: TcpInfo) -> bool:
    return not info.unacked and not info.notsent_bytes


def _round_trip_s(info: TcpInfo | None) -> float:
    return 0 if info is None else info.rtt_us * NS_PER_US / NS_PER_S
