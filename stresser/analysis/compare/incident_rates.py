"""How much more often one side had incidents than the other, and how sure that is.

The primary figure is the ratio of incident rates with its exact interval. A permutation test
redistributes whole incidents, each with all of its drops, over the sides: it judges drops without
taking the hundred drops of one incident for a hundred witnesses. Pure; always the same answer for
the same data (the test's random numbers are seeded).
"""

from collections.abc import Iterable, Mapping
from math import inf, isfinite
from typing import NamedTuple

from msgspec import Struct

from stresser.analysis.compare.sides import Side
from stresser.analysis.patterns.causes import Incident
from stresser.statistics.numerics import np
from stresser.statistics.rates import (
    Dispersion,
    Interval,
    Ratio,
    dispersion,
    needed_incidents,
    rate_interval,
    rate_ratio,
    smallest_ratio,
    thinned,
    widened,
)

PERMUTATIONS = 9_999
UNEQUAL = 1.25
"""Sessions held at a time, one side over the other, from which they count as unequal."""
_INCIDENTS_A_BLOCK = 6
_FEWEST_FOR_BLOCKS = 6
_FEWEST_BLOCKS = 8
_MOST_BLOCKS = 48
_OVERDISPERSED = 0.05
_SEED = 20_261_123


class Span(NamedTuple):
    """An interval as a file can hold it: None stands for infinity, which JSON has not."""

    low: float
    high: float | None


class RateFigures(Struct, frozen=True, kw_only=True):
    """One side's rates."""

    incidents: int
    drops: int
    session_hours: float
    clock_hours: float
    incidents_per_session_hour: float
    interval: Span
    """Garwood's exact 95 % interval of that rate."""
    drops_per_session_hour: float
    """A description: drops of one incident are no independent witnesses, so no interval."""


class RatioFigures(Struct, frozen=True, kw_only=True):
    """The candidate's incident rate divided by the baseline's."""

    ratio: float | None
    """None where the baseline has no incident."""
    interval: Span
    """Exact conditional 95 % interval (Clopper-Pearson, transformed)."""
    p_value: float
    """Of equal rates, central."""


class RateComparison(Struct, frozen=True, kw_only=True):
    """All that is said of rates."""

    baseline: RateFigures
    candidate: RateFigures
    ratio: RatioFigures
    """The primary figure."""
    dispersion: float | None
    """Variance of the incidents over time by that of independent ones; None: too few of them."""
    is_overdispersed: bool
    """They come in bursts: `wide_interval` is wider than the exact one."""
    wide_interval: Span
    """The interval that the verdict is held against."""
    by_clock: RatioFigures | None
    """The same ratio by hours of the clock, where the sides held unequal numbers of sessions."""
    shared_incidents: int
    """Incidents that touched both sides; they count on both."""
    drops_ratio: float | None
    permutation_p_value: float | None
    """Of equal drops per session hour; incidents are redistributed, not sessions."""
    smallest_ratio: float | None
    """The least true ratio that would have been seen in four of five such runs."""
    needed_incidents: int | None
    """The least number on the candidate that differs from this baseline by more than chance."""


def compare_rates(baseline: Side, candidate: Side) -> RateComparison | None:
    """Compare two sides; None where one of them held no session time."""
    hours, other_hours = baseline.session_hours, candidate.session_hours
    if hours <= 0 or other_hours <= 0:
        return None
    ours, theirs = baseline.incidents(), candidate.incidents()
    exact = rate_ratio(len(ours), len(theirs), hours, other_hours)
    spread = _dispersion([baseline, candidate], [len(ours), len(theirs)])
    comes_in_bursts = spread is not None and spread.factor > 1 and spread.p_value < _OVERDISPERSED
    wide = exact.interval
    if spread is not None and comes_in_bursts:
        wide = _widened(exact, spread, (len(ours), len(theirs)), (hours, other_hours))
    drops, other_drops = baseline.drops, candidate.drops
    return RateComparison(
        baseline=_figures(baseline, len(ours)),
        candidate=_figures(candidate, len(theirs)),
        ratio=ratio_figures(len(ours), len(theirs), hours, other_hours),
        dispersion=None if spread is None else spread.factor,
        is_overdispersed=comes_in_bursts,
        wide_interval=span_of(wide),
        by_clock=_by_clock(baseline, candidate, len(ours), len(theirs)),
        shared_incidents=len(ours.keys() & theirs.keys()),
        drops_ratio=other_drops / drops * hours / other_hours if drops else None,
        permutation_p_value=permutation_p_value(sizes_of(ours, theirs), hours, other_hours),
        smallest_ratio=smallest_ratio(len(ours), hours, other_hours),
        needed_incidents=needed_incidents(len(ours), hours, other_hours),
    )


def sizes_of(
    ours: Mapping[tuple[int, int], Incident], theirs: Mapping[tuple[int, int], Incident]
) -> list[tuple[int, int]]:
    """For each incident, its drops on the baseline and on the candidate."""
    return [
        (len(ours[key].drops) if key in ours else 0, len(theirs[key].drops) if key in theirs else 0)
        for key in sorted(ours.keys() | theirs)
    ]


def permutation_p_value(
    sizes: list[tuple[int, int]], baseline_hours: float, candidate_hours: float
) -> float | None:
    """Two-sided p-value of equal drops per session hour; None without incidents.

    Were the sides alike, an incident would have fallen on the candidate as often as its share of
    session time says, with all of its drops; one that touched both could as well have touched
    them the other way round.
    """
    if not sizes:
        return None
    random = np.random.default_rng(_SEED)
    share = candidate_hours / (baseline_hours + candidate_hours)
    pairs, times = np.unique(np.asarray(sizes), axis=0, return_counts=True)
    whole, shared = _split(pairs, times)
    difference = np.zeros(PERMUTATIONS)
    for (size, _), number in whole.items():
        on_candidate = random.binomial(number, share, PERMUTATIONS)
        difference += size * (
            on_candidate / candidate_hours - (number - on_candidate) / baseline_hours
        )
    for (less, more), number in shared.items():
        swapped = random.binomial(number, 0.5, PERMUTATIONS)
        on_candidate = less * swapped + more * (number - swapped)
        on_baseline = (less + more) * number - on_candidate
        difference += on_candidate / candidate_hours - on_baseline / baseline_hours
    totals = np.asarray(sizes).sum(axis=0)
    observed = abs(totals[1] / candidate_hours - totals[0] / baseline_hours)
    as_large = int(np.sum(np.abs(difference) >= observed * (1 - 1e-12)))
    return (1 + as_large) / (1 + PERMUTATIONS)


def span_of(interval: Interval) -> Span:
    """The interval as a file can hold it."""
    return Span(interval.low, interval.high if isfinite(interval.high) else None)


def _split(
    pairs: Iterable[Iterable[int]], times: Iterable[int]
) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]:
    """How many incidents there are of each size; those of both sides apart, smaller share first."""
    whole: dict[tuple[int, int], int] = {}
    shared: dict[tuple[int, int], int] = {}
    for pair, number in zip(pairs, times, strict=True):
        less, more = sorted(map(int, pair))
        group, key = (shared, (less, more)) if less else (whole, (more, 0))
        group[key] = group.get(key, 0) + int(number)
    return whole, shared


def _figures(side: Side, incidents: int) -> RateFigures:
    hours = side.session_hours
    return RateFigures(
        incidents=incidents,
        drops=side.drops,
        session_hours=hours,
        clock_hours=side.clock_hours,
        incidents_per_session_hour=incidents / hours,
        interval=span_of(rate_interval(incidents, hours)),
        drops_per_session_hour=side.drops / hours,
    )


def ratio_figures(baseline: int, candidate: int, hours: float, other_hours: float) -> RatioFigures:
    found = rate_ratio(baseline, candidate, hours, other_hours)
    return RatioFigures(
        ratio=found.value if isfinite(found.value) else None,
        interval=span_of(found.interval),
        p_value=found.p_value,
    )


def _by_clock(baseline: Side, candidate: Side, ours: int, theirs: int) -> RatioFigures | None:
    """An incident of the whole egress comes as often for ten sessions as for a thousand."""
    at_a_time = baseline.session_hours / baseline.clock_hours
    other_at_a_time = candidate.session_hours / candidate.clock_hours
    if 1 / UNEQUAL <= at_a_time / other_at_a_time <= UNEQUAL:
        return None
    return ratio_figures(ours, theirs, baseline.clock_hours, candidate.clock_hours)


def _widened(
    exact: Ratio, spread: Dispersion, incidents: tuple[int, int], hours: tuple[float, float]
) -> Interval:
    if min(incidents) > 0:
        return widened(exact, spread)
    ours, theirs = (thinned(number, spread) for number in incidents)
    return rate_ratio(ours, theirs, hours[0], hours[1]).interval


def _dispersion(sides: list[Side], incidents: list[int]) -> Dispersion | None:
    """Over the blocks of both sides, each against its own mean rate."""
    observed: list[float] = []
    expected: list[float] = []
    fitted = 0
    for side, number in zip(sides, incidents, strict=True):
        if number < _FEWEST_FOR_BLOCKS:
            continue
        blocks = side.blocks(min(max(number // _INCIDENTS_A_BLOCK, _FEWEST_BLOCKS), _MOST_BLOCKS))
        rate = number / max(sum(block.session_hours for block in blocks), 1e-12)
        observed += [block.incidents for block in blocks]
        expected += [block.session_hours * rate for block in blocks]
        fitted += 1
    return dispersion(observed, expected, fitted)


def upper(interval: Span) -> float:
    """Its upper end; infinite where it has none."""
    return inf if interval.high is None else interval.high
