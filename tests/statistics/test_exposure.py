"""Time spent at each age."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.statistics.exposure import Exposure, Survivors
from stresser.statistics.numerics import np

EPISODES = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), max_size=12)


def test_a_table():
    exposure = Exposure.weighed([(10, 1), (20, 2), (0, 5), (7, 0)])
    assert exposure.total == 50
    assert exposure.until(10) == 30
    assert exposure.between(10, 20) == 20


@given(EPISODES, st.integers(-5, 60), st.integers(-5, 60))
def test_against_counting_one_by_one(episodes, low, high):
    exposure = Exposure.weighed(episodes)
    passed = sum(weight for length, weight in episodes for at in range(length) if low <= at < high)
    assert exposure.between(low, high) == pytest.approx(passed)
    survivors = Survivors(np.array([length for length, _ in episodes], np.int64))
    assert survivors.longer_than(low) == sum(n > max(low, 0) for n, _ in episodes)
