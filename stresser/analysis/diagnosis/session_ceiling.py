"""Never more than N sessions open: every further attempt failed while those lived."""

from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.diagnosis.ending_facts import FailureFact
from stresser.model.cohort import Pair
from stresser.model.ending import Kind
from stresser.statistics.brackets import Bracket

_FEWEST = 3
_KINDS = frozenset(
    {
        Kind.TIMEOUT,
        Kind.SILENCE,
        Kind.KERNEL_TIMEOUT,
        Kind.REFUSED,
        Kind.TCP_RESET,
        Kind.TCP_FIN,
        Kind.TLS_CLOSE_NOTIFY,
        Kind.UNREACHABLE,
        Kind.HTTP_REFUSAL,
        Kind.PROXY_ERROR,
    }
)
_CEILING_STATUS = frozenset({429, 503})
_MOST_DROPPED = 0.1


def session_ceiling(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Of each egress, else of each endpoint through it."""
    for egress in case.egresses:
        pairs = [pair for pair in case.pairs if pair[1] == egress]
        for scope in ([pairs] if len(pairs) > 1 else []) + [[pair] for pair in pairs]:
            found = _ceiling(case, claims, scope)
            if found is not None:
                yield found
                break


def _ceiling(case: CaseFile, claims: Claims, pairs: list[Pair]) -> Candidate | None:
    failed = [
        one
        for one in claims.free_failures(case)
        if one.ending.pair in pairs and _may_be_a_ceiling(one)
    ]
    if len(failed) < _FEWEST:
        return None
    peak = max((case.open_at(pairs, at) for p in pairs for at in case.opened.get(p, [])), default=0)
    if peak < _FEWEST:
        return None
    if any(not case.opened.get(one.ending.pair) for one in failed):
        return None  # who never let one in has no ceiling
    first = min(one.began_ns for one in failed)
    if any(case.open_at(pairs, _until(one)) < peak for one in failed) or _was_exceeded(
        case, pairs, failed
    ):
        return None
    drops = sum(len(case.drops_of.get(pair, [])) for pair in pairs)
    lived = sum(
        life.opened_ns + life.proved_age_ns > first or life.ended_ns > first
        for pair in pairs
        for life in case.survivors.get(pair, [])
    )
    if drops > _MOST_DROPPED * peak or lived < (1 - _MOST_DROPPED) * peak:
        return None
    return Candidate(
        mechanism=Mechanism.SESSION_CEILING,
        failures=frozenset(one.place for one in failed),
        limit=Bracket(peak, peak),
        unit="sessions",
    )


def _until(failure: FailureFact) -> int:
    """When the attempt failed: those that began beside it may have opened meanwhile."""
    return failure.own.t_ns


def _may_be_a_ceiling(failure: FailureFact) -> bool:
    ending = failure.ending
    if ending.kind is Kind.HTTP_REFUSAL:
        return ending.status in _CEILING_STATUS
    return ending.kind in _KINDS


def _was_exceeded(case: CaseFile, pairs: list[Pair], failed: list[FailureFact]) -> bool:
    """Whether a session opened after an attempt had failed, with none gone meanwhile."""
    first = min(one.own.t_ns for one in failed)
    opened_later = sum(at > first for pair in pairs for at in case.opened.get(pair, []))
    ended = sum(
        life.ended_ns < case.lives.now_ns and life.ended_ns > first
        for pair in pairs
        for life in (one.drop.life for one in case.drops_of.get(pair, []))
    )
    return opened_later > ended
