"""Limits of bytes, from sessions that carried many."""

import pytest

from stresser.analysis.summary.search_answers import Moved, byte_limit

S = 10**9


def died(moved, age_s, known=None):
    return Moved(moved, moved if known is None else known, age_s * S, lived=False)


def lived(moved, age_s):
    return Moved(moved, moved, age_s * S, lived=True)


@pytest.mark.parametrize(
    ("loads", "busy_s"),
    [
        # One that moves half as much in the same time is twice as old.
        ([died(20_000, 10), died(20_300, 20)], 5),
        # Busy ones that moved far less are older.
        ([died(20_000, 10), died(20_300, 10)], 25),
        # Known by two bounds: some was sent in vain.
        ([died(26_000, 13, 19_000), died(22_500, 22, 19_900)], 5),
        ([died(20_000, 10), died(20_300, 20), lived(9_000, 5)], 5),
    ],
)
def test_as_many_bytes_at_different_ages_are_a_limit(loads, busy_s):
    found = byte_limit(loads, busy_s * S)
    assert found is not None
    assert found.low <= 20_000 <= found.high <= 22_500


@pytest.mark.parametrize(
    ("loads", "busy_s"),
    [
        ([], None),
        ([lived(90_000, 60)], 60),
        ([died(20_000, 10)], 60),  # once
        ([died(20_000, 10), died(20_300, 10)], 10),  # or a limit of age
        ([died(20_000, 10), died(20_300, 10)], None),
        ([died(20_000, 10), died(10_000, 10)], 60),  # one event
        ([died(20_000, 10), died(20_300, 20), lived(40_000, 20)], 60),  # refuted
    ],
)
def test_what_is_none(loads, busy_s):
    assert byte_limit(loads, None if busy_s is None else busy_s * S) is None
