"""Tails against sums in exact arithmetic."""

from fractions import Fraction
from math import comb, exp, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.statistics.chance import binomial_tail, poisson_tail


@pytest.mark.parametrize("mean", [0.001, 0.5, 3.0, 20.0])
@pytest.mark.parametrize("least", [1, 2, 5, 30])
def test_poisson(mean, least):
    below = sum(Fraction(mean) ** k / factorial(k) for k in range(least))
    exact = sum(Fraction(mean) ** k / factorial(k) for k in range(least, least + 200))
    assert poisson_tail(mean, least) == pytest.approx(float(exact) * exp(-mean), rel=1e-9)
    assert poisson_tail(mean, least) == pytest.approx(1 - float(below) * exp(-mean), abs=1e-12)


@given(st.integers(0, 60), st.fractions(0, 1, max_denominator=50), st.integers(-1, 61))
def test_binomial(trials, share, least):
    exact = sum(
        comb(trials, k) * share**k * (1 - share) ** (trials - k)
        for k in range(max(least, 0), trials + 1)
    )
    assert binomial_tail(trials, float(share), least) == pytest.approx(float(exact), rel=1e-8)


@pytest.mark.parametrize(
    ("tail", "value"),
    [
        (poisson_tail(0, 0), 1),
        (poisson_tail(0, 1), 0),
        (poisson_tail(1e6, 10), 1),
        (poisson_tail(1, 5000), 0),
        (binomial_tail(10**6, 0.5, 10**6), 0),
        (binomial_tail(5, 0, 1), 0),
        (binomial_tail(5, 1, 5), 1),
        (binomial_tail(5, 0.5, 6), 0),
    ],
)
def test_the_ends(tail, value):
    assert tail == pytest.approx(value)
