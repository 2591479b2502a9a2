"""One moment, one timer, or nothing: sessions that started together must deceive nobody."""

from dataclasses import replace

import pytest

from bench.calibrate_timers import causes_of, outage_is_one_incident
from bench.simulated_lives import Night
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.patterns.causes import Common, find_causes
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Lives
from tests.analysis.sides_story import HOUR, incident_story
from tests.analysis.sides_story import VPN as THROUGH_VPN
from tests.analysis.story import SCENARIO, idle_kill_story, seconds

VPN = Night(egresses=["vpn"], heartbeats=[15.0], length=3600, sessions=40)


def shared(night: Night, seed: int = 1):
    _, causes = causes_of(night, seed)
    return [incident for incident in causes.incidents if len(incident.drops) > 2]


@pytest.mark.parametrize("seed", range(9))
def test_an_outage_is_one_incident(seed):
    assert outage_is_one_incident(seed)


@pytest.mark.parametrize("ramp", [0.05, 2, 60, 600])
@pytest.mark.parametrize("shows", ["announced", "answer"])
def test_an_age_limit_after_a_ramp_is_no_incident(ramp, shows):
    night = replace(VPN, age_timer=300, ramp=ramp, shows=shows)
    assert [incident.common for incident in shared(night) if incident.common is Common.MOMENT] == []


@pytest.mark.parametrize("ramp", [0.05, 2, 60])
def test_an_idle_kill_after_a_ramp_is_no_incident(ramp):
    night = replace(VPN, idle_timer=240, ramp=ramp, heartbeats=[None])
    assert shared(night) == []


def test_one_generation_that_started_spread_out_and_died_as_spread_is_no_incident():
    # The run ends before anybody dies a second time: the spreads alone tell.
    night = replace(VPN, age_timer=307, ramp=2, length=317, shows="announced")
    assert shared(night) == []


def test_all_opened_in_one_instant_and_nothing_else_known_is_not_told():
    night = replace(VPN, age_timer=300, ramp=0, length=310)
    (incident,) = shared(night)
    assert (incident.common, len(incident.drops)) == (Common.UNCLEAR, 40)


def test_one_instant_and_survivors_of_that_age_are_an_incident():
    # Those who reconnected grew older than the ones that were struck.
    night = replace(VPN, outages=[300], ramp=0, length=3600, shows="answer")
    (incident,) = shared(night)
    assert (incident.common, len(incident.drops)) == (Common.MOMENT, 40)


def test_a_second_generation_tells_the_timer():
    night = replace(VPN, age_timer=300, ramp=0, length=3600)
    lives, causes = causes_of(night, 1)
    assert [incident for incident in causes.incidents if len(incident.drops) > 2] == []
    assert all(incident.timer is causes.timers[0] for incident in causes.incidents)
    assert len(causes.incidents) == len(lives.drops)


@pytest.mark.parametrize("shows", ["announced", "answer", "silent"])
def test_a_moment_holds_the_true_time(shows):
    night = replace(VPN, outages=[1000], ramp=60, shows=shows)
    (incident,) = shared(night)
    assert incident.span.low <= seconds(1000) <= incident.span.high


def test_incidents_are_counted_by_cohort():
    _, causes = causes_of(replace(VPN, outages=[1000], egresses=["vpn", "x"]), 1)
    assert {cohort.egress: count for cohort, count in causes.by_cohort().items()} == {"vpn": 1}


def test_no_drop_no_cause():
    _, causes = causes_of(VPN, 1)
    assert (causes.incidents, causes.timers) == ([], [])


def sorted_out(story, until):
    plan = read_plan(SCENARIO)
    lives = Lives(plan)
    for event in story.events:
        lives.event(event)
    lives.close(seconds(until))
    return find_causes(lives, plan).incidents


def test_every_drop_is_in_one_incident():
    found = sorted_out(incident_story(direct=3, vpn=8, size=3), 2 * HOUR)
    assert [len(incident.drops) for incident in found] == [3] * 11
    sessions = [drop.session for incident in found for drop in incident.drops]
    assert len(sessions) == len(set(sessions)) == 33
    assert [incident.span.high for incident in found] == sorted(one.span.high for one in found)
    assert sum(incident.drops[0].cohort == THROUGH_VPN for incident in found) == 8


def test_what_a_timer_made_is_one_by_one_and_names_it():
    found = sorted_out(idle_kill_story(), 60)
    assert len(found) == 20
    assert {len(incident.drops) for incident in found} == {1}
    [timer] = {incident.timer for incident in found}
    assert timer is not None
    assert timer.variables[0] is Variable.IDLE
    assert timer.bracket.low < seconds(4.1)
    assert timer.bracket.high > seconds(3.9)


def test_without_drops_there_is_no_incident():
    assert sorted_out(incident_story(0, 0), 2 * HOUR) == []
