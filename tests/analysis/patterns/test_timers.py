"""Planted timers are found within their bracket, and none where there is none.

`bench/calibrate_timers.py` does the same a thousand times.
"""

import pytest

from bench.calibrate_timers import (
    TIMERS_S,
    causes_of,
    found_planted,
    planted_nights,
    random_night,
)
from bench.simulated_lives import Night
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.timers import FoundTimer, explains
from tests.analysis.story import dice

PLANTED = [
    pytest.param(timer, variable, night, id=f"{timer} s of {name}")
    for timer in TIMERS_S
    for name, variable, night in planted_nights(timer)
]


@pytest.mark.slow
@pytest.mark.parametrize(("timer", "variable", "night"), PLANTED)
def test_a_planted_timer_lies_in_its_bracket(timer, variable, night):
    assert found_planted(night, variable, timer, seed=timer)


@pytest.mark.slow
def test_exponential_lifetimes_show_no_timer():
    found = sum(bool(causes_of(random_night(dice(seed)), seed)[1].timers) for seed in range(40))
    assert found <= 1


def only(night: Night) -> FoundTimer:
    _, causes = causes_of(night, 3)
    (timer,) = causes.timers
    return timer


SILENT = Night(length=3600, sessions=20, heartbeats=[None], idle_timer=240)


def test_silence_and_age_are_not_told_apart_where_all_are_silent():
    assert set(only(SILENT).variables) == {Variable.IDLE, Variable.AGE}


def test_sessions_that_ping_and_live_on_tell_silence_from_age():
    night = Night(length=3600, sessions=20, heartbeats=[None, 15], idle_timer=240)
    timer = only(night)
    assert timer.variables == [Variable.IDLE]
    assert timer.survivors == 0


def test_few_survivors_tell_as_well_beside_many_that_came_back_to_die():
    night = Night(length=30_000, sessions=5, heartbeats=[None, 15], idle_timer=240)
    timer = only(night)
    assert timer.variables == [Variable.IDLE]
    assert timer.refuted == {Variable.AGE: 5}


def test_heartbeats_tell_age_from_silence():
    timer = only(Night(length=3600, sessions=20, heartbeats=[15], age_timer=240))
    assert timer.variable is Variable.AGE
    assert Variable.IDLE not in timer.variables
    assert Variable.BYTES in timer.variables  # all send alike: it could be that


def test_heartbeats_of_two_kinds_tell_age_from_bytes():
    timer = only(Night(length=3600, sessions=20, heartbeats=[7, 16], age_timer=240))
    assert timer.variables == [Variable.AGE]


def test_one_egress_is_named_where_the_other_has_none():
    night = Night(
        length=3600, sessions=10, egresses=["vpn", "direct"], endpoints=["broker", "agent"],
        heartbeats=[15], age_timer=300,
    )  # fmt: skip
    timer = only(night)
    assert (timer.scope.endpoint, timer.scope.egress) == (None, "vpn")


def test_it_explains_the_drops_of_its_own_way():
    lives, causes = causes_of(SILENT, 3)
    (timer,) = causes.timers
    assert all(explains(timer, drop, lives) for drop in lives.drops)
