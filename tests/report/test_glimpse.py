"""Percentiles to two per cent, at a price the event loop does not notice."""

from hypothesis import given
from hypothesis import strategies as st

from stresser.report.glimpse import Glimpse


def glimpse_of(values: list[int]) -> Glimpse:
    glimpse = Glimpse()
    for value in values:
        glimpse.add(value)
    return glimpse


@given(st.lists(st.integers(0, 10**13), min_size=1), st.floats(0, 1))
def test_quantiles_to_two_per_cent(values, q):
    values.sort()
    exact = next(v for i, v in enumerate(values, 1) if i >= q * len(values))
    quantile = glimpse_of(values).quantile(q)
    assert quantile is not None
    assert abs(quantile - exact) <= exact * 0.02


def test_nothing_counted():
    assert Glimpse().quantile(0.5) is None


def test_a_copy_is_left_alone():
    glimpse = glimpse_of([5])
    copy = glimpse.copy()
    glimpse.add(500)
    assert (copy.count, copy.quantile(1)) == (1, 5)


def test_few_counters_whatever_is_counted():
    glimpse = glimpse_of([2**n + m * 2**n // 997 for n in range(80) for m in range(997)])
    glimpse.add(-(10**30))
    assert len(glimpse._counts) < 2000
