"""Planted timers are found within their bracket, and none where there is none.

`bench/calibrate_timers.py` does the same a thousand times.
"""

from dataclasses import replace

import pytest

from bench.calibrate_timers import (
    TICKS_S,
    TIMERS_S,
    causes_of,
    found_planted,
    found_ticking,
    is_at_a_heartbeat,
    planted_nights,
    random_night,
)
from bench.simulated_lives import Night
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.scopes import Variable
from tests.analysis.story import dice, seconds

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
@pytest.mark.timeout(600)
def test_exponential_lifetimes_show_no_timer():
    at_a_heartbeat = found = 0
    for seed in range(60):
        night = random_night(dice(seed))
        timers = causes_of(night, seed)[1].timers
        found += bool(timers)
        at_a_heartbeat += any(is_at_a_heartbeat(timer, night) for timer in timers)
    assert found <= 2
    assert at_a_heartbeat == 0


@pytest.mark.slow
@pytest.mark.parametrize("tick", TICKS_S)
@pytest.mark.parametrize("variable", Variable)
def test_coarse_limits_are_named_right(variable, tick):
    found = sum(found_ticking(variable, tick, seed)[0] for seed in range(20))
    assert found >= 19


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
    alike = Night(length=3600, sessions=20, heartbeats=[15], messages=[2000], age_timer=240)
    timer = only(alike)
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
    assert all(timer.explains(drop) for drop in lives.drops)
    assert timer.drops == set(range(len(lives.drops)))


def test_any_older_session_of_another_activity_refutes_an_age():
    night = Night(length=400, sessions=10, heartbeats=[None, 60, 15], idle_timer=40)
    timer = only(night)
    assert timer.variables == [Variable.IDLE]
    assert timer.refuted[Variable.AGE] >= 1


BYTES = Night(
    length=200, sessions=4, ramp=4, heartbeats=[1, 1.001, 1.002], messages=[0, 8192, 16384],
    byte_limit=300_000,
)  # fmt: skip


@pytest.mark.parametrize("shows", ["announced", "silent"])
def test_a_limit_on_bytes_is_told_from_age_and_silence_by_those_that_move_less(shows):
    timer = only(replace(BYTES, shows=shows))
    assert timer.variables == [Variable.BYTES]
    assert timer.bracket.low <= 300_000 <= timer.bracket.high


def test_sessions_that_moved_more_refute_a_limit_on_bytes():
    night = replace(BYTES, byte_limit=None, age_timer=15, heartbeats=[1, 1.001], messages=[0, 8192])
    timer = only(night)
    assert timer.variables == [Variable.AGE]


@pytest.mark.parametrize("of_session", [True, False])
@pytest.mark.parametrize(("timer_s", "tick"), [(20, 1), (120, 30)])
def test_a_tick_is_seen(timer_s, tick, of_session):
    night = Night(
        length=6 * timer_s, sessions=15, ramp=timer_s / 2, heartbeats=[None, 8.0],
        idle_timer=timer_s, tick=tick, tick_of_session=of_session,
    )  # fmt: skip
    timer = only(night)
    assert timer.variables == [Variable.IDLE]
    assert timer.bracket.low <= seconds(timer_s) <= timer.bracket.high
    assert timer.tick_ns == pytest.approx(seconds(tick), rel=0.4)


@pytest.mark.parametrize("late", [0, 0.0005, 0.05])
@pytest.mark.parametrize("shows", ["silent", "answer", "announced"])
def test_random_kills_show_no_timer_at_the_heartbeats_interval(shows, late):
    for seed in range(3):
        night = Night(
            length=75, sessions=40, ramp=4, heartbeats=[2], noise_per_hour=60, noise_shows=shows,
            late=late, rtt=0.0005,
        )  # fmt: skip
        assert causes_of(night, seed)[1].timers == []
