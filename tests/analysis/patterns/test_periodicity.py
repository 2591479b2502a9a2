"""Incidents that come back, and those that do not."""

import pytest

from stresser.analysis.patterns.periodicity import MOST_INCIDENTS, find_period
from stresser.statistics.brackets import Bracket
from tests.analysis.story import dice, seconds

NIGHT = seconds(8 * 3600)


def at(*times: float) -> list[Bracket]:
    return [Bracket(seconds(time), seconds(time)) for time in times]


@pytest.mark.parametrize(("period", "jitter"), [(3600, 5), (1800, 10), (600, 2)])
def test_a_rekey_with_noise_is_found(period, jitter):
    for seed in range(8):
        rolled = dice(seed)
        times = [
            700 % period + n * period + rolled.uniform(-jitter, jitter)
            for n in range(28800 // period)
        ]
        noise = [rolled.uniform(0, 28800) for _ in range(len(times) // 4)]
        found = find_period(at(*times, *noise), NIGHT)
        assert found is not None
        assert found.period_ns == pytest.approx(seconds(period), rel=0.02)
        assert found.came >= 0.7 * len(times)


def test_one_that_failed_to_come_does_not_hide_it():
    found = find_period(at(*(600 + 3600 * n for n in (0, 1, 2, 4, 5, 6))), NIGHT)
    assert found is not None
    assert (round(found.period_ns / seconds(1)), found.came, found.teeth) == (3600, 6, 7)


@pytest.mark.slow
def test_chance_makes_no_period():
    false = 0
    for seed in range(300):
        rolled = dice(seed)
        times = [rolled.uniform(0, 28800) for _ in range(rolled.choice([4, 6, 10, 30]))]
        false += find_period(at(*times), NIGHT) is not None
    assert false <= 6


def test_a_bad_hour_makes_no_period():
    false = 0
    for seed in range(50):
        rolled = dice(seed)
        times = [rolled.uniform(3600, 7200) for _ in range(30)]
        false += find_period(at(*times), NIGHT) is not None
    assert false <= 2


@pytest.mark.parametrize(
    "spans", [[], at(1, 2, 3), at(5, 5, 5, 5, 5), at(*range(MOST_INCIDENTS + 1))]
)
def test_too_few_too_many_or_all_at_once(spans):
    assert find_period(spans, NIGHT) is None


def test_incidents_dated_more_loosely_than_the_period_show_none():
    spans = [Bracket(seconds(10 * n), seconds(10 * n + 40)) for n in range(20)]
    assert find_period(spans, seconds(240)) is None
