import pytest

from stresser.analysis.compare.comparison_verdict import (
    ComparisonVerdict,
    cautious_interval,
    judge_comparison,
)
from stresser.analysis.compare.incident_rates import compare_rates
from tests.analysis.sides_story import DIRECT, HOUR, VPN, incident_story, recorded_sides
from tests.analysis.story import Story

NO_WORSE, WORSE, CANNOT_TELL = ComparisonVerdict


def judged(sides, unfit=(), *, is_one_run=True):
    baseline, candidate = sides
    rates = compare_rates(baseline, candidate)
    return judge_comparison(baseline, candidate, rates, list(unfit), is_one_run=is_one_run)


@pytest.mark.parametrize(
    ("direct", "vpn", "verdict", "words"),
    [
        (7, 41, WORSE, "at least 2.6 times as often"),
        (0, 6, WORSE, "at least 1.2 times"),
        (40, 40, NO_WORSE, "at most 1.6 times as often, so a doubling is ruled out"),
        (30, 3, NO_WORSE, "at most"),
        (0, 0, CANNOT_TELL, "no incident on either side"),
        (0, 5, CANNOT_TELL, "any number of times as often"),
        (5, 6, CANNOT_TELL, "too few incidents"),
    ],
)
def test_the_rules(tmp_path, direct, vpn, verdict, words):
    found = judged(recorded_sides(tmp_path, incident_story(direct, vpn)))
    assert found.verdict is verdict
    assert words in found.reason


def test_one_incident_of_fifty_drops_is_no_verdict(tmp_path):
    found = judged(recorded_sides(tmp_path, incident_story(0, 1, size=50, sessions=50)))
    assert found.verdict is CANNOT_TELL


def test_good_news_from_an_unfit_tester_are_no_news(tmp_path):
    sides = recorded_sides(tmp_path, incident_story(40, 40))
    found = judged(sides, ["stresser itself was late"])
    assert found.verdict is CANNOT_TELL
    assert "stresser itself was late" in found.reason


def test_bad_news_stand_where_one_tester_watched_both_sides(tmp_path):
    sides = recorded_sides(tmp_path, incident_story(7, 41))
    assert judged(sides, ["late"]).verdict is WORSE
    assert judged(sides, ["late"], is_one_run=False).verdict is CANNOT_TELL


def test_a_way_on_which_nothing_opens_is_worse(tmp_path):
    story = Story([DIRECT, VPN], 1)
    story.ends_as_planned(story.opens(DIRECT, 1), 2 * HOUR)
    for at in range(12):
        story.fails(VPN, 10 + at)
    found = judged(recorded_sides(tmp_path, story))
    assert found.verdict is WORSE
    assert "no session opened (12 attempts failed)" in found.reason


def test_a_few_failed_attempts_alone_cannot_tell(tmp_path):
    story = Story([DIRECT, VPN], 1)
    story.ends_as_planned(story.opens(DIRECT, 1), 2 * HOUR)
    story.fails(VPN, 10)
    assert judged(recorded_sides(tmp_path, story)).verdict is CANNOT_TELL


def test_bursts_and_unequal_exposure_make_the_interval_cautious(tmp_path):
    story = incident_story(direct=5, vpn=5, sessions=2)
    for _ in range(20):
        story.ends_as_planned(story.opens(DIRECT, 2), 2 * HOUR)
    sides = recorded_sides(tmp_path, story)
    rates = compare_rates(*sides)
    assert rates is not None
    assert rates.ratio.interval.low > 1 > cautious_interval(rates).low
    found = judged(sides)
    assert found.verdict is CANNOT_TELL
    assert "unequal numbers of sessions" in found.reason


def test_a_verdict_by_a_wider_interval_says_what_it_allows_for(tmp_path):
    story = incident_story(direct=5, vpn=40, sessions=2)
    for _ in range(20):
        story.ends_as_planned(story.opens(DIRECT, 2), 2 * HOUR)
    found = judged(recorded_sides(tmp_path, story))
    assert found.verdict is WORSE
    assert found.reason.endswith("times as often, unequal numbers of sessions allowed for")


def test_exit_codes():
    assert [int(verdict.exit_code) for verdict in (NO_WORSE, WORSE, CANNOT_TELL)] == [0, 1, 3]
