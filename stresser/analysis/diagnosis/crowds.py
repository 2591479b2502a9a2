"""Drops that share a moment: a part of the run of which most died then, or many at one instant.

What refutes a moment: most sessions there lived on, or chance explains as many. Pure.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from math import exp
from typing import NamedTuple

from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.model.cohort import Pair
from stresser.model.ending import BRACKETED
from stresser.model.units import NS_PER_S
from stresser.statistics.brackets import Bracket
from stresser.statistics.chance import binomial_tail
from stresser.statistics.numerics import np

FEWEST = 3
"""Fewer share no moment that chance does not make."""
_ALL_OF_SO_MANY = 10
_MOST_OF_THEM = 0.5
TOGETHER_NS = NS_PER_S // 2
"""Announced endings this close, twice over, came of one event: a restart takes its time."""
_CHANCE = 1e-6
_CHANCE_OF_ALL = 1e-3
"""Where all that were open died then, and none at any other time."""
_BURST_NS = 100_000_000
_FEWEST_OF_A_BURST = 5
_LEAST_OF_A_BURST = 0.1
"""Of the sessions that were open: one process of several may have died, one link of several."""
_DATED_TO_NS = 5_000_000
"""Endings are not dated better."""


class Group(NamedTuple):
    """Drops of one moment."""

    members: list[DropFact]
    at: Bracket
    """What their brackets have in common."""
    pairs: list[Pair]


class Crowd:
    """Drops as stretches of time, and where most of them overlap."""

    def __init__(self, drops: Sequence[DropFact]) -> None:
        self._drops = drops
        self._places = {one.number: place for place, one in enumerate(drops)}
        spans = np.array([_span(one) for one in drops], np.int64).reshape(-1, 2)
        self._lows, self._highs = spans.T
        self._order = np.argsort(np.concatenate(spans.T), kind="stable")  # begins before ends
        self._weights = np.ones(len(drops), np.int64)

    def densest(self) -> tuple[list[DropFact], Bracket]:
        """Those that most others overlap at one point of time, and what they have in common."""
        if not self._weights.any():
            return [], Bracket(0, 0)
        steps = np.concatenate((self._weights, -self._weights))[self._order]
        place = self._order[np.argmax(np.cumsum(steps))]
        at = np.concatenate((self._lows, self._highs))[place]
        here = np.flatnonzero((self._lows <= at) & (at <= self._highs) & (self._weights > 0))
        common = Bracket(int(self._lows[here].max()), int(self._highs[here].min()))
        return [self._drops[one] for one in here.tolist()], common

    def leave(self, drops: list[DropFact]) -> None:
        """These are spoken for."""
        self._weights[[self._places[one.number] for one in drops]] = 0


def _span(one: DropFact) -> Bracket:
    low, high = one.drop.moment
    if high - low > 2 * TOGETHER_NS:
        return one.drop.moment
    return Bracket(low - TOGETHER_NS, high + TOGETHER_NS)


def part_that_died(
    case: CaseFile, together: list[DropFact], at: Bracket, free: Counter[Pair]
) -> Group | None:
    """The part of the run of which most, or many, sessions died then; None: there is none."""
    return _whole(case, together, at, free) or _burst(case, together, free)


def _whole(
    case: CaseFile, together: list[DropFact], at: Bracket, free: Counter[Pair]
) -> Group | None:
    best: tuple[tuple[int, float, int], Group] | None = None
    for pairs in _parts(case, together):
        inside = [one for one in together if one.pair in pairs]
        open_then = max(case.open_at(pairs, at.low), case.open_at(pairs, at.high), len(inside))
        share = len(inside) / open_then
        if (
            len(inside) < FEWEST
            or share < _MOST_OF_THEM
            or _is_chance(case, inside, sum(free[pair] for pair in pairs), pairs, open_then)
        ):
            continue
        rank = (len(inside), share, -len(pairs))
        if best is None or rank > best[0]:
            best = rank, Group(inside, at, [p for p in pairs if any(o.pair == p for o in inside)])
    return None if best is None else best[1]


def _burst(case: CaseFile, together: list[DropFact], free: Counter[Pair]) -> Group | None:
    """A part of the sessions that ended by the same packet's time, of any age and silence."""
    dated = sorted(
        (one for one in together if one.fact.kind not in BRACKETED and not one.drop.is_answer),
        key=lambda one: one.drop.moment.high,
    )
    times = [one.drop.moment.high for one in dated]
    counts = [bisect_right(times, first + _BURST_NS) - place for place, first in enumerate(times)]
    if max(counts, default=0) < _FEWEST_OF_A_BURST:
        return None
    place = counts.index(max(counts))
    inside = dated[place : place + counts[place]]
    at = Bracket(times[place], times[place + counts[place] - 1])
    pairs = {one.pair for one in inside}
    open_then = max(case.open_at(pairs, at.low), len(inside))
    if len(inside) < _LEAST_OF_A_BURST * open_then or not _spares_older(case, inside, at):
        return None
    is_chance = _is_chance(case, inside, sum(free[pair] for pair in pairs), pairs, open_then)
    return None if is_chance else Group(inside, at, sorted(pairs))


def _spares_older(case: CaseFile, inside: list[DropFact], at: Bracket) -> bool:
    """Whether as many older sessions of the same cohorts lived on: no look at a timer does that."""
    cohorts = {one.fact.cohort for one in inside}
    middle = sorted(one.drop.life.opened_ns for one in inside)[len(inside) // 2]
    older = sum(
        life.opened_ns < middle and life.ended_ns > at.high + _BURST_NS
        for pair in {one.pair for one in inside}
        for life in case.lives_of.get(pair, [])
        if case.cohort_of(life) in cohorts
    )
    return 2 * older >= len(inside)


def _parts(case: CaseFile, together: list[DropFact]) -> Iterator[set[Pair]]:
    hit = list(dict.fromkeys(one.pair for one in together))
    for pair in hit:
        yield {pair}
    for egress in dict.fromkeys(pair[1] for pair in hit):
        yield {pair for pair in case.pairs if pair[1] == egress}
    for endpoint in dict.fromkeys(pair[0] for pair in hit):
        yield {pair for pair in case.pairs if pair[0] == endpoint}
    yield set(case.pairs)


def _is_chance(
    case: CaseFile, inside: list[DropFact], drops: int, pairs: set[Pair], open_then: int
) -> bool:
    """Whether a steady rate of drops would strike so many of those that were open, so close.

    Heartbeats that beat together put all drops of one interval into one bracket: the rate is that
    of all drops there that nothing else explains (`drops`), these included, and each such interval
    had its chance.
    """
    is_all = len(inside) == drops == open_then
    if len(inside) >= _ALL_OF_SO_MANY and is_all:
        return False  # all that were open died then, none before or after: no rate is as unsteady
    rate = drops / max(case.session_time_ns(pairs), 1)
    width = max(_width(inside), _DATED_TO_NS)
    chance = binomial_tail(open_then, 1 - exp(-rate * width), len(inside))
    most = _CHANCE_OF_ALL if is_all else _CHANCE
    return chance * max(case.lives.now_ns / width, 1) > most


def _width(inside: list[DropFact]) -> int:
    """How far apart they are: of dated ones the first from the last, else their brackets."""
    wide = [high - low for low, high in (one.drop.moment for one in inside)]
    if max(wide) > 2 * TOGETHER_NS:
        return max(wide)
    return max(one.drop.moment.high for one in inside) - min(one.drop.moment.low for one in inside)
