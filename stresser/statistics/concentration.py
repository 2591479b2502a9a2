"""The value at which endings concentrate, if chance does not explain it: the search for a timer.

Method, fixed in advance (docs/methods.md, "Timers"): if endings came at a steady rate, then of D
endings those in a window are binomial with the window's share of all exposure (the conditional
test of a Poisson process, as for a scan statistic: Naus, JASA 77, 1982, 177-183; here with the
union bound over all windows in place of his approximation). The same is asked of the window's
own neighbourhood, so that a hazard that only changes slowly is no timer. What survived the window
speaks against it. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import log1p
from typing import NamedTuple

from stresser.model.units import NS_PER_MS
from stresser.statistics.brackets import Bracket
from stresser.statistics.chance import binomial_tail
from stresser.statistics.exposure import Exposure

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
_STEPS = 4 / TOLERANCE
_NEARLY = 0.9
_WIDEST = 4
"""Times wider, and a window is no single value: most that ends falls into it anyway."""
_SLACK_SHARE, _SLACK = 0.002, 20 * NS_PER_MS
"""A box's own clock, and our distance from it."""


class Concentration(NamedTuple):
    """Endings that concentrate."""

    window: Bracket
    members: list[int]
    """Indices of the endings whose bracket lies in the window."""
    chance: float
    """That a run with none shows one: all windows that were looked at are counted."""
    survivors: float
    """How many episodes lived through the window."""


def tolerance(value: int, grain: int = GRAIN) -> int:
    """How far from `value` another one may be and still be the same."""
    return max(round(value * TOLERANCE), grain)


def concentration(
    brackets: Sequence[Bracket],
    units: Sequence[int],
    exposure: Exposure,
    survivors: Exposure,
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
    lows = [bracket.low for bracket in chosen]
    highs = sorted(bracket.high for bracket in chosen)
    tests = searches * len(chosen)
    best: tuple[float, int, Bracket] | None = None
    for window, pad in _windows(chosen, grain):
        count = _inside(chosen, lows, window, pad)
        if count < FEWEST:
            continue
        padded = Bracket(window.low - pad, window.high + pad)
        chance = tests * _unlikely(count, lows, highs, padded, exposure)
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


def timer_bracket(brackets: Sequence[Bracket], grain: int = GRAIN) -> Bracket:
    """Where the timer lies, from endings that one timer made.

    Most brackets have a value in common: the timer lies there, but for the few that chance put
    among them. Dated endings come at the timer or after it, never before.
    """
    dated = sorted(b.high for b in brackets if b.high - b.low <= grain)
    wide = [b for b in brackets if b.high - b.low > grain]
    if len(dated) >= max(FEWEST, len(wide) // 4):
        low, high = dated[len(dated) // 20], dated[-1 - len(dated) // 20]
    else:
        low, high = _most_common(wide or list(brackets))
    slack = round(low * _SLACK_SHARE) + (_SLACK if grain == GRAIN else 0)
    return Bracket(max(low - slack, 0), high + (_SLACK if grain == GRAIN else 0))


def _most_common(brackets: Sequence[Bracket]) -> Bracket:
    """The stretch that nearly as many brackets have in common as any point has."""
    ends = sorted([(b.low, 1) for b in brackets] + [(b.high + 1, -1) for b in brackets])
    counts = list(accumulate(step for _, step in ends))
    most = max(counts)
    first = last = counts.index(most)
    while first > 0 and counts[first - 1] >= _NEARLY * most:
        first -= 1
    while counts[last] >= _NEARLY * most:
        last += 1
    return Bracket(ends[first][0], ends[last][0])


def _windows(chosen: Sequence[Bracket], grain: int) -> list[tuple[Bracket, int]]:
    """One window for each ending, as wide as its bracket and no narrower than the tolerance.

    Neighbours that differ by less than a quarter of the tolerance are looked at once.
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
    return windows[:: max(-(-len(windows) // _MOST_WINDOWS), 1)]


def _step(value: int, grain: int) -> int:
    """Equal for values that differ by little beside the tolerance; both its parts count."""
    return round(log1p(value * TOLERANCE / grain) * _STEPS)


def _inside(chosen: Sequence[Bracket], lows: Sequence[int], window: Bracket, pad: int) -> int:
    first = bisect_left(lows, window.low - pad)
    last = bisect_right(lows, window.high + pad)
    return sum(chosen[i].high <= window.high + pad for i in range(first, last))


def _is_inside(bracket: Bracket, window: Bracket) -> bool:
    return window.low <= bracket.low and bracket.high <= window.high


def _unlikely(
    count: int, lows: Sequence[int], highs: Sequence[int], window: Bracket, exposure: Exposure
) -> float:
    """The larger of two chances: against all endings, and against those nearby."""
    here = exposure.between(window.low, window.high)
    overall = binomial_tail(len(lows) - 1, here / exposure.total, count - 1)
    low, high = window.low // 2, window.high * 2
    nearby = bisect_right(lows, high) - bisect_left(highs, low)
    around = exposure.between(low, high)
    local = binomial_tail(nearby - 1, min(here / around, 1.0), count - 1) if around else 1.0
    return max(overall, local)
