"""The answer of a run: what explains its drops and failures, where, who, and whom to ask.

Mechanisms propose in the order of the table (`mechanism_table.py`): what a session's own evidence
decides first, then limits, then moments, then attempts. Each takes only what is left, so each
drop and each failure belongs to one diagnosis at most. Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import overload

from msgspec import Struct
from msgspec.structs import replace

from stresser.analysis.diagnosis.accused import accuse
from stresser.analysis.diagnosis.asks import ask_for
from stresser.analysis.diagnosis.byte_contrast import byte_contrast
from stresser.analysis.diagnosis.candidate import (
    Candidate,
    Claims,
    endings_of,
    members,
    merged,
    pairs_of,
)
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.controls import Located, locate, merely_accepting
from stresser.analysis.diagnosis.diagnosis import DiagnosedScope, Diagnosis, Mechanism, Where
from stresser.analysis.diagnosis.diagnosis_words import moment_words, says, what_broke_it
from stresser.analysis.diagnosis.ending_facts import EndingFact, OwnFact
from stresser.analysis.diagnosis.failed_attempts import failed_attempts, late_refusals
from stresser.analysis.diagnosis.first_message import first_message
from stresser.analysis.diagnosis.found_limits import timers
from stresser.analysis.diagnosis.hop_stops import HopStop, hop_stop
from stresser.analysis.diagnosis.host_causes import absences, path_change
from stresser.analysis.diagnosis.intercepted_pairs import interception
from stresser.analysis.diagnosis.lab_log import lab_log
from stresser.analysis.diagnosis.no_pattern import no_pattern
from stresser.analysis.diagnosis.one_moment import is_said, one_moment
from stresser.analysis.diagnosis.session_ceiling import session_ceiling
from stresser.analysis.diagnosis.silences_compared import contrast, found_dead
from stresser.analysis.diagnosis.tls_contrast import tls_contrasts
from stresser.analysis.words.endings import counted
from stresser.classify.reflector_rules import FAR_BY_NAME
from stresser.model.cohort import Cohort
from stresser.model.ending import Grade, Initiator, Kind
from stresser.model.units import escaped

_Propose = Callable[[CaseFile, Claims], Iterator[Candidate]]
PROPOSERS: tuple[_Propose, ...] = (
    path_change,
    absences,
    lab_log,
    late_refusals,
    first_message,
    byte_contrast,
    timers,
    contrast,
    one_moment,
    found_dead,
    session_ceiling,
    interception,
    failed_attempts,
    no_pattern,
)
MOST_DIAGNOSES = 50
_NAME = 80


class ExplainedEnding(Struct, frozen=True, kw_only=True):
    """A drop or a failed attempt, with the number of the diagnosis that explains it."""

    session: int | None
    """None: it was an attempt."""
    attempt: int
    endpoint: str
    egress: str
    activity: str
    kind: Kind
    initiator: Initiator
    """What its own evidence says; the diagnosis may say more."""
    grade: Grade
    diagnosis: int | None


class ExplainedEndings(Sequence[ExplainedEnding]):
    """Made when they are looked at: a run may have hundreds of thousands."""

    def __init__(
        self, diagnosed: bytes, make: Callable[[int, int | None], ExplainedEnding]
    ) -> None:
        """`diagnosed`: the number of each one's diagnosis, 0 where it has none."""
        self._diagnosed, self._make = diagnosed, make

    def __len__(self) -> int:
        return len(self._diagnosed)

    @overload
    def __getitem__(self, place: int) -> ExplainedEnding: ...

    @overload
    def __getitem__(self, place: slice) -> list[ExplainedEnding]: ...

    def __getitem__(self, place: int | slice) -> ExplainedEnding | list[ExplainedEnding]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        return self._make(place, self._diagnosed[place] or None)


class Diagnoses(Struct, frozen=True, kw_only=True):
    """All that explains a run, and what belongs to it."""

    diagnoses: list[Diagnosis]
    """The weightiest first, at most `MOST_DIAGNOSES`."""
    drops: ExplainedEndings
    failures: ExplainedEndings


def diagnose(case: CaseFile, utc: Callable[[int], str]) -> Diagnoses:
    """All diagnoses of a run; `utc` writes a time of the run."""
    claims = Claims(case)
    for propose in PROPOSERS:
        claims.take(merged(propose(case, claims), case))
    ranked = sorted(merged(claims.taken, case), key=_rank)[:MOST_DIAGNOSES]
    made = [_diagnosis(number, one, case, utc) for number, one in enumerate(ranked, 1)]
    of_drop, of_failure = bytearray(len(case.lives.drops)), bytearray(len(case.failures))
    for n, one in enumerate(ranked, 1):
        for number in one.drops:
            of_drop[number] = n
        for place in one.failures:
            of_failure[place] = n

    drops, failures = case.drops, case.failures  # the case itself is not to be kept for these

    def drop(place: int, diagnosis: int | None) -> ExplainedEnding:
        return _explained(drops[place].own, drops[place].drop.session, diagnosis)

    def failure(place: int, diagnosis: int | None) -> ExplainedEnding:
        return _explained(failures[place].own, None, diagnosis)

    return Diagnoses(
        diagnoses=made,
        drops=ExplainedEndings(bytes(of_drop[one.number] for one in case.drops), drop),
        failures=ExplainedEndings(bytes(of_failure), failure),
    )


def _explained(own: OwnFact, session: int | None, diagnosis: int | None) -> ExplainedEnding:
    fact = own.fact
    endpoint, egress, activity = (escaped(name, _NAME) for name in fact.cohort)
    return ExplainedEnding(
        session=session,
        attempt=own.attempt,
        endpoint=endpoint,
        egress=egress,
        activity=activity,
        kind=fact.kind,
        initiator=fact.initiator,
        grade=fact.grade,
        diagnosis=diagnosis,
    )


def _rank(candidate: Candidate) -> tuple[bool, bool, int, int]:
    """Explained before unexplained, drops before failures, many before few."""
    is_open = candidate.mechanism is Mechanism.NO_PATTERN
    return not candidate.weight, is_open, -len(candidate.drops), -len(candidate.failures)


def _diagnosis(
    number: int, candidate: Candidate, case: CaseFile, utc: Callable[[int], str]
) -> Diagnosis:
    endings = endings_of(candidate, case)
    facts = [own.fact for own in endings]
    candidate = replace(candidate, said=candidate.said or _is_said(candidate, case))
    located = locate(candidate, case)
    hop = hop_stop((own.hops for own in endings), len(endings))
    candidate = _timed(_settled(candidate, located.where, hop), utc)
    accused = accuse(candidate, located, case, hop)
    scope = _scope(candidate, case)
    of_drops, of_failures = _totals(scope, case)
    times = sorted(own.t_ns for own in endings)
    limit, struck = candidate.limit, candidate.moment
    return Diagnosis(
        number=number,
        mechanism=candidate.mechanism,
        scope=scope,
        where=located.where,
        who=accused.who,
        grade=accused.grade,
        by_log=candidate.by_log,
        by_both_ends=dict(Counter(_decided_by_both(facts)).most_common()),
        low=None if limit is None else limit.low,
        high=None if limit is None else limit.high,
        unit=None if limit is None else candidate.unit,
        tick_ns=candidate.tick_ns,
        drops=len(candidate.drops),
        of_drops=of_drops,
        failures=len(candidate.failures),
        of_failures=of_failures,
        sessions_found_dead=sum(fact.kind is Kind.FOUND_DEAD for fact in facts),
        struck=moment_words(*map(utc, struck)) if struck else "",
        kinds=dict(Counter(fact.kind.value for fact in facts).most_common()),
        seen=_seen(facts),
        first_utc=utc(min(times[0], struck.low) if struck else times[0]) if times else None,
        last_utc=utc(times[-1]) if times else None,
        hop=hop,
        contrasts=[*candidate.contrast, *tls_contrasts(candidate, located, case)],
        controls=located.controls,
        against=[*candidate.against, *accused.against],
        unproved=[
            *candidate.unproved,
            *_unproved_place(candidate, located, case),
            *_unproved_controls(located, case),
        ],
        consistent_with=list(candidate.consistent_with),
        ask=ask_for(candidate, located.where, accused.who, scope, case),
        says=says(candidate, scope, located, case, of_drops),
    )


def _decided_by_both(facts: list[EndingFact]) -> Iterator[str]:
    return (name for fact in facts for name in fact.rules if name in FAR_BY_NAME)


def _seen(facts: list[EndingFact]) -> str:
    """What broke the protocol, where that ended most of them."""
    broken = [fact for fact in facts if fact.kind is Kind.PROTOCOL_ERROR]
    return what_broke_it(broken[0]) if 2 * len(broken) > len(facts) else ""


def _unproved_place(candidate: Candidate, located: Located, case: CaseFile) -> Iterator[str]:
    if located.where is Where.UNKNOWN and len(case.egresses) == 1 and candidate.weight:
        yield "Whose it is: the same endpoint through a second egress shows it."
    for egress in merely_accepting(candidate, case):
        yield f"Whether a server lives: through {escaped(egress, _NAME)} somebody accepts, no more."


def _unproved_controls(located: Located, case: CaseFile) -> Iterator[str]:
    """Sessions of the controls that sent nothing and did not answer at the end."""
    silent = Counter[str]()
    for one in located.controls:
        for cohort, count in case.evidence.unproved.items():
            if case.plan.is_silent(cohort) and one.scope == _as_scope(cohort):
                silent[cohort.egress] += count
    for egress, count in (+silent).items():
        sessions = counted(count, "silent session")
        yield f"Whether {sessions} through {escaped(egress, _NAME)} lived: nothing was sent."


def _as_scope(cohort: Cohort) -> DiagnosedScope:
    endpoint, egress, activity = (escaped(name, _NAME) for name in cohort)
    return DiagnosedScope(endpoint=endpoint, egress=egress, activity=activity)


def _timed(candidate: Candidate, utc: Callable[[int], str]) -> Candidate:
    """With the time of day of its one moment, where the record has one."""
    if candidate.moment is None or candidate.event:
        return candidate
    return replace(candidate, event=moment_words(*map(utc, candidate.moment)))


def _is_said(candidate: Candidate, case: CaseFile) -> bool:
    facts = [case.drop(number).fact for number in candidate.drops]
    return bool(facts) and is_said(facts)


def _settled(candidate: Candidate, where: Where, hop: HopStop | None) -> Candidate:
    """What it is called, now that it is known where it happens."""
    mechanism = candidate.mechanism
    if where is Where.EGRESS:
        if mechanism is Mechanism.ENDPOINT_GOODBYE:
            mechanism = _without_the_endpoint(candidate)
        elif mechanism is Mechanism.ENDPOINT_DOWN:
            mechanism = Mechanism.OUTAGE
    elif mechanism is Mechanism.AGE_LIMIT and candidate.said:
        mechanism = Mechanism.ENDPOINT_GOODBYE
    elif candidate.elsewhere is not None:
        mechanism = candidate.elsewhere
    elif mechanism is Mechanism.NAME_FILTER and not (hop is not None and hop.alone and hop.hello):
        mechanism = Mechanism.REFUSED_BY_ENDPOINT
    said = candidate.said and where is not Where.EGRESS
    keeps = mechanism in {candidate.mechanism, candidate.elsewhere}
    advice = candidate.advice if keeps else ""
    return replace(candidate, mechanism=mechanism, said=said, advice=advice)


def _without_the_endpoint(candidate: Candidate) -> Mechanism:
    """What it is where only one egress hears the endpoint's word."""
    if candidate.limit is not None:
        return Mechanism.AGE_LIMIT
    return Mechanism.NO_PATTERN if candidate.moment is None else Mechanism.STATE_LOST


def _scope(candidate: Candidate, case: CaseFile) -> DiagnosedScope:
    """Names what all of it shares; an activity only where the run has others beside it."""
    pairs = pairs_of(candidate, case)
    cohorts = {fact.cohort for fact in members(candidate, case)}
    activities = {cohort.activity for cohort in cohorts} if candidate.drops else set()
    beside = {c.activity for c in case.cohorts if c.pair in pairs}
    many = len(case.endpoints) > 1
    endpoints = {e for e, _ in pairs}
    egresses = {g for _, g in pairs} or {g for g in [candidate.egress] if g is not None}
    return DiagnosedScope(
        endpoint=_only_name(endpoints) if many else None,
        egress=_only_name(egresses),
        activity=_only_name(activities) if len(beside) > 1 else None,
    )


def _only_name(names: set[str]) -> str | None:
    return escaped(next(iter(names)), _NAME) if len(names) == 1 else None


def _totals(scope: DiagnosedScope, case: CaseFile) -> tuple[int, int]:
    """All drops and failures in a scope."""
    wider = replace(scope, activity=None)
    drops = Counter(one.fact.cohort for one in case.drops)
    failures = Counter(one.ending.cohort for one in case.failures)
    return (
        sum(count for cohort, count in drops.items() if _is_in(scope, cohort)),
        sum(count for cohort, count in failures.items() if _is_in(wider, cohort)),
    )


def _is_in(scope: DiagnosedScope, cohort: Cohort) -> bool:
    wanted = (scope.endpoint, scope.egress, scope.activity)
    return all(
        name is None or name == escaped(own, _NAME)
        for name, own in zip(wanted, cohort, strict=True)
    )
