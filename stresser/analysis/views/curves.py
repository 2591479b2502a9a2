"""Curves of a report: how long sessions live, and how long handshakes and round trips take.

One curve an egress, thinned to what a picture can show.
"""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from msgspec import Struct

from stresser.analysis.counts.cohort_sessions import CohortSessions, lifetimes
from stresser.analysis.counts.percentiles import Distributions, joined
from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.model.units import escaped
from stresser.statistics.duration_counts import Distribution
from stresser.statistics.survival import Curve, kaplan_meier, median_lifetime

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_POINTS = 300
_MOST_EGRESSES = 12
_LONGEST_NAME = 80
QUANTITIES = (
    Quantity.RTT,
    Quantity.BEFORE,
    Quantity.RESOLVE,
    Quantity.CONNECT,
    Quantity.PROXY,
    Quantity.TLS,
    Quantity.UPGRADE,
    Quantity.OPEN,
    Quantity.RECOVERY,
)
"""What is drawn, in this order."""
QUANTILES = (
    *(place / 20 for place in range(19)), 0.925, 0.95, 0.965, 0.98, 0.99, 0.995, 0.998, 0.999,
    0.9995, 0.9999,
)  # fmt: skip


class SurvivalCurve(Struct, frozen=True, kw_only=True):
    """Kaplan-Meier steps of one egress: from each time on, that share is alive. Seconds."""

    egress: str
    sessions: int
    died: int
    median_s: float | None
    """None: more than half outlived what was watched."""
    last_seen_s: float
    times_s: list[float]
    share: list[float]
    low: list[float | None]
    high: list[float | None]


class QuantileCurve(Struct, frozen=True, kw_only=True):
    """One quantity through one egress, in nanoseconds at each of `QUANTILES` that it reaches."""

    quantity: str
    egress: str
    count: int
    values_ns: list[int]
    max_ns: int


def survival_curves(sessions: "Mapping[Cohort, CohortSessions]") -> list[SurvivalCurve]:
    """The curve of each egress that held a session."""
    return [
        _survival(egress, [one for cohort, one in sessions.items() if cohort.egress == egress])
        for egress in _egresses(sessions)
    ]


def quantile_curves(distributions: Distributions) -> list[QuantileCurve]:
    """The curve of each quantity and egress with samples."""
    egresses = _egresses(cohort for _, cohort in distributions if cohort is not None)
    curves = []
    for quantity in QUANTITIES:
        for egress in egresses:
            chosen = joined(
                distribution
                for (name, cohort), distribution in distributions.items()
                if name is quantity and cohort is not None and cohort.egress == egress
            )
            if chosen.count:
                curves.append(_quantiles(quantity, egress, chosen))
    return curves


def _egresses(cohorts: Iterable[Cohort]) -> list[str]:
    return list(dict.fromkeys(cohort.egress for cohort in cohorts))[:_MOST_EGRESSES]


def _survival(egress: str, sessions: Sequence[CohortSessions]) -> SurvivalCurve:
    lived = lifetimes(sessions)
    curve = kaplan_meier(lived.durations, lived.died)
    median = median_lifetime(curve).value
    chosen = _chosen(curve)
    return SurvivalCurve(
        egress=escaped(egress, _LONGEST_NAME),
        sessions=len(lived.durations),
        died=int(lived.died.sum()),
        median_s=_figure(median),
        last_seen_s=round(curve.last_seen, 4),
        times_s=[0.0, *(round(float(curve.times[i]), 4) for i in chosen)],
        share=[1.0, *(round(float(curve.survival[i]), 5) for i in chosen)],
        low=[1.0, *(_figure(float(curve.low[i])) for i in chosen)],
        high=[1.0, *(_figure(float(curve.high[i])) for i in chosen)],
    )


def _chosen(curve: Curve) -> list[int]:
    """Steps that stand for all: evenly over the drops, the first and the last among them."""
    number = len(curve.times)
    if number <= _MOST_POINTS:
        return list(range(number))
    return sorted({round(i * (number - 1) / (_MOST_POINTS - 1)) for i in range(_MOST_POINTS)})


def _figure(value: float) -> float | None:
    return round(value, 5) if isfinite(value) else None


def _quantiles(quantity: Quantity, egress: str, distribution: Distribution) -> QuantileCurve:
    """A quantile is drawn where at least one sample lies beyond it."""
    reached = [q for q in QUANTILES if (1 - q) * distribution.count >= 1]
    return QuantileCurve(
        quantity=quantity.value,
        egress=escaped(egress, _LONGEST_NAME),
        count=distribution.count,
        values_ns=[distribution.quantile(q) for q in reached],
        max_ns=distribution.max,
    )
