"""A heartbeat slower than the timer: an upper bound, and no more."""

from dataclasses import replace

import pytest

from bench.calibrate_timers import causes_of
from bench.simulated_lives import Night
from stresser.analysis.patterns.first_silence import survived_below
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Life
from tests.analysis.story import seconds

SLOW = Night(
    length=400, sessions=8, ramp=2, heartbeats=[30.0], idle_timer=12, shows="silent",
)  # fmt: skip


@pytest.mark.parametrize("shows", ["silent", "answer"])
def test_every_session_that_was_silent_so_long_was_dead(shows):
    _, causes = causes_of(replace(SLOW, shows=shows), 1)
    (timer,) = causes.timers
    assert timer.is_upper_bound
    assert timer.bracket.high == pytest.approx(seconds(30), rel=0.01)
    assert timer.variables == [Variable.IDLE, Variable.AGE]


def test_beside_a_faster_heartbeat_it_has_two_ends():
    _, causes = causes_of(replace(SLOW, heartbeats=[5.0, 30.0]), 1)
    (timer,) = causes.timers
    assert timer.bracket.low == pytest.approx(seconds(5), rel=0.02)
    assert timer.bracket.high == pytest.approx(seconds(30), rel=0.02)
    assert timer.variables == [Variable.IDLE]
    assert Variable.AGE in timer.refuted


@pytest.mark.parametrize(
    "changes",
    [
        {"length": 70},  # two rounds: it may have been two events
        {"idle_timer": None, "noise_per_hour": 120},
        {"noise_per_hour": 60, "noise_shows": "announced"},  # some were seen to die at other times
    ],
)
def test_what_may_be_something_else_bounds_nothing(changes):
    _, causes = causes_of(replace(SLOW, **changes), 1)
    assert not any(timer.is_upper_bound for timer in causes.timers)


@pytest.mark.parametrize(
    ("survived", "low"), [([], 0), ([8.0], 0), ([8.0, 10.0], 8), ([3.0, 9.0, 10.0, 31.0], 9)]
)
def test_the_longest_silence_below_that_more_than_one_survived(survived, low):
    life = Life(0, 0, 0, 0, 0, 0, 0, 0)
    lives = [life._replace(survived_ns=seconds(one)) for one in survived]
    assert survived_below(lives, seconds(30)) == seconds(low)
