"""The calibration itself, small: the full one is `python -m bench.calibrate_compare`."""

import pytest
from msgspec.structs import replace

from bench.calibrate_compare import PLAN, Row, compare_pair, judged, series
from stresser.analysis.compare.comparison_verdict import ComparisonVerdict

PAIRS = 40
SMALL = replace(PLAN, seats=20, incidents=16, mean_size=5)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),  # half a minute of CPU, on a machine that does other things
]


@pytest.fixture(scope="module")
def alike():
    return series("A/A", SMALL, PAIRS, 1, 1_000_000)


@pytest.fixture(scope="module")
def apart():
    return series("A/B", replace(SMALL, ratio=5.0), PAIRS, 1, 4_000_000)


def test_equal_sides_are_seldom_called_worse_and_naive_tests_often_do(alike):
    assert sum(pair.verdict is ComparisonVerdict.WORSE for pair in alike.pairs) <= 4
    assert sum(pair.excludes_one for pair in alike.pairs) <= 6
    assert sum(pair.permutation for pair in alike.pairs) <= 6
    assert sum(pair.naive_log_rank for pair in alike.pairs) >= 8
    assert sum(pair.naive_rate for pair in alike.pairs) >= 8


def test_a_ratio_of_five_is_found_and_covered(apart):
    assert sum(pair.covers for pair in apart.pairs) >= 0.85 * PAIRS
    assert sum(pair.verdict is ComparisonVerdict.WORSE for pair in apart.pairs) >= 0.95 * PAIRS


def test_a_pair_is_the_same_for_the_same_seed():
    assert compare_pair(SMALL, 7) == compare_pair(SMALL, 7)


def test_what_is_promised_is_judged(alike, apart):
    found = judged([alike, alike, Row("ratio 2", SMALL, alike.pairs), apart])
    assert [most for *_, most in found] == [0.05, 0.05, 0.055, 1.0, 1.0, 0.05, 0.98, 0.98]
    assert found[3][1] == sum(pair.naive_log_rank for pair in alike.pairs) / PAIRS
