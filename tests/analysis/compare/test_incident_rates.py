from random import Random

import pytest

from stresser.analysis.compare.incident_rates import (
    Span,
    compare_rates,
    permutation_p_value,
    ratio_figures,
    upper,
)
from stresser.statistics.rates import rate_ratio
from tests.analysis.sides_story import DIRECT, HOUR, VPN, incident_story, recorded_sides
from tests.analysis.story import Story


def test_the_primary_figure_counts_incidents_and_drops_stand_beside_it(tmp_path):
    rates = compare_rates(*recorded_sides(tmp_path, incident_story(direct=3, vpn=20, size=2)))
    assert rates is not None
    assert (rates.baseline.incidents, rates.candidate.incidents) == (3, 20)
    assert (rates.baseline.drops, rates.candidate.drops) == (6, 40)
    exact = rate_ratio(3, 20, rates.baseline.session_hours, rates.candidate.session_hours)
    assert rates.ratio.ratio == pytest.approx(exact.value)
    assert rates.ratio.interval == Span(*exact.interval)
    assert rates.drops_ratio == pytest.approx(20 / 3, rel=0.01)
    assert rates.needed_incidents == 12
    assert not rates.is_overdispersed
    assert rates.wide_interval == rates.ratio.interval
    assert rates.by_clock is None


def test_incidents_in_bursts_widen_the_interval_for_the_verdict(tmp_path):
    story = incident_story(direct=12, vpn=12)
    for burst in range(40):  # forty more within two minutes
        story.drops(story.opens(VPN, 3000 + 3 * burst), 3002 + 3 * burst, idle=1)
    rates = compare_rates(*recorded_sides(tmp_path, story))
    assert rates is not None
    assert rates.dispersion is not None
    assert rates.dispersion > 5
    assert rates.is_overdispersed
    assert rates.ratio.interval.low > 1 > rates.wide_interval.low


def test_a_burst_on_one_side_alone_is_worth_fewer_incidents(tmp_path):
    story = incident_story(direct=0, vpn=0)
    random = Random(1)  # noqa: S311 - made-up moments, the same each time
    for _ in range(7):  # seven within four minutes, and nothing else
        at = 3000 + random.uniform(0, 240)
        story.drops(story.opens(VPN, at - random.uniform(50, 900)), at, idle=random.uniform(1, 9))
    rates = compare_rates(*recorded_sides(tmp_path, story))
    assert rates is not None
    assert rates.candidate.incidents >= 6
    assert rates.ratio.interval.low > 1 > rates.wide_interval.low
    assert rates.wide_interval.high is None


def test_unequal_numbers_of_sessions_are_judged_by_the_clock_as_well(tmp_path):
    story = incident_story(direct=5, vpn=5, sessions=2)
    for _ in range(20):
        story.ends_as_planned(story.opens(DIRECT, 2), 2 * HOUR)
    rates = compare_rates(*recorded_sides(tmp_path, story))
    assert rates is not None
    assert rates.ratio.ratio == pytest.approx(11, rel=0.05)
    assert rates.by_clock is not None
    assert rates.by_clock.ratio == pytest.approx(1)


def test_an_incident_of_both_sides_counts_on_both(tmp_path):
    story = Story([DIRECT, VPN], 1)
    for cohort in (DIRECT, VPN):
        story.drops(story.opens(cohort, 1), 1000, idle=1)
        story.ends_as_planned(story.opens(cohort, 1001), 2 * HOUR)
    rates = compare_rates(*recorded_sides(tmp_path, story))
    assert rates is not None
    assert rates.shared_incidents == 1
    assert (rates.baseline.incidents, rates.candidate.incidents) == (1, 1)
    assert rates.permutation_p_value == 1


def test_without_session_time_there_is_nothing_to_compare(tmp_path):
    story = Story([DIRECT, VPN], 1)
    story.ends_as_planned(story.opens(DIRECT, 1), 2 * HOUR)
    story.fails(VPN, 3)
    assert compare_rates(*recorded_sides(tmp_path, story)) is None


def test_no_incident_on_either_side(tmp_path):
    rates = compare_rates(*recorded_sides(tmp_path, incident_story(direct=0, vpn=0)))
    assert rates is not None
    assert rates.ratio.ratio is None
    assert rates.ratio.interval == Span(0, None)
    assert rates.permutation_p_value is None
    assert rates.smallest_ratio is None
    assert rates.needed_incidents == 6


def test_the_permutation_test_agrees_with_the_exact_one_where_all_incidents_are_alike():
    for baseline, candidate in ((7, 41), (10, 12), (3, 9)):
        sizes = [(5, 0)] * baseline + [(0, 5)] * candidate
        exact = rate_ratio(baseline, candidate, 10, 10).p_value
        assert permutation_p_value(sizes, 10, 10) == pytest.approx(exact, abs=0.02)


def test_one_large_incident_is_one_witness():
    quiet = [(1, 0), (0, 1)] * 4
    p_value = permutation_p_value([*quiet, (0, 500)], 10, 10)
    assert p_value is not None
    assert p_value > 0.5


def test_what_touched_both_sides_alike_says_nothing():
    assert permutation_p_value([(30, 30)] * 8, 10, 10) == 1
    lopsided = permutation_p_value([(1, 30)] * 8, 10, 10)
    assert lopsided is not None
    assert lopsided < 0.02


def test_an_end_that_is_infinite_is_missing_in_a_file():
    figures = ratio_figures(0, 6, 10, 10)
    assert figures.ratio is None
    assert figures.interval.high is None
    assert upper(figures.interval) == float("inf")
    assert upper(Span(1, 2)) == 2
