import statistics

import pytest

from bench.ratios import QUANTITIES, compare, flatness, quantities_beside

MEMORY, ATTEMPTS = QUANTITIES[0], QUANTITIES[3]


def test_the_ratio_is_the_median_of_the_pairs_and_not_the_ratio_of_the_medians():
    row = compare(MEMORY, 500, [(10, 20), (20, 22), (30, 90)])
    assert row.ratio == 2.0
    assert row.stresser / row.floor == 1.1
    assert (row.lowest, row.highest, row.pairs) == (1.1, 3.0, 3)


@pytest.mark.parametrize(
    ("stresser", "met"), [(15.0, True), (15.1, False)], ids=["at the goal", "above it"]
)
def test_a_goal_is_the_largest_ratio_that_meets_it(stresser, met):
    assert compare(MEMORY, 500, [(10, stresser)]).met is met


def test_a_quantity_without_a_goal_neither_meets_nor_misses_it():
    assert compare(ATTEMPTS, 500, [(2000, 1)]).met is None


def test_no_pairs_are_no_row():
    with pytest.raises(statistics.StatisticsError):
        compare(MEMORY, 500, [])


def test_flatness_is_the_largest_over_the_smallest_of_each_side():
    rows = [compare(MEMORY, n, [pair]) for n, pair in [(500, (10, 40)), (2000, (8, 30))]]
    assert flatness(rows) == pytest.approx((1.25, 4 / 3))


def test_beside_a_stresser_without_witnesses_a_tenth_more_is_the_most():
    goals = {quantity.key: quantity.goal for quantity in quantities_beside("blind")}
    assert goals == {
        "kib_per_session": 1.1,
        "cpu_per_1000_handshakes": 1.1,
        "cpu_per_100000_pings": 1.1,
        "attempts_per_second": None,
        "cpu_to_first_syn": None,
        "seconds_to_first_syn": None,
    }
    assert quantities_beside("floor") == QUANTITIES


def test_beside_an_older_build_a_ping_takes_two_thirds_and_memory_does_not_grow():
    goals = {quantity.key: quantity.goal for quantity in quantities_beside("old")}
    assert {key: goal for key, goal in goals.items() if goal is not None} == {
        "kib_per_session": 1.0,
        "cpu_per_100000_pings": 0.65,
    }
