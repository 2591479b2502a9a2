"""Delays by two clocks, one of which is far off and runs too fast."""

import random

import pytest

from stresser.statistics.delay_variation import LEAST, UNSURE_NS, WINDOW_NS, Delays, DelayVariation

MS, S = 10**6, 10**9
YEAR_NS = 365 * 86_400 * S


def exchanged(variation, moments, there, back, ahead=lambda t_ns: YEAR_NS):
    """What is said of exchanges at these moments, over a path with these delays."""
    said = []
    for number, t_ns in enumerate(moments):
        off_ns = ahead(t_ns)
        delays = Delays(number, there(number) + off_ns, back(number) - off_ns)
        said += variation.add(t_ns, delays)
    return said + variation.rest()


def test_the_offset_of_the_clocks_falls_out_and_the_directions_are_told_apart():
    said = exchanged(
        DelayVariation(), range(0, 10 * S, S), lambda n: (5 + n % 3) * MS, lambda _: 40 * MS
    )
    assert said == [Delays(n, n % 3 * MS, 0) for n in range(10)]


@pytest.mark.parametrize("drift", [1e-4, -1e-4])
def test_the_drift_of_a_night_adds_no_more_than_is_stated(drift):
    """Of 0.36 s an hour: 2.9 s in eight hours."""
    said = exchanged(
        DelayVariation(), range(0, 8 * 3600 * S, S), lambda _: 5 * MS, lambda _: 5 * MS,
        ahead=lambda t_ns: YEAR_NS + round(drift * t_ns),
    )  # fmt: skip
    assert len(said) == 8 * 3600
    worst_ns = max(max(one.there_ns, one.back_ns) for one in said)
    assert UNSURE_NS * 0.9 < worst_ns <= UNSURE_NS


def test_a_uniform_delay_is_found_about_as_wide_as_it_is():
    chance = random.Random(12)  # noqa: S311 - no secret
    there = [chance.randrange(5 * MS, 35 * MS) for _ in range(240)]
    moments = [number * S // 4 for number in range(240)]
    said = exchanged(DelayVariation(), moments, there.__getitem__, lambda _: 9 * MS)
    p90_ns = sorted(one.there_ns for one in said)[216]
    assert 25 * MS < p90_ns < 29 * MS
    assert {one.back_ns for one in said} == {0}


def test_a_change_of_the_path_counts_in_its_own_window_alone():
    moments = range(0, 3600 * S, S)
    said = exchanged(
        DelayVariation(), moments, lambda n: 80 * MS if n >= 1810 else 5 * MS, lambda _: MS
    )
    late = [one.whose for one in said if one.there_ns]
    assert late
    assert len(late) <= WINDOW_NS // S


def test_of_few_nothing_is_said():
    few = exchanged(DelayVariation(), range(LEAST - 1), lambda n: n, lambda n: n)
    enough = exchanged(DelayVariation(), range(LEAST), lambda n: n, lambda n: n)
    assert (few, len(enough)) == ([], LEAST)
    seldom = exchanged(DelayVariation(), range(0, 9 * WINDOW_NS, WINDOW_NS), lambda n: n, abs)
    assert seldom == []


def test_what_is_kept_has_a_bound():
    variation: DelayVariation[int] = DelayVariation()
    said = [len(variation.add(0, Delays(n, 0, 0))) for n in range(25_000)]
    assert [one for one in said if one] == [10_000, 10_000]
