"""How close together brackets can lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.statistics.brackets import Agreement, Bracket, Brackets, agreement, common


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


@pytest.mark.parametrize(
    ("one", "other", "pad", "meet"),
    [
        ((0, 5), (5, 9), 0, True),
        ((0, 5), (6, 9), 0, False),
        ((0, 5), (6, 9), 1, True),
        ((6, 9), (0, 5), 1, True),
        ((0, 9), (3, 4), 0, True),
    ],
)
def test_brackets_meet_where_both_allow_one_value(one, other, pad, meet):
    assert Bracket(*one).meets(Bracket(*other), pad) is meet


def test_what_brackets_have_in_common_or_what_lies_between_them():
    assert common([Bracket(0, 9), Bracket(4, 20), Bracket(5, 6)]) == Bracket(5, 6)
    assert common([Bracket(0, 3), Bracket(7, 9)]) == Bracket(3, 7)


def test_many_in_columns_are_the_same_brackets():
    some = [Bracket(1, 2), Bracket(-5, 2**40), Bracket(7, 7)]
    columns = Brackets.of(some)
    assert (list(columns), columns[1], columns[-2:], len(columns)) == (some, some[1], some[1:], 3)
    assert Brackets.of(columns) is columns
