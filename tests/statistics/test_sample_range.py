"""Spans say where durations lie, whatever a file claims."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.quantity import HIGHEST_NS
from stresser.model.units import NS_PER_S
from stresser.statistics.sample_range import SampleRange

DURATIONS = st.lists(st.integers(0, HIGHEST_NS), min_size=1, max_size=200)


def span_of(values: Iterable[int]) -> SampleRange:
    span = SampleRange()
    for value in values:
        span.add(value)
    return span


@given(DURATIONS)
def test_limits_are_exact_and_quantiles_within_them(values):
    span = span_of(values)
    assert (span.count, span.least, span.largest) == (len(values), min(values), max(values))
    middle = sorted(values)[(len(values) - 1) // 2]
    assert middle <= span.quantile(0.5) <= middle * 1.001 + 1
    assert span.least <= span.quantile(0.0) <= span.quantile(1.0) <= span.largest


@given(DURATIONS, DURATIONS)
def test_merged_is_as_if_counted_together(first, second):
    merged = span_of(first)
    merged.merge(span_of(second))
    together = span_of(first + second)
    for q in (0, 0.25, 0.5, 0.95, 1):
        assert merged.quantile(q) == together.quantile(q)
    assert (merged.count, merged.least, merged.largest) == (
        together.count,
        together.least,
        together.largest,
    )


def test_merging_nothing_changes_nothing():
    span = span_of([5])
    span.merge(SampleRange())
    assert (span.count, span.least, span.largest) == (1, 5, 5)


@pytest.mark.parametrize("value", [-1, -(2**80), 2**80])
def test_what_is_no_duration_is_held_at_the_limits(value):
    span = span_of([value])
    assert span.least in {0, HIGHEST_NS}
    assert span.quantile(0.5) == span.least


def test_nothing_counted_has_no_quantile():
    assert not SampleRange().is_narrow()
    with pytest.raises(ValueError, match="no samples"):
        SampleRange().quantile(0.5)


@pytest.mark.parametrize(
    ("values_s", "is_narrow"),
    [
        ([4.0, 4.01, 3.98, 4.02], True),
        ([3600, 3650, 3700], True),
        ([4.0, 8.0, 12.0], False),
        ([0.01, 0.1, 0.15], True),
        ([60, 70, 80], False),
    ],
)
def test_narrow_is_what_a_timer_makes(values_s, is_narrow):
    assert span_of([round(value * NS_PER_S) for value in values_s]).is_narrow() is is_narrow
