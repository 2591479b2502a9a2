"""One moment, one timer, or nothing: sessions that started together must deceive nobody."""

from dataclasses import replace

import pytest

from bench.calibrate_timers import causes_of, outage_is_one_incident
from bench.simulated_lives import Night
from stresser.analysis.patterns.causes import Common
from tests.analysis.story import seconds

VPN = Night(egresses=["vpn"], heartbeats=[15.0], length=3600, sessions=40)


def shared(night: Night, seed: int = 1):
    _, causes = causes_of(night, seed)
    return [cluster for cluster in causes.clusters if len(cluster.drops) > 2]


@pytest.mark.parametrize("seed", range(9))
def test_an_outage_is_one_incident(seed):
    assert outage_is_one_incident(seed)


@pytest.mark.parametrize("ramp", [0.05, 2, 60, 600])
@pytest.mark.parametrize("shows", ["announced", "answer"])
def test_an_age_limit_after_a_ramp_is_no_incident(ramp, shows):
    night = replace(VPN, age_timer=300, ramp=ramp, shows=shows)
    assert [cluster.common for cluster in shared(night) if cluster.common is Common.MOMENT] == []


@pytest.mark.parametrize("ramp", [0.05, 2, 60])
def test_an_idle_kill_after_a_ramp_is_no_incident(ramp):
    night = replace(VPN, idle_timer=240, ramp=ramp, heartbeats=[None])
    assert shared(night) == []


def test_one_generation_that_started_spread_out_and_died_as_spread_is_no_incident():
    # The run ends before anybody dies a second time: the spreads alone tell.
    night = replace(VPN, age_timer=300, ramp=2, length=310, shows="announced")
    assert shared(night) == []


def test_all_opened_in_one_instant_and_nothing_else_known_is_not_told():
    night = replace(VPN, age_timer=300, ramp=0, length=310)
    (cluster,) = shared(night)
    assert (cluster.common, len(cluster.drops)) == (Common.UNTOLD, 40)


def test_one_instant_and_survivors_of_that_age_are_an_incident():
    # Those who reconnected grew older than the ones that were struck.
    night = replace(VPN, outages=[300], ramp=0, length=3600, shows="answer")
    (cluster,) = shared(night)
    assert (cluster.common, len(cluster.drops)) == (Common.MOMENT, 40)


def test_a_second_generation_tells_the_timer():
    night = replace(VPN, age_timer=300, ramp=0, length=3600)
    lives, causes = causes_of(night, 1)
    assert [cluster for cluster in causes.clusters if len(cluster.drops) > 2] == []
    assert all(cluster.timer == 0 for cluster in causes.clusters)
    assert len(causes.clusters) == len(lives.drops)


@pytest.mark.parametrize("shows", ["announced", "answer", "silent"])
def test_a_moment_holds_the_true_time(shows):
    night = replace(VPN, outages=[1000], ramp=60, shows=shows)
    (cluster,) = shared(night)
    assert cluster.span.low <= seconds(1000) <= cluster.span.high


def test_incidents_are_counted_by_cohort():
    lives, causes = causes_of(replace(VPN, outages=[1000], egresses=["vpn", "x"]), 1)
    assert {cohort.egress: count for cohort, count in causes.by_cohort(lives).items()} == {"vpn": 1}


def test_no_drop_no_cause():
    _, causes = causes_of(VPN, 1)
    assert (causes.clusters, causes.timers) == ([], [])
