import math
import random
import tracemalloc

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.quantity import HIGHEST_NS
from stresser.statistics.duration_counts import (
    HIGHEST_BUCKET,
    DenseCounts,
    SparseCounts,
    bucket_of,
    bucket_range,
)

DURATIONS = st.integers(min_value=0, max_value=HIGHEST_NS)
SHARES = st.floats(min_value=0, max_value=1)


def exact_quantile(values, q):
    return sorted(values)[max(1, math.ceil(q * len(values) - 1e-9)) - 1]


@given(st.lists(DURATIONS, min_size=1, max_size=300), SHARES)
def test_a_quantile_is_never_too_low_and_at_most_a_thousandth_too_high(values, q):
    found = SparseCounts.of(values).distribution().quantile(q)
    exact = exact_quantile(values, q)
    assert exact <= found <= exact * 1.001


@given(st.lists(DURATIONS, min_size=1, max_size=300))
def test_count_limits_and_mean_agree_with_the_exact_ones(values):
    distribution = SparseCounts.of(values).distribution()
    assert distribution.count == len(values)
    assert distribution.min <= min(values) <= distribution.min * 1.001
    assert max(values) <= distribution.max <= max(values) * 1.001
    assert distribution.mean == pytest.approx(sum(values) / len(values), rel=1e-3)


@given(DURATIONS)
def test_buckets_are_those_of_hdrhistogram(value):
    reference = HdrHistogram(1, HIGHEST_NS, 3)
    index = bucket_of(value)
    assert index == reference.get_counts_array_index(value)
    assert bucket_range(index) == (
        reference.get_lowest_equivalent_value(value),
        reference.get_highest_equivalent_value(value),
    )


@given(DURATIONS, DURATIONS)
def test_buckets_are_in_the_order_of_values(one, other):
    assert (bucket_of(one) <= bucket_of(other)) or one > other


@pytest.mark.parametrize(
    ("q", "exact"),
    [(0.0, 1), (0.07, 7), (0.29, 29), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)],
)
def test_quantiles_of_one_to_a_hundred_are_their_ranks(q, exact):
    assert SparseCounts.of(range(1, 101)).distribution().quantile(q) == exact


@pytest.mark.parametrize(
    ("value", "kept"),
    [(-1, 0), (HIGHEST_NS + 1, HIGHEST_NS), (10**30, HIGHEST_NS)],
)
def test_a_value_out_of_range_is_counted_at_the_limit_and_reported(value, kept):
    counts = SparseCounts()
    counts.add(value)
    assert counts.clamped == 1
    assert dict(counts.buckets()) == {bucket_of(kept): 1}


@pytest.mark.parametrize("value", [0, 1, HIGHEST_NS])
def test_the_limits_themselves_are_in_range(value):
    counts = SparseCounts.of([value])
    assert counts.clamped == 0
    assert counts.count == 1


@given(st.lists(DURATIONS, max_size=50), st.lists(DURATIONS, max_size=50))
def test_merging_counts_what_both_counted(one, other):
    merged = SparseCounts.of(one)
    merged.merge(SparseCounts.of(other))
    assert dict(merged.buckets()) == dict(SparseCounts.of(one + other).buckets())


@pytest.mark.parametrize(("index", "times"), [(-1, 1), (HIGHEST_BUCKET + 1, 1), (5, 0), (5, -3)])
def test_a_bucket_that_cannot_be_is_refused(index, times):
    with pytest.raises(ValueError, match="counted"):
        SparseCounts().add_bucket(index, times)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_quantile_outside_of_its_range_is_refused(q):
    with pytest.raises(ValueError, match="quantile"):
        SparseCounts.of([1]).distribution().quantile(q)


def test_without_samples_there_is_no_answer():
    nothing = SparseCounts().distribution()
    assert nothing.count == 0
    assert "no samples" in repr(nothing)
    for ask in (lambda: nothing.quantile(0.5), lambda: nothing.max, lambda: nothing.min):
        with pytest.raises(ValueError, match="no samples"):
            ask()
    with pytest.raises(ValueError, match="no samples"):
        assert nothing.mean


def test_a_distribution_stays_as_it_was_taken():
    counts = SparseCounts.of([1000])
    taken = counts.distribution()
    counts.add(5000)
    assert (taken.count, taken.max) == (1, 1000)


def test_buckets_of_a_distribution_are_ordered_with_their_counts():
    taken = SparseCounts.of([3000, 5, 5]).distribution()
    assert list(taken.buckets()) == [(5, 5, 2), (3000, 3001, 1)]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_samples():
    draw = random.Random(7)  # noqa: S311 - a fixed seed, no secret
    counts = SparseCounts()
    tracemalloc.start()
    for _ in range(50_000):
        counts.add(int(draw.lognormvariate(17, 1.0)))
    early = tracemalloc.get_traced_memory()[0]
    for _ in range(50_000):
        counts.add(int(draw.lognormvariate(17, 1.0)))
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert late < 1_000_000
    assert late - early < 200_000


@given(st.lists(st.integers(-5, 2 * HIGHEST_NS), max_size=300), st.lists(st.integers(0, 10**10)))
def test_dense_counts_are_the_same_counts(first, second):
    sparse, dense, more = SparseCounts.of(first), DenseCounts(), DenseCounts()
    for value in first:
        dense.add(value)
    for value in second:
        sparse.add(value)
        more.add(value)
    dense.merge(more)
    assert dict(sparse.buckets()) == dict(dense.buckets())
    assert sparse.count == dense.count


def test_dense_counts_stop_growing_when_their_range_is_known():
    dense, draw = DenseCounts(), random.Random(3)  # noqa: S311 - a fixed seed, no secret
    for _ in range(20_000):
        dense.add(draw.randrange(10**9, 2 * 10**9))
    chunks = len(dense._chunks)
    for _ in range(20_000):
        dense.add(draw.randrange(10**9, 2 * 10**9))
    assert len(dense._chunks) == chunks < 20
