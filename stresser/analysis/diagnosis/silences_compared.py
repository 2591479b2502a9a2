"""Silences compared: what no search can see for want of drops.

Few sessions that die whenever they are silent for long, beside others of the same endpoint and
egress that live; and silent sessions that were found dead.
"""

from collections import defaultdict
from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.limit_candidates import is_wide, limit_candidate, with_doubts
from stresser.analysis.patterns.first_silence import survived_below
from stresser.analysis.patterns.scopes import Variable
from stresser.model.cohort import Pair
from stresser.model.ending import Kind
from stresser.model.units import NS_PER_S
from stresser.statistics.brackets import Bracket, agreement
from stresser.statistics.concentration import timer_limit, tolerance

_FEWEST = 3
_LIVED = 2
"""So many sessions tell silence from age: one may be an error of ours."""
_MOST_SURVIVORS = 0.1
SHORTEST_TIMER_NS = 3 * NS_PER_S
"""No box is known with a timer of silence as short: what dies at once died of something else."""
_COARSEST = 0.6
"""A tick that is a larger part of its timer is no one value any more."""


def contrast(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Sessions of one pair that die whenever they are silent for long, beside others that live."""
    by_pair: dict[Pair, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        if one.drop.silence is not None and not _had_survived_it(case, one):
            by_pair[one.pair].append(one)
    for pair, drops in by_pair.items():
        found = _contrast(case, pair, drops)
        if found is not None:
            yield found


def _had_survived_it(case: CaseFile, one: DropFact) -> bool:
    """A pong of its own had come after as long a silence of its schedule."""
    every_ns = case.plan.pings_every_ns(one.fact.cohort) or 0
    return one.own.pongs > 0 and one.measured_ns <= every_ns + tolerance(every_ns)


def _contrast(case: CaseFile, pair: Pair, drops: list[DropFact]) -> Candidate | None:
    members, limit, tick_ns = _agreeing(drops)
    if len(members) < _FEWEST or limit is None:
        return None
    lives = case.lives_of.get(pair, [])
    beyond = limit.high + tick_ns - tolerance(limit.high)
    lived_longer = sum(life.survived_ns >= beyond for life in lives)
    if lived_longer > _MOST_SURVIVORS * len(members):
        return None
    others = _shorter(case, pair, members, limit.high)
    is_all = _share(case, members) >= 1 - _MOST_SURVIVORS
    if others < _LIVED and not (is_all and _apart(members)):
        return None
    # Who outlived a silence by less than a tick may only have been looked at too early.
    survived = [life.survived_ns - tick_ns for life in lives if life.survived_ns < limit.high]
    least = max([limit.low, *survived])
    limit = Bracket(min(least, limit.high), limit.high) if is_wide(limit) else limit
    candidate = limit_candidate(case, Variable.IDLE, limit, members, tick_ns)
    unproved = [] if others >= _LIVED else ["Whether it is silence or age: no session shows it."]
    return with_doubts(candidate, unproved, [])


def _agreeing(drops: list[DropFact]) -> tuple[list[DropFact], Bracket | None, int]:
    """The drops whose silences allow one timer, where it lies, and how coarse its ticks are."""
    silences = [one.drop.silence for one in drops if one.drop.silence is not None]
    agreed = agreement(silences)
    if agreed is None:
        return [], None, 0
    limit, tick_ns = timer_limit(silences, len(silences))
    is_one = agreed.width <= tolerance(max(agreed.high, 1))
    if not is_one and (tick_ns is None or tick_ns > _COARSEST * limit.high):
        return [], None, 0
    reach = Bracket(limit.low, limit.high + (tick_ns or 0))
    pad = tolerance(limit.high)
    members = [
        one for one in drops if one.drop.silence is not None and one.drop.silence.meets(reach, pad)
    ]
    return members, limit, tick_ns or 0


def _shorter(case: CaseFile, pair: Pair, members: list[DropFact], beyond: int) -> int:
    """Sessions of the pair that were open when members died, older, never so silent, and lived on.

    Whatever ended them later.
    """
    oldest = min(one.drop.age.low for one in members)
    first = min(one.drop.moment.high for one in members)
    cohorts = {one.fact.cohort for one in members}
    return sum(
        0 < life.survived_ns < beyond
        and life.proved_age_ns > oldest
        and life.opened_ns + life.proved_age_ns > first
        for life in case.lives_of.get(pair, [])
        if case.cohort_of(life) not in cohorts
    )


def _apart(members: list[DropFact]) -> bool:
    """They died at different times: no one moment explains them.

    Of those that were found dead only the others show when it was.
    """
    dated = [one for one in members if one.fact.kind is not Kind.FOUND_DEAD] or members
    agreed = agreement([one.drop.moment for one in dated])
    return agreed is not None and agreed.width > tolerance(0)


def _share(case: CaseFile, members: list[DropFact]) -> float:
    """How many of the sessions of these cohorts that reached the silence are members."""
    least = min(one.measured_ns for one in members)
    cohorts = {one.fact.cohort for one in members}
    reached = sum(
        case.cohort_of(life) in cohorts and max(life.survived_ns, life.last_silence_ns) >= least
        for life in case.lives.lives
    )
    return len(members) / max(reached, len(members))


def found_dead(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Silent sessions that were dead when the plan ended them, or when they were asked."""
    by_pair: dict[Pair, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        if (
            one.fact.kind is Kind.FOUND_DEAD
            and one.drop.silence is not None
            and case.plan.is_silent(one.fact.cohort)
        ):
            by_pair[one.pair].append(one)
    for pair, members in by_pair.items():
        if _others_died_then(case, claims, pair, members):
            continue
        lives = case.lives_of.get(pair, [])
        high = min(one.drop.silence.high for one in members if one.drop.silence)
        low = max(one.drop.silence.low for one in members if one.drop.silence)
        limit = Bracket(max(low, survived_below(lives, high)), high)
        lived = sum(life.survived_ns > limit.high for life in lives)
        is_timer = limit.low < limit.high and limit.high >= SHORTEST_TIMER_NS
        if is_timer and lived <= _MOST_SURVIVORS * len(members):
            candidate = limit_candidate(case, Variable.IDLE, limit, members)
            told = "Whether silence, age or one moment ended them: nothing was sent meanwhile."
            yield with_doubts(candidate, [told], [])


def _others_died_then(case: CaseFile, claims: Claims, pair: Pair, members: list[DropFact]) -> bool:
    """Whether one moment explains them all, and it ended others that were never as silent, too."""
    agreed = agreement([one.drop.moment for one in members], 1.0)
    if agreed is None or agreed.width:
        return False
    moment = Bracket(agreed.low, agreed.high)
    others = sum(
        one.pair == pair and _had_survived_it(case, one) and one.drop.moment.meets(moment)
        for one in claims.free_drops(case)
    )
    return others >= _LIVED
