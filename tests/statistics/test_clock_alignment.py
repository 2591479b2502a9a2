import random

import pytest

from stresser.statistics.clock_alignment import ClockAlignment, OffsetBound

S = 10**9
MS = 10**6


def test_nothing_shared_aligns_nothing():
    assert ClockAlignment([]).at(0) is None


def test_bounds_narrow_each_other():
    found = ClockAlignment([OffsetBound(0, 1 * S, 3 * S), OffsetBound(0, 2 * S, 4 * S)]).at(5 * S)
    assert found is not None
    assert (found.ns, found.within_ns) == (2 * S + S // 2, S // 2 + MS // 2)


def test_a_contradiction_widens():
    found = ClockAlignment([OffsetBound(0, 1 * S, 2 * S), OffsetBound(0, 3 * S, 4 * S)]).at(5 * S)
    assert found is not None
    assert (found.ns, found.within_ns) == (2 * S + S // 2, S // 2 - MS // 2)


def test_far_from_all_bounds_the_last_ones_count_and_are_wide():
    alignment = ClockAlignment([OffsetBound(0, 0, 0)])
    later = alignment.at(10 * 3600 * S)
    assert later is not None
    assert later.within_ns == pytest.approx(3.6 * S, rel=1e-3)


@pytest.mark.parametrize("drift", [0.0, 5e-5, -5e-5])
def test_the_truth_is_always_within(drift):
    chance = random.Random(7)  # noqa: S311 - made-up handshakes
    bounds = []
    for _ in range(2000):
        at = chance.randrange(8 * 3600 * S)
        true = round(3 * S + drift * at)
        bounds.append(
            OffsetBound(at, true - chance.randrange(30 * MS), true + chance.randrange(30 * MS))
        )
    alignment = ClockAlignment(bounds)
    for at in range(0, 8 * 3600 * S, 97 * S):
        found = alignment.at(at)
        assert found is not None
        assert abs(found.ns - round(3 * S + drift * at)) <= found.within_ns
        assert found.within_ns < 60 * MS
