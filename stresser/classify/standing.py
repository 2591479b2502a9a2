"""What an ending counts as, and how it stands to our last send: derived once, here. Pure."""

from typing import Any, NamedTuple

from stresser.model.ending import BRACKETED, Ending, Initiator, Kind, NoDrop, Phase
from stresser.model.evidence import NO_EVIDENCE, Evidence
from stresser.model.units import NS_PER_S, NS_PER_US

_ANSWER_WITHIN_NS = NS_PER_S
"""What comes later than this after our last send is no answer to it (or comes from far away)."""
_ROUND_TRIPS = 4
_HOST_UNFIT = "host-unfit"
"""The rule of `initiator_rules` by which this host was away."""


class _Standing(NamedTuple):
    """Fields of an `Ending` that follow from its others."""

    is_drop: bool
    no_drop: NoDrop | None
    answers_send: bool
    unasked: bool
    silence_ns: int | None


DERIVED = _Standing._fields
"""Names of the fields that `make_ending` fills in."""


class _Stopped(NamedTuple):
    """What of an ending decides how it stands. Times: run clock, ns."""

    phase: Phase
    kind: Kind
    initiator: Initiator
    age_ns: int
    idle_ns: int | None
    alive_at_ns: int
    dead_by_ns: int
    evidence: Evidence = NO_EVIDENCE


def make_ending(**facts: Any) -> Ending:
    """The ending of these facts (fields of `Ending`), with all that follows from them."""
    stopped = _Stopped(**{name: facts[name] for name in _Stopped._fields if name in facts})
    return Ending(**facts, **_standing(stopped)._asdict())


def _standing(stopped: _Stopped) -> _Standing:
    why_none = _no_drop(stopped)
    answers = _answers_send(stopped)
    before_send = stopped.evidence.idle_before_send_ns
    was_silent = stopped.age_ns if stopped.idle_ns is None else stopped.idle_ns
    asked_into = answers or stopped.kind in BRACKETED
    return _Standing(
        is_drop=stopped.phase is Phase.HELD and why_none is None,
        no_drop=why_none,
        answers_send=answers,
        unasked=_is_unasked(stopped.evidence),
        silence_ns=max(before_send if asked_into and before_send is not None else was_silent, 0),
    )


def _no_drop(stopped: _Stopped) -> NoDrop | None:
    if stopped.kind is Kind.PLANNED:
        return NoDrop.PLANNED
    if stopped.kind is Kind.HOST_SLEPT:
        return NoDrop.HOST_SLEPT
    if _HOST_UNFIT in stopped.evidence.why:
        return NoDrop.HOST_UNFIT
    # What this host did to its own network (a tunnel that it took down) is another matter.
    is_ours = stopped.kind is Kind.TOOL or stopped.initiator is Initiator.TOOL
    return NoDrop.TOOL if is_ours else None


def _answers_send(stopped: _Stopped) -> bool:
    """A FIN or RST that showed only when we sent: what was alive after the send is no answer."""
    since = stopped.evidence.since_sent_ns
    return (
        stopped.kind in {Kind.TCP_RESET, Kind.TCP_FIN}
        and since is not None
        and since <= _ANSWER_WITHIN_NS
        and stopped.alive_at_ns < stopped.dead_by_ns - since
    )


def _is_unasked(evidence: Evidence) -> bool:
    since, info = evidence.since_sent_ns, evidence.tcp_info
    round_trips = 0 if info is None else _ROUND_TRIPS * NS_PER_US * info.rtt_us
    return since is not None and since > max(_ANSWER_WITHIN_NS, round_trips)
