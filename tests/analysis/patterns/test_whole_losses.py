"""All that was open dies in one moment: one incident, in however short a run."""

import pytest

from bench.calibrate_timers import causes_of
from bench.simulated_lives import Night
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.patterns.causes import Causes, Common, find_causes
from stresser.analysis.patterns.session_lives import Lives
from stresser.model.ending import Initiator, Kind
from stresser.model.evidence import Evidence, SeenPathChange
from stresser.model.path_change import PathChange
from tests.analysis.story import DIRECT, SCENARIO, VPN, Story, seconds


def causes_of_story(story: Story, until: float = 60) -> Causes:
    plan = read_plan(SCENARIO)
    lives = Lives(plan)
    for event in story.events:
        lives.event(event)
    lives.close(seconds(until))
    return find_causes(lives, plan)


@pytest.mark.parametrize("shows", ["announced", "answer", "silent"])
@pytest.mark.parametrize("beats", [[5.0], [15.0], [5.0, 13.0]])
@pytest.mark.parametrize("at", [21.3, 33.0])
def test_one_minute_twenty_sessions_one_event(shows, beats, at):
    night = Night(
        length=61, sessions=20 // len(beats), ramp=4, heartbeats=beats, outages=[at], shows=shows,
        egresses=["vpn", "direct"],
    )  # fmt: skip
    _, causes = causes_of(night, 3)
    sizes = sorted(len(one.drops) for one in causes.incidents)
    assert sizes == [20]
    (incident,) = causes.incidents
    assert incident.expected <= 0.001
    assert incident.span.low <= seconds(at) <= incident.span.high


@pytest.mark.parametrize("seeds", [range(4), pytest.param(range(4, 20), marks=pytest.mark.slow)])
def test_random_deaths_in_a_short_run_are_none(seeds):
    for seed in seeds:
        night = Night(length=75, sessions=40, ramp=4, heartbeats=[2.0], noise_per_hour=60,
                      noise_shows="silent", egresses=["vpn", "direct"])  # fmt: skip
        _, causes = causes_of(night, seed)
        large = [one for one in causes.incidents if len(one.drops) > 2 and one.expected <= 0.001]
        assert large == []


def test_one_change_of_this_hosts_path_joins_and_dates_what_it_ended():
    story = Story([VPN, DIRECT], 12)
    struck = [story.opens(VPN, n * 2) for n in range(6)]
    lived = [story.opens(VPN, n * 2 + 1) for n in range(6)]
    change = SeenPathChange(t_ns=seconds(30), change=PathChange.LINK_DOWN)
    for n, session in enumerate(struck):
        story.drops(
            session, 31 + 3 * n, Kind.SILENCE, initiator=Initiator.HOST,
            alive_at_ns=seconds(29), evidence=Evidence(path_changes=[change]),
        )  # fmt: skip
    for session in lived:
        story.ends_as_planned(session, 60)
    (incident,) = causes_of_story(story).incidents
    assert (len(incident.drops), incident.common) == (6, Common.MOMENT)
    assert incident.span == (seconds(30), seconds(30))
