"""Recorded distributions: choosing them by cohort, joining them, and the figures shown of them."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.scenario.threshold import Statistic
from stresser.statistics.duration_counts import Distribution, SparseCounts, bucket_of

Distributions = Mapping[tuple[Quantity, Cohort | None], Distribution]
"""As `RecordedRun.histograms()` returns them."""


class Percentiles(Struct, frozen=True, kw_only=True):
    """The figures of one distribution. Durations in nanoseconds, to three digits."""

    count: int
    min_ns: int
    mean_ns: int
    p50_ns: int
    p90_ns: int
    p99_ns: int
    p99_9_ns: int
    p99_99_ns: int
    max_ns: int


def percentiles_of(distribution: Distribution) -> Percentiles | None:
    """The figures of a distribution; None when it has no samples."""
    if not distribution.count:
        return None
    return Percentiles(
        count=distribution.count,
        min_ns=distribution.min,
        mean_ns=round(distribution.mean),
        p50_ns=distribution.quantile(0.5),
        p90_ns=distribution.quantile(0.9),
        p99_ns=distribution.quantile(0.99),
        p99_9_ns=distribution.quantile(0.999),
        p99_99_ns=distribution.quantile(0.9999),
        max_ns=distribution.max,
    )


def statistic_of(distribution: Distribution, statistic: Statistic) -> float:
    """One figure of a distribution, in nanoseconds.

    Raises:
        ValueError: no samples.
    """
    if statistic.quantile is not None:
        return distribution.quantile(statistic.quantile)
    figures = {
        Statistic.MIN: distribution.min,
        Statistic.MEAN: distribution.mean,
        Statistic.MAX: distribution.max,
    }
    return figures[statistic]


def joined(distributions: Iterable[Distribution]) -> Distribution:
    """All samples of several distributions as one."""
    counts = SparseCounts()
    for distribution in distributions:
        for lowest, _, times in distribution.buckets():
            counts.add_bucket(bucket_of(lowest), times)
    return counts.distribution()
