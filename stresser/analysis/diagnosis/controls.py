"""Where it happens, as far as what lived beside it shows.

The same endpoint through other egresses comes first; where all egresses died alike, other
endpoints through the same egresses tell the endpoint from what all of them share.
"""

from typing import NamedTuple

from stresser.analysis.diagnosis.candidate import Candidate, members, pairs_of
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.diagnosis import Control, DiagnosedScope, Mechanism, Where
from stresser.analysis.diagnosis.ending_facts import EndingFact
from stresser.model.cohort import Pair
from stresser.model.units import escaped

_NAME = 80
_CLEAN = 9
"""Lived and dropped: a control is clean where so many lived for each that did not."""
_MOST_CONTROLS = 8
_NO_SERVER = frozenset({Mechanism.OUTAGE, Mechanism.ENDPOINT_DOWN})
"""What may be a dead server: a box that accepts for it through another egress is no control."""


class Located(NamedTuple):
    """Where, and what shows it."""

    where: Where
    controls: list[Control]
    is_same_machine: bool
    """A clean control through another egress is known to have reached the same machine."""


class _Found(NamedTuple):
    pair: Pair
    activity: str | None
    lived: int
    ended: int

    @property
    def is_clean(self) -> bool:
        return self.lived > 0 and self.lived >= _CLEAN * self.ended


def locate(candidate: Candidate, case: CaseFile) -> Located:
    """Where a candidate's drops and failures happened."""
    facts = members(candidate, case)
    pairs = pairs_of(candidate, case)
    if candidate.where is not None or not facts:
        return Located(candidate.where or Where.UNKNOWN, [], is_same_machine=False)
    across = _controls(candidate, case, _other_egresses(case, pairs))
    clean = [one for one in across if one.is_clean]
    beside = _controls(candidate, case, _other_endpoints(case, pairs))
    controls = [_control(one, candidate) for one in [*across, *beside][:_MOST_CONTROLS]]
    if clean:
        same = any(_is_same_machine(case, pairs, one.pair, facts) for one in clean)
        return Located(Where.EGRESS, controls, is_same_machine=same)
    if not _are_all_alike(pairs) or across:
        where = Where.ENDPOINT if _spoke(candidate, facts) and not across else Where.UNKNOWN
        return Located(where, controls, is_same_machine=False)
    is_endpoint = any(one.is_clean for one in beside) or candidate.said
    where = Where.ENDPOINT if is_endpoint else Where.SHARED
    return Located(where, controls, is_same_machine=False)


def merely_accepting(candidate: Candidate, case: CaseFile) -> list[str]:
    """Egresses through which somebody accepts for the same endpoint, and no server is shown."""
    if candidate.mechanism not in _NO_SERVER or candidate.drops:
        return []
    others = _other_egresses(case, pairs_of(candidate, case))
    found = (pair for pair in others if case.opened.get(pair) and not _server_spoke(case, pair))
    return list(dict.fromkeys(egress for _, egress in found))


def _spoke(candidate: Candidate, facts: list[EndingFact]) -> bool:
    """The endpoint itself said it in words of its own: more than the end of a TLS stream.

    A ping is seen under TLS alone: who cannot bear it holds the endpoint's key.
    """
    if candidate.mechanism is Mechanism.PING_INTOLERANCE:
        return not any(fact.intercepted for fact in facts)
    return candidate.said and any(
        fact.code is not None or fact.status is not None for fact in facts
    )


def _are_all_alike(pairs: list[Pair]) -> bool:
    """Some endpoint died through two egresses or more."""
    endpoints = [endpoint for endpoint, _ in pairs]
    return len(set(endpoints)) < len(endpoints)


def _other_egresses(case: CaseFile, pairs: list[Pair]) -> list[Pair]:
    endpoints, egresses = {e for e, _ in pairs}, {g for _, g in pairs}
    return [pair for pair in case.pairs if pair[0] in endpoints and pair[1] not in egresses]


def _other_endpoints(case: CaseFile, pairs: list[Pair]) -> list[Pair]:
    endpoints, egresses = {e for e, _ in pairs}, {g for _, g in pairs}
    return [pair for pair in case.pairs if pair[0] not in endpoints and pair[1] in egresses]


def _controls(candidate: Candidate, case: CaseFile, pairs: list[Pair]) -> list[_Found]:
    found = [one for pair in pairs for one in _of_pair(candidate, case, pair)]
    return [one for one in found if one.lived or one.ended]


def _of_pair(candidate: Candidate, case: CaseFile, pair: Pair) -> list[_Found]:
    """Of each activity that died; where none of those was exposed there, of all together."""
    if candidate.through is None:
        return [_of_attempts(candidate, case, pair)]
    activities = {case.drop(n).fact.cohort.activity for n in candidate.drops}
    alike = [_exposed(candidate, case, pair, activity) for activity in sorted(activities)]
    if any(one.lived or one.ended for one in alike):
        return alike
    return [_exposed(candidate, case, pair, None)]


def _exposed(candidate: Candidate, case: CaseFile, pair: Pair, activity: str | None) -> _Found:
    lived = case.number_through(pair, activity, candidate.through or _always)
    fates = [
        _fate(candidate, one)
        for one in case.drops_of.get(pair, [])
        if (activity is None or one.fact.cohort.activity == activity)
        and one.number not in candidate.drops
    ]
    return _Found(pair, activity, lived + fates.count(True), fates.count(False))


def _fate(candidate: Candidate, one: DropFact) -> bool | None:
    if candidate.fate is not None:
        return candidate.fate(one)
    is_at = candidate.moment is None or candidate.moment.meets(one.drop.moment)
    return False if is_at else None


def _always(_life: object) -> bool:
    return True


def _of_attempts(candidate: Candidate, case: CaseFile, pair: Pair) -> _Found:
    opened = len(case.opened.get(pair, []))
    if candidate.mechanism in _NO_SERVER and not _server_spoke(case, pair):
        opened = 0
    if candidate.unit == "sessions" and candidate.limit is not None:
        peak = max((case.open_at([pair], at) for at in case.opened.get(pair, [])), default=0)
        opened = peak if peak > candidate.limit.high else 0
    failed = [one for one in case.failures_of.get(pair, []) if one.place not in candidate.failures]
    return _Found(pair, None, opened, len(failed))


def _server_spoke(case: CaseFile, pair: Pair) -> bool:
    """Whether sessions that opened there show that a server lives, and not an accept alone."""
    plan = case.plan
    return not all(plan.is_merely_accepted(one) for one in case.cohorts if one.pair == pair)


def _control(found: _Found, candidate: Candidate) -> Control:
    endpoint, egress = (escaped(name, _NAME) for name in found.pair)
    activity = None if found.activity is None else escaped(found.activity, _NAME)
    place = f"to {endpoint} through {egress}{'' if activity is None else f', {activity}'}"
    total = found.lived + found.ended
    fate = "failed" if candidate.through is None else "dropped"
    return Control(
        scope=DiagnosedScope(endpoint=endpoint, egress=egress, activity=activity),
        sessions=total,
        drops=found.ended,
        says=f"{place}: {f'{found.ended:,}' if found.ended else 'none'} of {total:,} {fate}",
    )


def _is_same_machine(
    case: CaseFile, pairs: list[Pair], other: Pair, facts: list[EndingFact]
) -> bool:
    """One address that is known on both sides, no other certificate, no name that a proxy saw."""
    addresses = {f.remote.rpartition(":")[0] for f in facts if f.cohort.endpoint == other[0]}
    known = case.evidence.pairing(*other).addresses
    return (
        bool(addresses - {""})
        and addresses - {""} <= known
        and all(
            case.same_machine(endpoint, egress, other[1])
            for endpoint, egress in pairs
            if endpoint == other[0]
        )
    )
