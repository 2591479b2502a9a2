"""Turns what stopped an attempt or a session into its one recorded ending."""

from typing import Any

import msgspec
import trio

from stresser.classify.classify import Sighting, classify
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase
from stresser.model.events import AttemptFailed, SessionEnded
from stresser.model.faults import (
    HttpRefused,
    NameNotResolved,
    NoPong,
    Planned,
    ProxyRefused,
)
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS
from stresser.net.tap import Tap
from stresser.session.attempt import Attempt
from stresser.session.bugs import InternalError
from stresser.session.held import HeldSession
from stresser.session.surroundings import Surroundings
from stresser.witness.tcp_info import sample_tcp_info

_TICK_MS = 10
"""TCP_INFO's times are cut to the kernel's tick, at most 10 ms (CONFIG_HZ=100): a proof of life
must not be dated after the death that followed it."""


class LastLook:
    """What must be read at once, before anything else happens to the socket."""

    __slots__ = ("at_ns", "fault", "info", "tap")

    def __init__(self, fault: Exception, tap: Tap | None, now_ns: int) -> None:
        self.tap = tap
        self.info = None if tap is None else sample_tcp_info(tap.sock)
        self.at_ns = now_ns
        self.fault: Exception = fault
        if tap is None or isinstance(fault, (NoPong, Planned, InternalError)):
            return
        if isinstance(fault, trio.BrokenResourceError) and tap.fault is not None:
            self.at_ns = tap.fault.at_ns
            self.fault = tap.fault.error or fault
        else:
            # What TLS and WebSocket said was in the socket when the loop woke.
            self.at_ns = max(tap.clock.woke_ns, tap.last_received_ns)
            if tap.fault is not None and tap.fault.error is None:
                self.at_ns = tap.fault.at_ns


def attempt_failed(attempt: Attempt, look: LastLook, around: Surroundings) -> AttemptFailed:
    """The event of an attempt that did not open."""
    ending = _ending(look.fault, _attempt_sighting(attempt, look, around))
    cohort = attempt.route.cohort
    return AttemptFailed(
        **_common(ending, around),
        endpoint=cohort.endpoint,
        egress=cohort.egress,
        activity=cohort.activity,
        attempt=attempt.number,
        local=attempt.local,
        remote=attempt.remote,
        proxy=attempt.proxy,
        resolved_by=attempt.resolved_by,
        phases_ns=attempt.phases_ns,
        tls=attempt.tls,
        **_flat(ending),
    )


def session_ended(session: HeldSession, look: LastLook, around: Surroundings) -> SessionEnded:
    """The event of a session's end; a drop's age is a sample as well."""
    ending = _ending(look.fault, _session_sighting(session, look, around))
    if ending.is_drop:
        around.observer.sample(Quantity.AGE_AT_DROP, session.cohort, ending.age_ns)
    return SessionEnded(
        **_common(ending, around),
        endpoint=session.cohort.endpoint,
        egress=session.cohort.egress,
        activity=session.cohort.activity,
        attempt=session.attempt,
        session=session.number,
        local=session.local,
        remote=session.remote,
        proxy=session.proxy,
        pings=session.pings,
        pongs=session.pongs,
        messages=session.reads if session.websocket is None else session.websocket.messages,
        bytes_received=session.tap.bytes_received,
        bytes_sent=session.tap.bytes_sent,
        **_flat(ending),
    )


def _ending(fault: Exception, seen: Sighting) -> Ending:
    if not isinstance(fault, InternalError):
        return classify(fault, seen)
    # A bug may be in the classifier itself: nothing here asks it.
    return Ending(
        phase=seen.phase,
        kind=Kind.TOOL,
        failure=fault.failure,
        initiator=Initiator.TOOL,
        grade=Grade.ERRNO,
        age_ns=max(0, seen.detected_ns - seen.began_ns),
        idle_ns=None,
        alive_at_ns=min(seen.alive_ns, seen.detected_ns),
        dead_by_ns=seen.detected_ns,
        detected_at_ns=seen.detected_ns,
        evidence=seen.evidence,
        raw=fault.last_lines,
    )


def _common(ending: Ending, around: Surroundings) -> dict[str, Any]:
    # An event stands at the moment it tells of, not at the moment of its writing.
    t_ns = ending.detected_at_ns
    return {"t_ns": t_ns, "utc": around.clock.utc(t_ns)}


def _flat(ending: Ending) -> dict[str, Any]:
    return {name: getattr(ending, name) for name in ending.__struct_fields__}


def _attempt_sighting(attempt: Attempt, look: LastLook, around: Surroundings) -> Sighting:
    tap = attempt.tap
    alive = attempt.began_ns if tap is None else tap.last_received_ns
    return Sighting(
        phase=attempt.phase,
        began_ns=attempt.began_ns,
        detected_ns=look.at_ns,
        alive_ns=alive,
        last_passed_ns=None if tap is None else max(tap.last_received_ns, tap.last_sent_ns),
        tls_end_verified=attempt.endpoint_proved,
        source_chosen=attempt.route.binding.source is not None,
        unacked=None if look.info is None else look.info.unacked,
        slept_ns=around.slept_since(alive, look.at_ns),
        evidence=_evidence(look) | _of_the_way(attempt, look),
    )


def _of_the_way(attempt: Attempt, look: LastLook) -> dict[str, Any]:
    """Which step through a proxy, which name: what a phase's name alone does not say."""
    if attempt.phase is Phase.PROXY and attempt.proxy_step is not None:
        return {"proxy_step": attempt.proxy_step}
    if isinstance(look.fault, NameNotResolved) and attempt.asked_name is not None:
        return {"name": attempt.asked_name}
    return {}


def _session_sighting(session: HeldSession, look: LastLook, around: Surroundings) -> Sighting:
    tap = session.tap
    planned = isinstance(look.fault, Planned)
    alive = _last_proof_of_life(tap, look)
    # Of what we sent into a silence nobody knows that it passed anything.
    passed = alive if isinstance(look.fault, NoPong) else max(alive, tap.last_sent_ns)
    return Sighting(
        phase=Phase.CLOSING if planned else Phase.HELD,
        began_ns=session.opened_ns,
        detected_ns=look.at_ns,
        alive_ns=alive,
        last_passed_ns=min(passed, look.at_ns),
        tls_end_verified=session.endpoint_proved,
        source_chosen=session.source_chosen,
        unacked=None if look.info is None else look.info.unacked,
        slept_ns=0 if planned else around.slept_since(alive, look.at_ns),
        evidence=_evidence(look),
    )


def _last_proof_of_life(tap: Tap, look: LastLook) -> int:
    """The last byte from the other side; where the kernel saw a later acknowledgement, that."""
    if look.info is None or not isinstance(look.fault, NoPong):
        return tap.last_received_ns
    acknowledged = look.at_ns - (look.info.last_ack_recv_ms + _TICK_MS) * NS_PER_MS
    return max(tap.last_received_ns, acknowledged)


def _evidence(look: LastLook) -> dict[str, Any]:
    evidence: dict[str, Any] = {}
    if isinstance(look.fault, Planned):
        return evidence
    if look.info is not None:
        evidence["tcp_info"] = msgspec.structs.asdict(look.info)
    if look.tap is not None and look.tap.bytes_sent:
        evidence["idle_before_send_ns"] = look.tap.idle_before_send_ns
        evidence["since_sent_ns"] = max(0, look.at_ns - look.tap.last_sent_ns)
        if look.tap.fault is not None:
            evidence["operation"] = look.tap.fault.operation
    if isinstance(look.fault, NoPong):
        evidence["ping_sent_ns"] = look.fault.sent_ns
    if isinstance(look.fault, HttpRefused | ProxyRefused) and look.fault.headers:
        evidence["headers"] = look.fault.headers
    return evidence
