"""Sessions that die of what they send first: a ping, or a message that is too big.

Both look like timers, for each session ends at its first heartbeat: what shows them is that
sessions of the same pair that were as silent, or sent as often but less, lived on.
"""

from collections import defaultdict
from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, Claims, Through
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact, Pair
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.patterns.session_lives import Life
from stresser.analysis.words.endings import counted
from stresser.model.cohort import Cohort
from stresser.model.ending import BRACKETED, Kind
from stresser.model.units import escaped
from stresser.statistics.brackets import Bracket

_FEWEST = 3
_WHICH_SIZE = 'Which size is the limit: try an activity with message = "1200B".'
_LIVED = 2
_LOST = frozenset({Kind.SILENCE, Kind.UNRESPONSIVE, Kind.KERNEL_TIMEOUT, Kind.UNKNOWN})


def first_message(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Ping intolerance and size limits."""
    by_pair: dict[Pair, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        if one.fact.pings == 1 and one.fact.pongs == 0:
            by_pair[one.pair].append(one)
    yield from _big_segments(case, claims)
    for pair, drops in by_pair.items():
        big = _size_limit(case, pair, drops)
        if big is not None:
            yield big
        else:
            yield from _ping_intolerance(case, pair, drops)


def _big_segments(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Where most endings of a cohort show that big segments were lost and small ones passed."""
    cohorts: dict[Cohort, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        cohorts[one.fact.cohort].append(one)
    for drops in cohorts.values():
        shown = [one for one in drops if "big-packets-dropped" in one.fact.rules]
        is_first = not _ponged(case, {drops[0].fact.cohort})
        if is_first and len(shown) >= _FEWEST and 2 * len(shown) > len(drops):
            yield Candidate(
                mechanism=Mechanism.SIZE_LIMIT,
                drops=frozenset(one.number for one in shown),
                through=_outlived(case, shown),
                condition="whose big segments got lost",
                unproved=(_WHICH_SIZE,),
            )


def _outlived(case: CaseFile, drops: list[DropFact]) -> Through:
    """Whether a session of the same activities outlived all of these."""
    activities = {one.fact.cohort.activity for one in drops}
    oldest = max(one.drop.age.high for one in drops)
    return lambda life: life.proved_age_ns > oldest and case.cohort_of(life).activity in activities


def _ponged(case: CaseFile, cohorts: set[Cohort]) -> int:
    """Sessions of these cohorts that had a pong."""
    return sum(case.evidence.ponged[cohort] for cohort in cohorts)


def _size_limit(case: CaseFile, pair: Pair, drops: list[DropFact]) -> Candidate | None:
    """Of one pair: all sessions with big messages die of the first, those with small ones live."""
    sizes = {a: facts.message_bytes or 0 for a, facts in case.plan.activities.items()}
    dead = [one for one in drops if one.fact.kind in _LOST and sizes.get(one.fact.cohort.activity)]
    cohorts = {one.fact.cohort for one in dead}
    if len(dead) < _FEWEST or _ponged(case, cohorts):
        return None
    least = min(sizes[one.fact.cohort.activity] for one in dead)
    soonest = min(one.drop.age.high for one in dead)
    lived = [
        life
        for life in case.survivors.get(pair, [])
        if life.survived_ns and life.proved_age_ns > soonest
        and sizes.get(case.cohort_of(life).activity, 0) < least
    ]  # fmt: skip
    if len(lived) < _LIVED:
        return None
    passed = max(sizes.get(case.cohort_of(life).activity, 0) for life in lived)
    beside = sorted({case.cohort_of(life).activity for life in lived})
    return Candidate(
        mechanism=Mechanism.SIZE_LIMIT,
        drops=frozenset(one.number for one in dead),
        limit=Bracket(passed, least),
        unit="bytes",
        through=_outlived(case, dead),
        condition=f"that sent a message of {least:,} bytes",
        contrast=(
            (
                f"{counted(len(lived), 'session')} of {escaped(', '.join(beside), 60)} with"
                " smaller messages, silent as long, lived on"
            ),
        ),
        unproved=(_WHICH_SIZE,),
    )


def _ping_intolerance(case: CaseFile, pair: Pair, drops: list[DropFact]) -> Iterator[Candidate]:
    """Of one pair: all sessions end at their first ping, those that send nothing live."""
    cohorts = {one.fact.cohort for one in drops}
    pinging = {c for c in case.cohorts if c[:2] == pair and case.plan.pings_every_ns(c)}
    if len(drops) < _FEWEST or _ponged(case, pinging):
        return
    silent_ns = min(one.measured_ns for one in drops)
    is_plain = all(_is_own_doing(one) for one in drops)
    lived = [
        life
        for life in case.survivors.get(pair, [])
        if case.cohort_of(life) not in cohorts
        and _lived_silent(life, silent_ns, proved=not is_plain)
    ]
    if len(lived) < _LIVED:
        return
    how = "never answers a ping" if _unanswered(drops) else "ends at the first ping"
    yield Candidate(
        mechanism=Mechanism.PING_INTOLERANCE,
        drops=frozenset(one.number for one in drops),
        through=_outlived(case, drops),
        condition="that sent a ping",
        event=how,
        said=all(one.fact.is_said for one in drops),
        contrast=(f"{counted(len(lived), 'session')} that sent nothing lived on",),
    )


_AT_ONCE = frozenset({Kind.TCP_FIN, Kind.UNRESPONSIVE, Kind.PROTOCOL_ERROR})
"""A box that forgot the flow while it was silent does not answer like this."""


def _is_own_doing(one: DropFact) -> bool:
    """Who held the connection ended it: none had forgotten it before."""
    return one.fact.is_said or one.fact.kind in _AT_ONCE or one.fact.is_owners


def _lived_silent(life: Life, silent_ns: int, *, proved: bool) -> bool:
    longest = life.survived_ns if proved else max(life.survived_ns, life.last_silence_ns)
    return longest > silent_ns


def _unanswered(drops: list[DropFact]) -> bool:
    return all(one.fact.kind in BRACKETED for one in drops)
