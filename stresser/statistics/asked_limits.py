"""A limit, from values at which something was asked whether it still lives. Pure.

Some were asked and lived, some were asked and were dead, some ended of themselves at a value that
is known. Below a limit all live, beyond it all are dead. A box that looks at its timers only now
and then kills some later than others: between the first that was dead and the last that lived lies
its tick.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import NamedTuple

from stresser.model.asked_value import AskedValue
from stresser.model.units import NS_PER_MS
from stresser.statistics.brackets import Bracket
from stresser.statistics.concentration import GRAIN, timer_limit, tolerance

_FEWEST_DATED = 2
"""One that ended of itself may have ended of something else."""
_WIDEST_TICK = 0.6
"""A tick that is a larger part of its limit is none."""
_WIDEST_OF_ONE = 0.2
"""Where one answer alone shows it."""
_CLEARLY_LONGER = 1.25
_FEWEST_REPEATED = 5
_MOMENTS_APART = 300 * NS_PER_MS
_MOST_MOMENTS = 64
_LOOKS_APART = 200 * NS_PER_MS
_FEWEST_SPARED, _FEWEST_DEAD_BESIDE = 2, 3
"""So many lived through each moment at which so many might have died."""
_TIMES_CLOSER = 4
"""The silences agree so much better than the moments do."""


class AskedLimit(NamedTuple):
    """Where the limit lies: above `low`, at most `high`."""

    low: int
    high: int | None
    """None: whatever was asked lived."""
    tick: int | None = None
    against: int = 0
    """Answers that do not fit: alive beyond the limit, or dead below it."""


def limit_of_asked(asked: Collection[AskedValue]) -> AskedLimit:
    """The limit that contradicts the fewest answers."""
    lived = sorted(one.value for one in asked if one.lived)
    dead = sorted(one.value for one in asked if not one.lived)
    dated = sorted(one for one in asked if one.is_dated and not _is_outlived(one, lived, asked))
    if not dead:
        return AskedLimit(lived[-1] if lived else 0, None)
    if len(dated) >= _FEWEST_DATED and 2 * len(dated) >= len(dead):
        return _of_dated(dated, lived, asked)
    misfits, low = min((_misfits(cut, lived, dead), cut) for cut in [0, *lived])
    if misfits and (found := _with_tick(lived, dead)) is not None:
        return found
    return AskedLimit(low, min((one for one in dead if one > low), default=None), None, misfits)


def is_repeated(asked: Collection[AskedValue], *, has_control: bool = False) -> bool:
    """Whether several ended of themselves at one value, but at different moments.

    What one event ends shares its moment, and differs in the value by as much as the beginnings
    did: as the ticks of a box do. `has_control`: others lived on, so that it was no such event.
    """
    found = limit_of_asked(asked)
    dated = [one for one in asked if one.is_dated and found.low <= one.value <= (found.high or 0)]
    if len(dated) < _FEWEST_REPEATED:
        return False
    moments, values = [one.at for one in dated], [one.value for one in dated]
    closer = 0 if has_control else _TIMES_CLOSER * (max(values) - min(values))
    return max(moments) - min(moments) >= max(_MOMENTS_APART, closer)


def outlasts_one_moment(asked: Collection[AskedValue]) -> bool:
    """Whether no one event explains the deaths: whenever it was, others were there and lived on.

    Nothing need be kept busy to show it; but every answer has to fit one limit. Where they cannot
    have shared a moment, for it came again, this does not say so.
    """
    limit = limit_of_asked(asked)
    dead = [one for one in asked if one.at and not one.lived]
    if len(dead) < _FEWEST_DEAD_BESIDE or limit.against or limit.tick is not None:
        return False
    begun, over = max(one.at - one.value for one in dead), min(one.at for one in dead)
    lives = [one for one in asked if one.at and one.lived]
    began, ended = sorted(one.at - one.value for one in lives), sorted(one.at for one in lives)
    # From one of these to the next the same ones were there.
    edges = {begun, *(edge for edge in (*began, *ended) if begun < edge < over)}
    return begun < over and all(
        bisect_right(began, edge) - bisect_right(ended, edge) >= _FEWEST_SPARED for edge in edges
    )


def _is_outlived(one: AskedValue, lived: list[int], asked: Collection[AskedValue]) -> bool:
    """Others (`lived`, sorted) lived much longer, and one with a higher value was spared then.

    Where none was, a box may have looked at its timers then, and not before.
    """
    if len(lived) - bisect_right(lived, _CLEARLY_LONGER * one.value) <= 1:
        return False
    return any(not other.at for other in asked) or any(
        value > one.value + GRAIN for value in _living_at(one.at, asked)
    )


def _living_at(moment: int, asked: Collection[AskedValue]) -> Iterator[int]:
    """The values of those that were there at a moment and lived on."""
    for one in asked:
        begun = one.at - one.value
        if begun < moment < one.at - 2 * GRAIN:
            yield moment - begun


def _of_dated(
    dated: list[AskedValue], lived: list[int], asked: Collection[AskedValue]
) -> AskedLimit:
    moments = len({one.at // GRAIN for one in dated})
    first, last = dated[0].value, dated[-1].value
    limit, tick = timer_limit([Bracket(one.value, one.value) for one in dated], moments)
    beyond = max(last + (tick or 0), limit.high)
    # With a tick some live longer than the limit, by no more than the tick: twice what was seen.
    low = max([limit.low, *(one - 2 * (tick or 0) for one in lived if one <= beyond)])
    if tick is not None:
        low = _spared(dated, asked, first) or limit.low
        looks = _between_looks(dated)
        # Where nothing was to be ended it may have looked in between as well.
        tick = looks if 0 < looks <= 2 * tick else tick
    # What ends a silence is dated by its packet. Its last byte is dated by the kernel's tick or,
    # where a goodbye came after it or the kernel is not Linux, when it was read.
    return AskedLimit(min(low, first), limit.high + GRAIN, tick, sum(one > beyond for one in lived))


def _between_looks(dated: list[AskedValue]) -> int:
    """The least time between moments in which several ended together; 0: no such moments."""
    ends = sorted(one.at for one in dated)
    looks = [ends[0], *(b for a, b in pairwise(ends) if b - a > _LOOKS_APART)]
    if not 1 < len(looks) <= len(ends) // 2:
        return 0
    return min(b - a for a, b in pairwise(looks))


def _spared(dated: list[AskedValue], asked: Collection[AskedValue], first: int) -> int:
    """The highest value of those that lived through a moment in which others ended.

    A box that looks only now and then was seen to look at that moment. 0: none lived through one,
    or some with values at which others ended.
    """
    moments = sorted({one.at // GRAIN * GRAIN for one in dated})[:_MOST_MOMENTS]
    values = [value for moment in moments for value in _living_at(moment, asked)]
    highest = max(values, default=0)
    return highest if highest < first else 0


def _with_tick(lived: list[int], dead: list[int]) -> AskedLimit | None:
    tick = lived[-1] - dead[0]
    beyond, below = sum(one > dead[0] for one in lived), sum(one < lived[-1] for one in dead)
    widest = _WIDEST_TICK if min(beyond, below) > 1 else _WIDEST_OF_ONE
    if not 0 < tick <= widest * dead[0]:
        return None
    # Those of one ladder begin together, so that each ladder has met one phase of the tick alone.
    return AskedLimit(max(dead[0] - 2 * tick - tolerance(dead[0]), 0), dead[0], tick)


def _misfits(cut: int, lived: list[int], dead: list[int]) -> int:
    return sum(one > cut for one in lived) + sum(one <= cut for one in dead)
