"""A flood of changes: the first are told, the rest is counted, nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.path_change import PathChange
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.witness.flood import TOLD_A_WINDOW, Flood

ADDED, REMOVED = PathChange.ROUTE_ADDED, PathChange.ROUTE_REMOVED


def held_back(flood, now_ns):
    """What is summed up now."""
    counted = flood.overdue(now_ns)
    assert counted is not None
    return counted


def test_a_few_are_told_one_by_one():
    flood = Flood()
    assert all(flood.admit(ADDED, n * NS_PER_MS) for n in range(TOLD_A_WINDOW))
    assert flood.overdue(2 * NS_PER_S) is None


def test_the_rest_is_counted_with_its_window():
    flood = Flood()
    told = [flood.admit(REMOVED if n % 2 else ADDED, n * NS_PER_MS) for n in range(100)]
    assert told == [True] * TOLD_A_WINDOW + [False] * (100 - TOLD_A_WINDOW)
    assert flood.overdue(NS_PER_S - 1) is None
    counted = held_back(flood, NS_PER_S)
    assert counted.counts == {ADDED: 40, REMOVED: 40}
    assert (counted.since_ns, counted.until_ns) == (20 * NS_PER_MS, 99 * NS_PER_MS)
    assert counted.total == 80
    assert flood.overdue(2 * NS_PER_S) is None


def test_after_a_calm_they_are_told_again():
    flood = Flood()
    for n in range(30):
        flood.admit(ADDED, n)
    assert held_back(flood, NS_PER_S).total == 10
    assert flood.admit(ADDED, 5 * NS_PER_S)
    assert flood.overdue(7 * NS_PER_S) is None
    for n in range(30):
        flood.admit(ADDED, 10 * NS_PER_S + n)
    assert held_back(flood, 11 * NS_PER_S).total == 10  # the window is a second again


@pytest.mark.parametrize(("hours", "most"), [(1, 5000), (8, 40_000)])
def test_a_night_of_flapping_stays_readable(hours, most):
    flood, told, counted = Flood(), 0, 0
    for second in range(hours * 3600):
        for n in range(25):
            now = second * NS_PER_S + n * NS_PER_MS
            summed_up = flood.overdue(now)
            counted += 0 if summed_up is None else summed_up.total
            told += (summed_up is not None) + flood.admit(ADDED, now)
    assert told < most
    assert counted > hours * 3600 * 15


@given(st.lists(st.integers(0, 2 * NS_PER_S), max_size=200))
def test_every_change_is_told_or_counted(gaps):
    flood, now, told, counted = Flood(), 0, 0, 0
    for gap in gaps:
        now += gap // 7
        summed_up = flood.overdue(now)
        counted += 0 if summed_up is None else summed_up.total
        told += flood.admit(ADDED, now)
    last = flood.flush()
    assert told + counted + (0 if last is None else last.total) == len(gaps)
