"""A cause that is proposed for some of a run's drops and failures, before it is located and named.

Each mechanism's module proposes candidates over what no earlier one has claimed.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.diagnosis import Ask, Mechanism, Where
from stresser.analysis.diagnosis.ending_facts import EndingFact, FailureFact, OwnFact
from stresser.analysis.patterns.session_lives import Life
from stresser.model.cohort import Pair
from stresser.model.ending import Initiator
from stresser.statistics.brackets import Bracket, common
from stresser.statistics.chance import binomial_tail
from stresser.statistics.concentration import tolerance

_TIMES_MORE = 3
_CHANCE = 1e-4
"""Rates are not one where one is so much higher, and chance makes so of equal ones this rarely."""
Through = Callable[[Life], bool]
"""Whether a session went through what is said to end sessions, and lived."""
Fate = Callable[[DropFact], bool | None]
"""Of a drop elsewhere: True: it had lived through the same before; False: it may have died of it;
None: it never met it."""


class Candidate(Struct, frozen=True, kw_only=True):
    """One proposed cause."""

    mechanism: Mechanism
    drops: frozenset[int] = frozenset()
    """Numbers of drops (`DropFact.number`)."""
    failures: frozenset[int] = frozenset()
    """Places in `CaseFile.failures`."""
    limit: Bracket | None = None
    """Where its limit lies, in `unit`."""
    unit: str | None = None
    tick_ns: int | None = None
    needed_ns: int | None = None
    """How long the sessions that died were meant to be silent: the heartbeat's interval."""
    moment: Bracket | None = None
    """When it struck, if it struck once."""
    through: Through | None = None
    fate: Fate | None = None
    """None: whatever dropped at its moment may have died of it."""
    condition: str = ""
    """Of a session: `that was silent for 4 s`."""
    event: str = ""
    """What happened, where no condition says it, in words: `02:13:07 UTC`, `link down`."""
    is_lossy: bool = False
    """Its path loses packets, by the evidence of most of its endings."""
    apart: str = ""
    """What keeps it from being one with others: the endpoint that speaks for itself."""
    by_log: bool = False
    """The lab's own log says so."""
    said: bool = False
    """The endpoint itself said so, under TLS that verifies."""
    who: Initiator | None = None
    """Decided by the mechanism itself."""
    elsewhere: Mechanism | None = None
    """What it is called where it is no one egress's."""
    where: Where | None = None
    ask: Ask | None = None
    egress: str | None = None
    """Where it explains neither drop nor failure: the egress that it speaks of."""
    advice: str = ""
    """What to ask for, where the mechanism's own sentence says too little."""
    is_ours: bool = False
    """What is advised is done on this host: its scenario says what the endpoint does not take."""
    contrast: tuple[str, ...] = ()
    """What lived beside it in the same place, in clauses."""
    against: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()
    consistent_with: tuple[str, ...] = ()

    @property
    def weight(self) -> int:
        """How much it explains."""
        return len(self.drops) + len(self.failures)


class Claims:
    """What no candidate has claimed yet."""

    def __init__(self, case: CaseFile) -> None:
        self.drops = {one.number for one in case.drops}
        self.failures = set(range(len(case.failures)))
        self.taken: list[Candidate] = []

    def take(self, candidates: Iterable[Candidate]) -> None:
        """Accept candidates, each for what is left of it; one that never had any, as it is."""
        for one in candidates:
            drops, failures = one.drops & self.drops, one.failures & self.failures
            if one.weight and not drops and not failures:
                continue
            self.drops -= drops
            self.failures -= failures
            self.taken.append(replace(one, drops=drops, failures=failures))

    def free_drops(self, case: CaseFile) -> list[DropFact]:
        """Drops that nothing explains yet."""
        return [case.drop(number) for number in sorted(self.drops)]

    def free_failures(self, case: CaseFile) -> list[FailureFact]:
        """Failed attempts that nothing explains yet."""
        return [case.failures[place] for place in sorted(self.failures)]


def endings_of(candidate: Candidate, case: CaseFile) -> list[OwnFact]:
    """All endings that it explains."""
    dropped = [case.drop(number).own for number in sorted(candidate.drops)]
    return dropped + [case.failures[place].own for place in sorted(candidate.failures)]


def members(candidate: Candidate, case: CaseFile) -> list[EndingFact]:
    """What each of them says."""
    return [own.fact for own in endings_of(candidate, case)]


def pairs_of(candidate: Candidate, case: CaseFile) -> list[Pair]:
    """Endpoints and egresses of what it explains."""
    return list(dict.fromkeys(one.pair for one in members(candidate, case)))


def merged(found: Iterable[Candidate], case: CaseFile) -> list[Candidate]:
    """Candidates of one mechanism and one limit or moment, that share endpoint or egress: one."""
    kept: list[Candidate] = []
    for one in found:
        same = next((other for other in kept if _is_one(one, other, case)), None)
        if same is None:
            kept.append(one)
        else:
            kept[kept.index(same)] = _union(same, one)
    return kept


def _is_one(one: Candidate, other: Candidate, case: CaseFile) -> bool:
    if one.mechanism is not other.mechanism or one.unit != other.unit:
        return False
    # What an endpoint says all at once or bit by bit is one drain.
    drains = one.mechanism is Mechanism.ENDPOINT_GOODBYE and one.limit is other.limit is None
    is_alike = (
        (one.event, one.advice, one.apart) == (other.event, other.advice, other.apart)
        and _meet(one.limit, other.limit)
        and _meet(one.moment, other.moment)
    )
    if not (drains or is_alike):
        return False
    ours, theirs = pairs_of(one, case), pairs_of(other, case)
    endpoints = {e for e, _ in ours} & {e for e, _ in theirs}
    if not endpoints and (drains or not {g for _, g in ours} & {g for _, g in theirs}):
        return False
    return one.mechanism is not Mechanism.NO_PATTERN or _as_often(one, other, case)


def _as_often(one: Candidate, other: Candidate, case: CaseFile) -> bool:
    """Whether sessions there and here drop at rates that chance can make of one.

    The conditional test of two Poisson rates (Przyborowski and Wilenski, Biometrika 31, 1940).
    """
    more, less = (one, other) if _rate(one, case) >= _rate(other, case) else (other, one)
    if _rate(more, case) < _TIMES_MORE * _rate(less, case):
        return True
    held = [case.session_time_ns(pairs_of(each, case)) for each in (more, less)]
    drops = len(more.drops) + len(less.drops)
    share = held[0] / max(sum(held), 1)
    return binomial_tail(drops, share, len(more.drops)) > _CHANCE


def _rate(candidate: Candidate, case: CaseFile) -> float:
    return len(candidate.drops) / max(case.session_time_ns(pairs_of(candidate, case)), 1)


def _meet(one: Bracket | None, other: Bracket | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.meets(other, tolerance(max(one.high, other.high)))


def _union(one: Candidate, other: Candidate) -> Candidate:
    larger = one if one.weight >= other.weight else other
    return replace(
        larger,
        drops=one.drops | other.drops,
        failures=one.failures | other.failures,
        limit=_both(one.limit, other.limit),
        moment=_both(one.moment, other.moment),
        contrast=tuple(dict.fromkeys(one.contrast + other.contrast)),
        against=tuple(dict.fromkeys(one.against + other.against)),
        unproved=tuple(dict.fromkeys(one.unproved + other.unproved)),
        consistent_with=tuple(dict.fromkeys(one.consistent_with + other.consistent_with)),
    )


def _both(one: Bracket | None, other: Bracket | None) -> Bracket | None:
    return None if one is None or other is None else common([one, other])
