"""Distributions chosen and joined."""

import pytest

from stresser.analysis.counts.percentiles import joined, percentiles_of, statistic_of
from stresser.scenario.threshold import Statistic
from stresser.statistics.duration_counts import SparseCounts


def test_figures_of_a_distribution():
    figures = percentiles_of(SparseCounts.of(range(1, 1001)).distribution())
    assert figures is not None
    assert (figures.count, figures.min_ns, figures.max_ns) == (1000, 1, 1000)
    assert (figures.p50_ns, figures.p90_ns, figures.p99_ns, figures.p99_9_ns) == (
        500,
        900,
        990,
        999,
    )
    assert figures.mean_ns == 500


def test_no_samples_are_no_figures():
    assert percentiles_of(SparseCounts().distribution()) is None


@pytest.mark.parametrize(
    ("statistic", "value"),
    [
        (Statistic.MIN, 1),
        (Statistic.P50, 500),
        (Statistic.P99_9, 999),
        (Statistic.P99_99, 1000),
        (Statistic.MAX, 1000),
        (Statistic.MEAN, 500.5),
    ],
)
def test_statistics(statistic, value):
    distribution = SparseCounts.of(range(1, 1001)).distribution()
    assert statistic_of(distribution, statistic) == pytest.approx(value)


def test_joined_is_as_if_counted_together():
    first, second = [10, 5_000, 7_000_000], [3, 5_000, 10**12]
    together = SparseCounts.of(first + second).distribution()
    parts = [SparseCounts.of(values).distribution() for values in (first, second)]
    assert list(joined(parts).buckets()) == list(together.buckets())
    assert joined([]).count == 0
