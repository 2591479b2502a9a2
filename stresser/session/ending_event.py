"""Turns what stopped an attempt or a session into its one recorded ending."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from stresser.classify.ending_of import FaultKind, classify, settled
from stresser.classify.observations import Observations
from stresser.model.ending import Ending, Grade, Initiator, Kind
from stresser.model.events import AttemptFailed, SessionEnded
from stresser.model.quantity import Quantity
from stresser.scenario.secrets import Secret, masked_in
from stresser.session.attempt import Attempt
from stresser.session.gather_observations import attempt_observations, session_observations
from stresser.session.held import HeldSession
from stresser.session.internal_errors import InternalError
from stresser.session.route import Route
from stresser.session.run_context import RunContext
from stresser.session.socket_at_end import SocketAtEnd


def attempt_failed(attempt: Attempt, look: SocketAtEnd, around: RunContext) -> AttemptFailed:
    """The event of an attempt that did not open."""
    ending = _ending(look.fault, attempt_observations(attempt, look, around), attempt.route)
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
        hello=attempt.client_hello,
        tls=attempt.tls,
        ending=ending,
    )


def session_ended(session: HeldSession, look: SocketAtEnd, around: RunContext) -> SessionEnded:
    """The event of a session's end; a drop's age is a sample as well."""
    seen = session_observations(session, look, around)
    ending = _ending(look.fault, seen, session.destination.route)
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
        quiet_survived_ns=session.quiet_survived_ns,
        messages=session.reads if session.websocket is None else session.websocket.messages,
        bytes_received=session.tap.bytes_received,
        bytes_sent=session.tap.bytes_sent,
        held_back_ns=session.share.held_back_ns,
        ending=ending,
    )


def _ending(fault: Exception, seen: Observations, route: Route) -> Ending:
    if not isinstance(fault, InternalError):
        ending = classify(fault, seen)
        return _without_secrets(ending, route.secrets) if route.secrets else ending
    # A bug may be in the rules themselves: nothing here asks them.
    return settled(
        seen,
        FaultKind(Kind.TOOL, fault.failure),
        Initiator.TOOL,
        Grade.ERRNO,
        evidence=seen.evidence,
        raw=fault.last_lines,
    )


def _without_secrets(ending: Ending, secrets: Sequence[Secret]) -> Ending:
    """Whoever answers may repeat what was sent."""
    evidence = ending.evidence
    return replace(
        ending,
        reason=masked_in(ending.reason, secrets),
        raw=masked_in(ending.raw, secrets),
        evidence=replace(
            evidence,
            headers={name: masked_in(text, secrets) for name, text in evidence.headers.items()},
            first_bytes=masked_in(evidence.first_bytes, secrets),
            last_text=masked_in(evidence.last_text, secrets),
        ),
    )


def _common(ending: Ending, around: RunContext) -> dict[str, Any]:
    # An event stands at the moment it tells of, not at the moment of its writing.
    t_ns = ending.detected_at_ns
    return {"t_ns": t_ns, "utc": around.clock.utc(t_ns)}
