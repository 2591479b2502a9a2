"""A box's look at its timers strikes the oldest; an outage strikes at any age."""

from dataclasses import replace

import pytest

from bench.calibrate_timers import causes_of
from bench.simulated_lives import Night
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.patterns.causes import Common
from stresser.analysis.patterns.moments import moments
from stresser.analysis.patterns.open_lives import OpenLives
from stresser.analysis.patterns.session_lives import Lives
from stresser.analysis.patterns.sweeps import sweeps
from tests.analysis.sides_story import HOUR, incident_story
from tests.analysis.story import SCENARIO, seconds

SWEPT = Night(length=300, sessions=30, ramp=15, heartbeats=[None], idle_timer=20, tick=1)


def swept(night: Night) -> tuple[int, int]:
    """How many drops are of sweeps, and how many there are."""
    lives, _ = causes_of(night, 1)
    found = moments([drop.moment for drop in lives.drops], lives.now_ns)
    of_sweeps = sweeps(found, lives.drops, OpenLives(lives))
    return sum(len(found[position].members) for position in of_sweeps), len(lives.drops)


def test_looks_each_second_are_sweeps():
    hit, drops = swept(SWEPT)
    assert hit > 0.5 * drops


@pytest.mark.parametrize(
    "changes",
    [
        {"outages": [50.0, 110, 170, 230]},  # whoever is open dies
        {"noise_per_hour": 200},
        {"outages": [150.0], "noise_per_hour": 30},
    ],
)
def test_outages_and_chance_are_none(changes):
    assert swept(replace(SWEPT, idle_timer=None, **changes))[0] == 0


@pytest.mark.parametrize("tick", [1, 7])
def test_a_coarse_timer_is_one_timer_and_no_incidents(tick):
    _, causes = causes_of(replace(SWEPT, tick=tick, heartbeats=[None, 8.0]), 2)
    (timer,) = causes.timers
    assert timer.tick_ns == pytest.approx(tick * 1e9, rel=0.35)
    moments_shown = [one for one in causes.incidents if one.common is Common.MOMENT]
    assert sum(len(one.drops) for one in moments_shown) <= len(timer.drops) // 20


def test_outages_that_strike_a_few_at_random_are_none_though_some_strike_the_oldest():
    story = incident_story(7, 41, size=3)
    lives = Lives(read_plan(SCENARIO))
    for event in sorted(story.events, key=lambda event: event.t_ns):
        lives.event(event)
    lives.close(seconds(2 * HOUR))
    found = moments([drop.moment for drop in lives.drops], lives.now_ns)
    assert sweeps(found, lives.drops, OpenLives(lives)) == set()
