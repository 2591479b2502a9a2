"""How close together brackets can lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.statistics.brackets import Agreement, Bracket, agreement


@pytest.mark.parametrize(
    ("brackets", "width"),
    [
        ([(5, 5)], 0),
        ([(0, 10), (5, 20), (7, 8)], 0),
        ([(0, 0), (10, 10)], 10),
        ([(0, 2), (5, 9)], 3),
        ([(0, 0), (1, 1), (2, 2), (3, 3), (900, 900)], 3),
        ([(0, 0), (1, 1), (2, 2), (900, 900)], 900),
    ],
)
def test_four_in_five_have_to_agree(brackets, width):
    found = agreement([Bracket(*one) for one in brackets])
    assert found is not None
    assert found.width == width


def test_where_they_agree():
    assert agreement([Bracket(0, 10), Bracket(6, 20)]) == Agreement(0, 6, 10)


def test_nothing_agrees_with_nothing():
    assert agreement([]) is None


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), min_size=1, max_size=12))
def test_no_smaller_width_would_do(starts):
    brackets = [Bracket(low, low + length) for low, length in starts]
    found = agreement(brackets, 1.0)
    assert found is not None
    apart = max(one.low for one in brackets) - min(one.high for one in brackets)
    assert found.width == max(apart, 0)
