"""Sessions that ping seldom die, those that ping often live."""

from dataclasses import replace

import pytest

from bench.calibrate_timers import causes_of
from bench.simulated_lives import Night, events_of, plan_of
from stresser.analysis.patterns.session_lives import Lives
from stresser.analysis.patterns.silence_contrast import silence_contrast
from tests.analysis.story import seconds


def contrast(night: Night, seed: int = 1):
    plan = plan_of(night)
    lives = Lives(plan)
    for event in events_of(night, seed):
        lives.event(event)
    lives.close(seconds(night.length))
    every = [plan.pings_every_ns(way.cohort) for way in lives.places]
    units = range(len(lives.drops))
    return lives, silence_contrast(lives.drops, units, lives.lives, every.__getitem__, 1)


def night(**changes) -> Night:
    usual = Night(length=3600, sessions=10, heartbeats=[20, 60], idle_timer=45, shows="answer")
    return replace(usual, **changes)


@pytest.mark.parametrize("shows", ["answer", "silent"])
def test_the_timer_lies_between_the_two(shows):
    lives, found = contrast(night(shows=shows, noise_per_hour=2))
    assert found is not None
    here, survived = found
    assert survived == pytest.approx(seconds(20), rel=0.01)
    assert {lives.places[lives.drops[i].life.place].cohort.activity for i in here.members} == {
        "every 60 s"
    }
    assert here.chance < 1e-6


def test_the_longest_silence_that_is_survived_is_told():
    _, found = contrast(night(heartbeats=[5, 20, 40, 60, 90]))
    assert found is not None
    assert found[1] == pytest.approx(seconds(40), rel=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"heartbeats": [60]},
        {"heartbeats": [15, 20]},
        {"idle_timer": None, "noise_per_hour": 30, "noise_shows": "answer"},
        {"sessions": 1, "length": 200},
    ],
)
def test_no_contrast(changes):
    assert contrast(night(**changes))[1] is None


def test_it_reaches_the_causes():
    _, causes = causes_of(night(), 1)
    (timer,) = causes.timers
    assert timer.bracket.low <= seconds(45) <= timer.bracket.high
