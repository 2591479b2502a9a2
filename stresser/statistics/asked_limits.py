"""A limit, from values at which something was asked whether it still lives. Pure.

Some were asked and lived, some were asked and were dead, some ended of themselves at a value that
is known. Below a limit all live, beyond it all are dead. A box that looks at its timers only now
and then kills some later than others: between the first that was dead and the last that lived lies
its tick.
"""

from collections.abc import Collection
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
    dated = sorted(one for one in asked if one.is_dated and not _is_outlived(one, lived))
    if not dead:
        return AskedLimit(lived[-1] if lived else 0, None)
    if len(dated) >= _FEWEST_DATED and 2 * len(dated) >= len(dead):
        return _of_dated(dated, lived)
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


def _is_outlived(one: AskedValue, lived: list[int]) -> bool:
    return sum(other > _CLEARLY_LONGER * one.value for other in lived) > 1


def _of_dated(dated: list[AskedValue], lived: list[int]) -> AskedLimit:
    moments = len({one.at // GRAIN for one in dated})
    first, last = dated[0].value, dated[-1].value
    limit, tick = timer_limit([Bracket(one.value, one.value) for one in dated], moments)
    beyond = max(last + (tick or 0), limit.high)
    # With a tick some live longer than the limit, by no more than the tick: twice what was seen.
    low = max([limit.low, *(one - 2 * (tick or 0) for one in lived if one <= beyond)])
    return AskedLimit(min(low, first), limit.high, tick, sum(one > beyond for one in lived))


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
