"""The value at which endings concentrate, if chance does not explain it: the search for a timer.

Method, fixed in advance (docs/methods.md, "Timers"): if endings came at a steady rate, then of D
endings those in a window are binomial with the window's share of all exposure (the conditional
test of a Poisson process, as for a scan statistic: Naus, JASA 77, 1982, 177-183; here with the
union bound over all windows in place of his approximation). The same is asked of the window's
own neighbourhood, so that a hazard that only changes slowly is no timer. What survived the window
speaks against it. Wide windows find the box that looks at its timers only now and then. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import log1p
from typing import NamedTuple

from stresser.model.units import NS_PER_MS
from stresser.statistics.brackets import MOST, Bracket
from stresser.statistics.chance import binomial_tail
from stresser.statistics.exposure import Exposure, Survivors

CHANCE = 0.01
"""The chance, of a whole run, that a timer is found where there is none."""
FEWEST = 5
"""Fewer endings show no timer."""
TOLERANCE = 0.02
"""Two values this close, as a share, can be the same timer's."""
GRAIN = 50 * NS_PER_MS
"""So can two values that are no further apart than this, in nanoseconds."""
MOST_SURVIVORS = 0.1
"""A timer lets pass at most this share of those that reach it."""
_MOST_WINDOWS = 2000
_MOST_WIDE = 64
_WIDENINGS = (1.05, 1.1, 1.2, 1.4, 1.8, 2.6, 3.8)
"""How far above the least value the last tick may come: 1 s on 20 s, 40 s on 15 s."""
_STEPS = 4 / TOLERANCE
_NEARLY = 0.9
_WIDEST = 4
"""Times wider, and a window is no single value: most that ends falls into it anyway."""
_SLACK_SHARE, _SLACK = 0.002, 20 * NS_PER_MS
"""A box's own clock, and our distance from it."""
_NO_TICK = 2
"""Endings no further apart than so many grains are as exact as any."""


class Concentration(NamedTuple):
    """Endings that concentrate."""

    window: Bracket
    members: list[int]
    """Indices of the endings whose bracket lies in the window."""
    chance: float
    """That a run with none shows one: all windows that were looked at are counted."""
    survivors: float
    """How many episodes lived through the window."""


class TimerLimit(NamedTuple):
    """Where a timer lies."""

    bracket: Bracket
    tick: int | None
    """How far apart its endings come, as of a box that looks only so often; None: at one value."""


def tolerance(value: int, grain: int = GRAIN) -> int:
    """How far from `value` another one may be and still be the same."""
    return max(round(value * TOLERANCE), grain)


def concentration(
    brackets: Sequence[Bracket],
    units: Sequence[int],
    exposure: Exposure,
    survivors: Survivors,
    searches: int,
    grain: int = GRAIN,
) -> Concentration | None:
    """The least likely window, if chance does not explain it.

    `units`: indices of brackets that count as witnesses, one of each shared moment. `exposure`:
    all that was passed; `survivors`: as far as it is proved. `searches`: how many such searches
    the run makes in all.
    """
    chosen = sorted(brackets[i] for i in units)
    if len(chosen) < FEWEST or exposure.total <= 0:
        return None
    endings = _Endings(chosen, exposure)
    tests = searches * len(chosen) * (1 + len(_WIDENINGS))
    best: tuple[float, int, Bracket] | None = None
    for window, pad in _windows(chosen, grain):
        padded = Bracket(window.low - pad, window.high + pad)
        most = CHANCE if best is None else min(best[0], CHANCE)
        chance = endings.chance_of(padded, most / tests) * tests
        rank = (chance, window.high - window.low, window)
        if chance <= CHANCE and (best is None or rank < best):
            lived = survivors.longer_than(padded.high)
            killed = sum(_is_inside(bracket, padded) for bracket in brackets)
            if lived <= MOST_SURVIVORS * (lived + killed):
                best = rank
    if best is None:
        return None
    chance, _, window = best
    pad = tolerance(window.high, grain)
    padded = Bracket(window.low - pad, window.high + pad)
    members = [i for i, bracket in enumerate(brackets) if _is_inside(bracket, padded)]
    return Concentration(window, members, chance, survivors.longer_than(padded.high))


def are_one(
    brackets: Sequence[Bracket],
    members: Sequence[int],
    units: Sequence[int],
    exposure: Exposure,
    searches: int,
) -> bool:
    """Whether these endings, taken as one wide window, are still more than chance explains."""
    chosen = sorted(brackets[i] for i in units)
    low, high = min(brackets[i].low for i in members), max(brackets[i].high for i in members)
    if high > _WIDEST * low or not chosen:
        return False
    tests = searches * len(chosen) * (1 + len(_WIDENINGS))
    return (
        _Endings(chosen, exposure).chance_of(Bracket(low, high), CHANCE / tests) * tests <= CHANCE
    )


class _Endings:
    """The endings that count, in the order of their lower ends."""

    def __init__(self, chosen: Sequence[Bracket], exposure: Exposure) -> None:
        self._chosen, self._exposure = chosen, exposure
        self._lows = [bracket.low for bracket in chosen]
        self._highs = sorted(bracket.high for bracket in chosen)

    def chance_of(self, window: Bracket, worth: float) -> float:
        """The chance of as many in a window; some larger number where it is above `worth`."""
        first = bisect_left(self._lows, window.low)
        last = bisect_right(self._lows, window.high)
        # At most so many are inside: counting costs more than finding out that it is in vain.
        if last - first < FEWEST or self._unlikely(last - first, window) > worth:
            return 1.0
        count = sum(self._chosen[i].high <= window.high for i in range(first, last))
        return self._unlikely(count, window) if count >= FEWEST else 1.0

    def _unlikely(self, count: int, window: Bracket) -> float:
        """The larger of two chances: against all endings, and against those nearby."""
        exposure = self._exposure
        here = exposure.between(window.low, window.high)
        overall = binomial_tail(len(self._lows) - 1, here / exposure.total, count - 1)
        low, high = window.low // 2, window.high * 2
        nearby = bisect_right(self._lows, high) - bisect_left(self._highs, low)
        around = exposure.between(low, high)
        local = binomial_tail(nearby - 1, min(here / around, 1.0), count - 1) if around else 1.0
        return max(overall, local)


def timer_limit(brackets: Sequence[Bracket], witnesses: int, grain: int = GRAIN) -> TimerLimit:
    """Where the timer lies, from endings that one timer made.

    Most brackets have a value in common: the timer lies there, but for the few that chance put
    among them. Where they have not, a box made them that looks at its timers only now and then, and
    may count whole ticks only: the timer is no later than the last of them, and as far before the
    first as they are apart, or less.
    `witnesses`: how many moments there were.
    """
    fine = _SLACK if grain == GRAIN else 0
    lows, highs = sorted(b.low for b in brackets), sorted(b.high for b in brackets)
    few = len(brackets) // 20
    first, last = highs[few], lows[-1 - few]
    common, share = _most_common(brackets)
    is_dated = 2 * sum(b.high - b.low <= grain for b in brackets) > len(brackets)
    if last - first <= max(_NO_TICK * grain, round(first * _SLACK_SHARE)) or (
        not is_dated and share >= MOST and common.low <= first
    ):
        low, high = (min(lows[few], first), highs[-1 - few]) if is_dated else common
        return TimerLimit(Bracket(_less(low, fine), high + fine), None)
    spread, moments = last - first, max(min(witnesses, len(brackets)), 2)
    least = max(lows[0], lows[few] - spread // 2)
    latest = min(lows[-1], last + spread // 2)
    tick = spread * (moments + 1) // (moments - 1)
    high = latest + round(latest * _SLACK_SHARE) + fine
    # Who comes back from a tick is in step with the ticks: more endings make it no narrower.
    return TimerLimit(Bracket(_less(max(2 * least - latest, 0), fine), high), tick)


def _less(value: int, fine: int) -> int:
    return max(value - round(value * _SLACK_SHARE) - fine, 0)


def _most_common(brackets: Sequence[Bracket]) -> tuple[Bracket, float]:
    """The stretch that nearly as many brackets have in common as any point has; their share."""
    ends = sorted([(b.low, 1) for b in brackets] + [(b.high + 1, -1) for b in brackets])
    counts = list(accumulate(step for _, step in ends))
    most = max(counts)
    first = last = counts.index(most)
    while first > 0 and counts[first - 1] >= _NEARLY * most:
        first -= 1
    while counts[last] >= _NEARLY * most:
        last += 1
    return Bracket(ends[first][0], ends[last][0]), most / len(brackets)


def _windows(chosen: Sequence[Bracket], grain: int) -> Iterator[tuple[Bracket, int]]:
    """One window for each ending, as wide as its bracket and no narrower than the tolerance.

    Neighbours that differ by less than a quarter of the tolerance are looked at once. From some
    endings on, evenly chosen, wider ones as well.
    """
    seen: dict[tuple[int, int], tuple[Bracket, int]] = {}
    for low, high in chosen:
        pad = tolerance(high, grain)
        window = Bracket(low, max(high, low + pad))
        if window.high > _WIDEST * low:
            continue
        key = (_step(window.low, grain), _step(window.high, grain))
        seen.setdefault(key, (window, pad))
    windows = list(seen.values())
    yield from windows[:: max(-(-len(windows) // _MOST_WINDOWS), 1)]
    for window, pad in windows[:: max(-(-len(windows) // _MOST_WIDE), 1)]:
        for wider in _WIDENINGS:
            high = max(window.high, round(window.low * wider))
            yield Bracket(window.low, high), pad


def _step(value: int, grain: int) -> int:
    """Equal for values that differ by little beside the tolerance; both its parts count."""
    return round(log1p(value * TOLERANCE / grain) * _STEPS)


def _is_inside(bracket: Bracket, window: Bracket) -> bool:
    return window.low <= bracket.low and bracket.high <= window.high
