"""Incidents that come back at a constant interval, as a rekey or a re-authentication makes them.

Method, fixed in advance (docs/methods.md, "Periods"): each pair of incidents, up to three apart,
lays a comb of teeth over the run. Were the others independent and spread evenly, each would meet
a tooth with the share of time that teeth cover, so the number that does is binomial; the bound
on a false alarm multiplies by all the combs that were laid. A comb must have an incident at most
of its teeth: a period that mostly fails to come is none. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stresser.statistics.brackets import Bracket
from stresser.statistics.chance import binomial_tail

CHANCE = 0.01
"""The chance that a period is found where there is none."""
FEWEST = 4
"""Fewer incidents show no period."""
MOST_INCIDENTS = 300
"""So many are looked at, the largest; more make no period clearer."""
_FILLED = 0.7
"""The share of its teeth at which a comb has an incident, at least."""
_JITTERS = (0.002, 0.01, 0.03)
"""How far from a tooth an incident may be, as shares of the period."""
_APART = 3
_SHARP = 16
"""A period is so much longer than half of what an incident is dated to: found-dead sessions stand
in the step of our own heartbeats, and shorter intervals would be multiples of it."""
_MOST_TEETH = 10
"""For each incident: a comb of more can have none at most of them."""


class Period(NamedTuple):
    """A constant interval. Nanoseconds."""

    period_ns: int
    jitter_ns: int
    """How far the incidents are from it, at most."""
    first_ns: int
    came: int
    """Incidents that came at it."""
    teeth: int
    """How often it should have come, from the first to the last of them."""
    chance: float
    """That a run without any period shows one like it."""


def find_period(
    spans: Sequence[Bracket], length_ns: int, searches: int = 1, least_ns: int = 0
) -> Period | None:
    """The least likely period, if chance does not explain it.

    `spans`: when each incident happened. `searches`: how many such searches the run makes.
    `least_ns`: shorter periods are not looked for.
    """
    if not FEWEST <= len(spans) <= MOST_INCIDENTS or length_ns <= 0:
        return None
    times = sorted((span.low + span.high) // 2 for span in spans)
    blur = sum(span.high - span.low for span in spans) // (2 * len(spans))
    combs = [comb for comb in _combs(times) if comb[1] >= max(least_ns, _SHARP * blur, 1)]
    tests = searches * len(combs) * len(_JITTERS)
    best: Period | None = None
    for first, period in combs:
        for share in _JITTERS:
            found = _comb(times, first, period, round(period * share) + blur, tests)
            if found is not None and (best is None or found.chance < best.chance):
                best = found
    return best


def _combs(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First tooth and period of each comb: two incidents are one, two or three teeth apart."""
    for i, first in enumerate(times):
        for second in times[i + 1 : i + 1 + _APART]:
            for teeth in range(1, _APART + 1):
                if second > first:
                    yield first, (second - first) // teeth


def _comb(times: Sequence[int], first: int, period: int, jitter: int, tests: int) -> Period | None:
    if (times[-1] - times[0]) // period > _MOST_TEETH * len(times):
        return None
    hits = list(_hits(times, first, period, jitter))
    if len(hits) < FEWEST:
        return None
    teeth = hits[-1] - hits[0] + 1
    if len(hits) < _FILLED * teeth:
        return None
    share = min((2 * jitter + 1) / period, 1.0)
    count = sum(
        bisect_right(times, at + jitter) - bisect_left(times, at - jitter)
        for at in (first + hit * period for hit in hits)
    )
    # Two incidents laid the comb: they meet it by themselves.
    chance = tests * binomial_tail(len(times) - 2, share, count - 2)
    if chance > CHANCE:
        return None
    return Period(period, jitter, first + hits[0] * period, len(hits), teeth, chance)


def _hits(times: Sequence[int], first: int, period: int, jitter: int) -> Iterator[int]:
    """The teeth that have an incident, counted from the one at `first`."""
    last = -(-(times[0] - first) // period) - 1
    for time in times:
        tooth = round((time - first) / period)
        if tooth > last and abs(time - first - tooth * period) <= jitter:
            yield tooth
            last = tooth
