"""Which drops share one moment, more of them than chance allows. Pure; O(n log n).

The method was fixed before any data was seen (docs/methods.md, "Moments"):

- The rate at which drops come by chance is taken from the share of short cells of time that hold
  none, near the drop and over the whole run, whichever is higher. A burst fills few cells, so it
  hides in no rate that it made itself.
- Dated drops whose neighbours are no further apart than `gap` share a moment; `gap` is such that
  two neighbours of a Poisson process of that rate come so close with probability `FALSE_JOIN`.
- Bracketed drops (found dead, dated to an interval) share a moment when more brackets have a
  point in common than a Poisson number of that rate reaches with probability `FALSE_JOIN`.
"""

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby
from math import log, log1p
from operator import sub
from typing import NamedTuple

from stresser.model.units import NS_PER_S
from stresser.statistics.brackets import Bracket, Brackets
from stresser.statistics.chance import poisson_tail
from stresser.statistics.columns import in_order, sort_by

FALSE_JOIN = 0.01
"""Probability that a drop is joined to another one only by chance."""
LONGEST_GAP_NS = 5 * NS_PER_S
"""However rare drops are: further apart is another moment."""
LONGEST_BRACKET_NS = 600 * NS_PER_S
"""What is dated more loosely than this is dated too loosely to share a moment."""
_CELLS_NS = (10 * NS_PER_S, NS_PER_S, NS_PER_S // 10, NS_PER_S // 100)
_FEWEST_CELLS = 20
_GOLDEN = 0.6180339887498949
_NEIGHBOURS = 30
"""Cells on either side whose share of empty ones gives the local rate."""
_FULLEST = 0.5
"""Fuller than this, cells of the next smaller size tell the rate."""


class Moment(NamedTuple):
    """Drops that share a moment; one that shares it with no other has one member."""

    members: list[int]
    """Indices of the brackets that were asked about."""
    span: Bracket
    """From the first to the last of the dated ones; else what the brackets have in common."""
    expected: float
    """How many moments with as many members this run would show by chance."""


class DropRate:
    """How often drops come by chance, in drops per nanosecond."""

    def __init__(self, times_ns: Iterable[int], length_ns: int) -> None:
        self._times = times = in_order(times_ns)
        self._length_ns = max(length_ns, times[-1] + 1 if times else 1)
        self._filled = [
            array("q", (at for at, _ in groupby(time // cell for time in times)))
            for cell in _CELLS_NS
        ]

    def at(self, time_ns: int) -> float:
        """The rate near this time, or over the whole run where that is higher."""
        return max(self._near(time_ns), self._overall())

    def _near(self, time_ns: int) -> float:
        for cell, filled in zip(_CELLS_NS, self._filled, strict=True):
            here = time_ns // cell
            first, last = max(here - _NEIGHBOURS, 0), here + _NEIGHBOURS
            last = min(last, (self._length_ns - 1) // cell)
            # The drop's own cell says nothing of the others.
            others = bisect_right(filled, last) - bisect_left(filled, first) - 1
            rate = _rate(others, last - first, cell)
            if rate is not None:
                return rate
        half = _NEIGHBOURS * _CELLS_NS[-1]
        others = bisect_right(self._times, time_ns + half) - bisect_left(
            self._times, time_ns - half
        )
        return others / (2 * half)

    def _overall(self) -> float:
        for cell, filled in zip(_CELLS_NS, self._filled, strict=True):
            rate = _rate(len(filled), self._length_ns // cell, cell)
            if rate is not None:
                return rate
        return len(self._times) / self._length_ns


def _rate(filled: int, cells: int, cell_ns: int) -> float | None:
    """From the share of empty cells: exp(-rate * cell) of them stay empty by chance."""
    if cells < _FEWEST_CELLS or filled > _FULLEST * cells:
        return None
    return -log1p(-max(filled, 0) / cells) / cell_ns


def moments(brackets: Sequence[Bracket], length_ns: int) -> list[Moment]:
    """Sort brackets into moments, in the order of time; every bracket is in exactly one."""
    brackets = Brackets.of(brackets)
    rate = DropRate((_somewhere(i, bracket) for i, bracket in enumerate(brackets)), length_ns)
    gaps = array("d", (_gap(rate.at(high)) for high in brackets.high))
    is_wide = bytearray(high - low > gaps[i] for i, (low, high) in enumerate(brackets))
    chained = _chains(brackets, gaps, array("i", (i for i, w in enumerate(is_wide) if not w)))
    wide = array("i", (i for i, w in enumerate(is_wide) if w))
    found = _with_wide(brackets, chained, wide, rate) if wide else chained
    return sorted(
        (_moment(members, brackets, rate) for members in found), key=lambda moment: moment.span
    )


def _somewhere(number: int, bracket: Bracket) -> int:
    """A time in the bracket. Heartbeats that beat together find drops at the same few times.

    Multiples of the golden ratio fill an interval as evenly as a sequence can.
    """
    return bracket.low + int((bracket.high - bracket.low) * (number * _GOLDEN % 1))


def _gap(rate: float) -> float:
    if rate <= 0:
        return LONGEST_GAP_NS
    return min(-log(1 - FALSE_JOIN) / rate, LONGEST_GAP_NS)


def _chains(brackets: Brackets, gaps: Sequence[float], dated: "array[int]") -> list[list[int]]:
    """Dated drops, neighbours joined."""
    sort_by(brackets.high, dated)
    chains: list[list[int]] = []
    for i in dated:
        if chains:
            before = chains[-1][-1]
            apart = brackets.high[i] - brackets.high[before]
            if apart <= min(gaps[i], gaps[before]):
                chains[-1].append(i)
                continue
        chains.append([i])
    return chains


def _with_wide(
    brackets: Brackets, chains: list[list[int]], wide: Sequence[int], rate: DropRate
) -> list[list[int]]:
    """Bracketed drops join each other, and the chain of dated ones that lies in them.

    A chain counts as one: its members are no more witnesses of one moment than one of them.
    The point that most brackets have in common is taken first, then the next one.
    """
    loose = [i for i in wide if brackets[i].high - brackets[i].low > LONGEST_BRACKET_NS]
    tight = [i for i in wide if brackets[i].high - brackets[i].low <= LONGEST_BRACKET_NS]
    if not tight:
        return chains + [[i] for i in loose]
    every = chain(map(brackets.__getitem__, tight), (_hull(one, brackets) for one in chains))
    spans, found, taken = Brackets.of(every), [], bytearray(len(tight) + len(chains))

    def members(item: int) -> list[int]:
        return [tight[item]] if item < len(tight) else chains[item - len(tight)]

    def is_no_chance(group: Sequence[int], _point: int) -> bool:
        wide_ones = [spans[item] for item in group if item < len(tight)]
        return _is_no_chance(wide_ones, len(group), rate)

    starts, ends = (in_order(map(c.__getitem__, tight)) for c in (brackets.low, brackets.high))

    def has_wide(_count: int, point: int) -> bool:
        return bisect_right(starts, point) > bisect_left(ends, point)

    for group, _ in common_points(spans, is_no_chance, has_wide):
        for item in group:
            taken[item] = True
        found.append([i for item in group for i in members(item)])
    found += [members(item) for item, is_taken in enumerate(taken) if not is_taken]
    return found + [[i] for i in loose]


def common_points(
    spans: Sequence[Bracket],
    accept: Callable[[Sequence[int], int], bool],
    may: Callable[[int, int], bool],
) -> Iterator[tuple[list[int], int]]:
    """Groups of spans with a point in common that `accept` takes, and the point; largest first.

    `may` says of a number of spans and a point whether so many or fewer could be accepted there:
    it is asked of every point, and saves making most groups. A point that is best can be looked
    for where a span begins. Counts only shrink while spans are taken, so a heap of old counts is
    looked at from the top and counted again.
    """
    spans = Brackets.of(spans)
    order = array("i", range(len(spans)))
    sort_by(spans.low, order)
    lows, highs = in_order(spans.low), in_order(spans.high)
    longest = max(map(sub, spans.high, spans.low))
    taken = bytearray(len(spans))

    def covering(point: int) -> list[int]:
        near = order[bisect_left(lows, point - longest) : bisect_right(lows, point)]
        return [item for item in near if spans.high[item] >= point and not taken[item]]

    def number(point: int) -> int:
        return bisect_right(lows, point) - bisect_left(highs, point)

    heap = [
        (-count, point) for point in set(lows) if (count := number(point)) > 1 and may(count, point)
    ]
    heapq.heapify(heap)
    while heap:
        count, point = heapq.heappop(heap)
        group = covering(point)
        if not group[1:] or not accept(group, point):
            continue
        if len(group) < -count:
            heapq.heappush(heap, (-len(group), point))
            continue
        for item in group:
            taken[item] = True
        yield group, point


def _is_no_chance(wide: list[Bracket], count: int, rate: DropRate) -> bool:
    """Whether so many brackets have a point in common more often than chance allows.

    At the beginning of a bracket a Poisson number of others is under way. A group of `count` is
    formed falsely with that probability, and then joins as many.
    """
    if not wide or count < 2:  # noqa: PLR2004 - a pair
        return False
    width = sum(high - low for low, high in wide) / len(wide)
    mean = rate.at(max(low for low, _ in wide)) * width
    return count * poisson_tail(mean, count - 1) <= FALSE_JOIN


def _moment(members: list[int], brackets: Brackets, rate: DropRate) -> Moment:
    chosen = [brackets[i] for i in members]
    points = [bracket for bracket in chosen if bracket.high - bracket.low <= LONGEST_GAP_NS]
    low, high = max(b.low for b in chosen), min(b.high for b in chosen)
    if low <= high:
        span = Bracket(low, high)
    elif points:
        span = Bracket(min(b.high for b in points), max(b.high for b in points))
    else:
        span = Bracket(high, low)
    width = max([high - low for low, high in chosen] + [span.high - span.low])
    tail = poisson_tail(rate.at(span.low) * width, len(members) - 1)
    return Moment(sorted(members), span, len(brackets) * tail)


def _hull(members: Sequence[int], brackets: Brackets) -> Bracket:
    return Bracket(min(brackets.low[i] for i in members), max(brackets.high[i] for i in members))
