"""Figures of incidents, timers and periods, of simulated nights."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.simulated_lives import Night, events_of, plan_of
from stresser.analysis.patterns.pattern_figures import Patterns, find_patterns
from stresser.analysis.patterns.session_lives import Lives
from stresser.model.ending import Kind
from tests.analysis.story import VPN, Story, seconds, utc
from tests.fakes.thoroughness import examples


def patterns_of(night: Night, seed: int = 1) -> Patterns:
    plan = plan_of(night)
    lives = Lives(plan)
    for event in events_of(night, seed):
        lives.event(event)
    lives.close(seconds(night.length))
    return find_patterns(lives, plan, utc)


def test_a_timer_with_documented_defaults():
    patterns = patterns_of(Night(length=3600, heartbeats=[None, 15], idle_timer=240))
    (timer,) = patterns.timers
    assert (timer.variables, timer.endpoint, timer.egress) == (["idle"], "broker", "vpn")
    assert timer.low <= seconds(240) <= timer.high
    assert timer.drops == timer.of == patterns.drops
    assert timer.kinds == {"tcp_reset": timer.drops}
    names = [known.name for known in timer.consistent_with]
    assert "Azure Load Balancer with TCP reset" in names
    assert "Azure Load Balancer" not in names  # documented to be silent
    assert all(known.source for known in timer.consistent_with)


def test_more_defaults_than_are_listed_are_counted():
    night = Night(length=3600, heartbeats=[15], idle_timer=None, age_timer=300)
    assert patterns_of(night).timers[0].consistent_with == []  # all documented ones are of silence
    answered = Night(length=3600, heartbeats=[200, 345, 355], idle_timer=350, shows="answer")
    (timer,) = patterns_of(answered).timers
    assert len(timer.consistent_with) == 4
    assert timer.more_known >= 1


@pytest.mark.parametrize("egresses", [["vpn"], ["vpn", "direct"]])
def test_outages_that_come_back_are_a_period(egresses):
    night = Night(
        length=8 * 3600, sessions=10, egresses=egresses, noise_per_hour=0.05,
        outages=[900.0 + 3600 * n for n in range(8)],
    )  # fmt: skip
    (period,) = patterns_of(night).periods
    assert period.period_ns == pytest.approx(seconds(3600), rel=0.01)
    assert (period.incidents, period.teeth) == (8, 8)
    assert period.chance < 0.01


def test_sessions_that_a_timer_ends_again_and_again_are_no_period():
    night = Night(length=8 * 3600, sessions=1, ramp=0, heartbeats=[15], age_timer=600)
    assert patterns_of(night).periods == []


def test_counts():
    night = Night(length=8 * 3600, egresses=["vpn", "direct"], noise_per_hour=0.05, outages=[9000])
    patterns = patterns_of(night)
    (incident,) = patterns.incidents
    assert incident.drops >= 40
    assert (incident.factor, incident.value) == ("egress", "vpn")
    assert patterns.total == patterns.drops - incident.drops + 1 - (patterns.of_several - 1)
    assert sum(patterns.by_cohort.values()) >= patterns.total
    assert msgspec.json.encode([patterns.incidents, patterns.timers, patterns.periods])


def test_no_drop():
    patterns = patterns_of(Night(length=600))
    assert (patterns.incidents, patterns.timers, patterns.periods) == ([], [], [])
    assert (patterns.total, patterns.of_several, patterns.drops) == (0, 0, 0)


ODD = st.sampled_from([0, 1, -1, 10**9, 10**12, 2**62, -(2**62)])


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(
        st.tuples(ODD, ODD, ODD, ODD, ODD, st.sampled_from([Kind.SILENCE, Kind.TCP_RESET])),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_a_file_says_there_are_figures(endings):
    story = Story([VPN], 1)
    for age, idle, alive, dead, since, kind in endings:
        story.drops(
            story.opens(VPN, 0), 5, kind, idle=0, age_ns=age, idle_ns=idle, alive_at_ns=alive,
            dead_by_ns=dead, evidence={"since_sent_ns": since, "idle_before_send_ns": idle},
        )  # fmt: skip
    lives = Lives(plan_of(Night()))
    for event in story.events:
        lives.event(event)
    lives.close(seconds(60))
    patterns = find_patterns(lives, plan_of(Night()), utc)
    assert patterns.drops == len(endings)
    assert 1 <= patterns.total <= len(endings)
