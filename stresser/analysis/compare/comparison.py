"""Two sides of recorded runs -> one `Comparison`: figures, limits, a verdict and a paragraph."""

from collections.abc import Sequence

from msgspec import Struct

from stresser.analysis.compare.comparison_verdict import ComparisonVerdict, judge_comparison
from stresser.analysis.compare.differences import Difference, compare_properties
from stresser.analysis.compare.durations import DurationDifference, compare_durations
from stresser.analysis.compare.incident_rates import (
    RateComparison,
    RatioFigures,
    compare_rates,
    ratio_figures,
)
from stresser.analysis.compare.limits import limits_of
from stresser.analysis.compare.paragraph import paragraph_of
from stresser.analysis.compare.run_facts import RunFacts
from stresser.analysis.compare.sides import Held, Side
from stresser.analysis.counts.cohort_sessions import lifetimes
from stresser.model.errors import RunFolderError
from stresser.model.units import escaped
from stresser.statistics.rates import holm
from stresser.statistics.survival import kaplan_meier, median_lifetime, restricted_mean

SCHEMA_VERSION = 1
_MOST_ENDPOINTS = 1000
_NS = 1e9


class SideFigures(Struct, frozen=True, kw_only=True):
    """What one side is and held."""

    label: str
    runs: list[str]
    egresses: list[str]
    attempts: int
    attempts_failed: int
    sessions: int
    session_hours: float
    drop_kinds: dict[str, int]
    ended_by_host: int
    """Censored, as those ended by stresser are: no drops."""
    ended_by_tool: int
    median_lifetime_ns: int | None
    """Kaplan-Meier; None: more than half of the sessions outlived what was watched."""
    restricted_mean_ns: int | None
    """Mean lifetime within `restricted_to_ns`."""
    restricted_mean_low_ns: int | None
    restricted_mean_high_ns: int | None
    restricted_to_ns: int | None


class EndpointFigures(Struct, frozen=True, kw_only=True):
    """The comparison of one endpoint and activity."""

    endpoint: str
    activity: str
    baseline_incidents: int
    candidate_incidents: int
    baseline_hours: float
    candidate_hours: float
    ratio: RatioFigures
    holm_p_value: float
    """Corrected for the number of rows (Holm)."""


class Comparison(Struct, frozen=True, kw_only=True):
    """All that is said of two sides. Times end in `_ns`, hours in `_hours`."""

    schema: int = SCHEMA_VERSION
    paragraph: str
    verdict: ComparisonVerdict
    reason: str
    baseline: SideFigures
    candidate: SideFigures
    rates: RateComparison | None
    """None where a side held no session time."""
    endpoints: list[EndpointFigures]
    durations: list[DurationDifference]
    differences: list[Difference]
    limits: list[str]


def compare_sides(baseline: Side, candidate: Side) -> Comparison:
    """Compare what both sides held.

    Raises:
        RunFolderError: they held nothing alike.
    """
    both = sorted(baseline.held & candidate.held)
    if not both:
        raise RunFolderError(
            f"{baseline.label} and {candidate.label}: no endpoint with one activity was held on"
            " both sides; nothing can be compared"
        )
    ours, theirs = baseline.of(both), candidate.of(both)
    is_one_run = _runs(ours) == _runs(theirs)
    rates = compare_rates(ours, theirs)
    durations = compare_durations(ours, theirs, is_one_run=is_one_run)
    differences = compare_properties(ours, theirs, both)
    unfit = _unfit(ours, theirs)
    judgement = judge_comparison(ours, theirs, rates, unfit, is_one_run=is_one_run)
    alone = sorted(baseline.held ^ candidate.held)
    until = _restricted_to(ours, theirs)
    return Comparison(
        paragraph=paragraph_of(ours, theirs, rates, durations, judgement, is_one_run=is_one_run),
        verdict=judgement.verdict,
        reason=judgement.reason,
        baseline=_figures(ours, until),
        candidate=_figures(theirs, until),
        rates=rates,
        endpoints=_endpoints(ours, theirs, both[:_MOST_ENDPOINTS]),
        durations=durations,
        differences=differences,
        limits=limits_of(ours, theirs, rates, alone, unfit, is_one_run=is_one_run),
    )


def _runs(side: Side) -> list[int]:
    return [id(part.facts) for part in side.parts]


def _unfit(baseline: Side, candidate: Side) -> list[str]:
    """Each run's doubts once."""
    runs: dict[int, RunFacts] = {
        id(part.facts): part.facts for part in (*baseline.parts, *candidate.parts)
    }
    many = len(runs) > 1
    return [
        f"{facts.name}: {doubt}" if many else doubt
        for facts in runs.values()
        for doubt in facts.unfit
    ]


def _endpoints(baseline: Side, candidate: Side, both: Sequence[Held]) -> list[EndpointFigures]:
    rows = []
    for held in both:
        ours, theirs = baseline.of([held]), candidate.of([held])
        hours, other_hours = ours.session_hours, theirs.session_hours
        if hours > 0 and other_hours > 0:
            counts = len(ours.incidents()), len(theirs.incidents())
            rows.append((held, counts, (hours, other_hours)))
    ratios = [ratio_figures(*counts, *hours) for _, counts, hours in rows]
    corrected = holm([ratio.p_value for ratio in ratios])
    return [
        EndpointFigures(
            endpoint=escaped(held.endpoint, 128),
            activity=escaped(held.activity, 128),
            baseline_incidents=counts[0],
            candidate_incidents=counts[1],
            baseline_hours=hours[0],
            candidate_hours=hours[1],
            ratio=ratio,
            holm_p_value=p_value,
        )
        for (held, counts, hours), ratio, p_value in zip(rows, ratios, corrected, strict=True)
    ]


def _restricted_to(baseline: Side, candidate: Side) -> float | None:
    """Seconds over which both sides know how long sessions live."""
    longest = [
        float(lived.durations.max())
        for lived in map(lifetimes, (baseline.sessions, candidate.sessions))
        if len(lived.durations)
    ]
    until = min(longest) if len(longest) == 2 else 0.0  # noqa: PLR2004 - both sides
    return until or None


def _figures(side: Side, until: float | None) -> SideFigures:
    median = mean = low = high = None
    if until is not None:
        lived = lifetimes(side.sessions)
        curve = kaplan_meier(lived.durations, lived.died)
        median = _ns(median_lifetime(curve).value)
        restricted = restricted_mean(curve, until)
        mean, low, high = map(_ns, (restricted.value, *restricted.interval))
    return SideFigures(
        label=side.label,
        runs=[part.facts.name for part in side.parts],
        egresses=[escaped(name, 128) for name in side.egresses],
        attempts=side.tally.attempts,
        attempts_failed=side.tally.failed,
        sessions=side.tally.opened,
        session_hours=side.session_hours,
        drop_kinds={kind.value: group.count for kind, group in side.tally.drop_groups.items()},
        ended_by_host=side.tally.by_host,
        ended_by_tool=side.tally.by_tool,
        median_lifetime_ns=median,
        restricted_mean_ns=mean,
        restricted_mean_low_ns=low,
        restricted_mean_high_ns=high,
        restricted_to_ns=None if until is None else _ns(until),
    )


def _ns(seconds: float) -> int | None:
    return None if seconds == float("inf") else round(seconds * _NS)
