"""What is shown of an incident: how many of which sessions, and what sets them apart."""

import pytest

from bench.calibrate_timers import causes_of
from bench.simulated_lives import Night
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.patterns.causes import Causes, find_causes
from stresser.analysis.patterns.incidents import (
    MOST_INCIDENTS,
    PATH_WINDOW_NS,
    IncidentFigures,
    Share,
    incident_figures,
    shown_incidents,
)
from stresser.analysis.patterns.session_lives import Lives
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind
from tests.analysis.story import DIRECT, SCENARIO, VPN, Story, seconds, utc


def figures(lives: Lives, causes: Causes) -> list[IncidentFigures]:
    return [incident_figures(one, lives, utc) for one in shown_incidents(causes)]


def shown(story: Story, *path_changes: float) -> list[IncidentFigures]:
    lives = Lives(read_plan(SCENARIO))
    for event in story.events:
        lives.event(event)
    lives.path_changes.extend(map(seconds, path_changes))
    lives.close(seconds(3600))
    return figures(lives, find_causes(lives, read_plan(SCENARIO)))


def flush(cohorts: dict[Cohort, int], others: dict[Cohort, int], **changes) -> Story:
    """Sessions that die at 1800 s and others that live on; opened over half an hour."""
    story = Story([*cohorts, *others], 1)
    hit = [story.opens(c, 37.7 * n) for c, many in cohorts.items() for n in range(many)]
    lived = [story.opens(c, 19.3 * n) for c, many in others.items() for n in range(many)]
    for n, session in enumerate(hit):
        story.drops(session, 1800 + n / 1000, idle=0.5 + n / 10, **changes)
    for session in lived:
        story.ends_as_planned(session, 3600)
    story.stops(3600)
    return story


def test_the_egress_is_named_with_its_controls():
    (incident,) = shown(flush({VPN: 38}, {VPN: 2, DIRECT: 40}))
    assert (incident.drops, incident.is_certain) == (38, True)
    assert (incident.factor, incident.value) == ("egress", "vpn")
    assert incident.with_it == Share(of="vpn", dropped=38, open=40)
    assert incident.without_it == Share(of="direct", dropped=0, open=40)
    assert (incident.from_ns, incident.until_ns) == (seconds(1800), seconds(1800.037))
    assert incident.utc == utc(seconds(1800))
    assert incident.kinds == {"tcp_reset": 38}
    assert incident.initiators == {"unknown": 38}
    assert incident.expected < 1e-20


OTHER = Cohort("agent", "vpn", "heartbeat")
OTHER_DIRECT = Cohort("agent", "direct", "heartbeat")


@pytest.mark.parametrize(
    ("hit", "lived", "factor", "value"),
    [
        ({VPN: 20, OTHER: 20}, {DIRECT: 20, OTHER_DIRECT: 20}, "egress", "vpn"),
        ({VPN: 20, DIRECT: 20}, {OTHER: 20, OTHER_DIRECT: 20}, "endpoint", "broker"),
        ({VPN: 20}, {DIRECT: 20, OTHER: 20}, "endpoint and egress", "broker through vpn"),
        ({VPN: 20}, {Cohort("broker", "vpn", "quiet"): 20}, "activity", "heartbeat"),
        ({VPN: 20, DIRECT: 20}, {}, None, None),
        ({VPN: 5, DIRECT: 5}, {VPN: 90, DIRECT: 90}, None, None),
    ],
)
def test_what_sets_them_apart(hit, lived, factor, value):
    (incident,) = shown(flush(hit, lived))
    assert (incident.factor, incident.value) == (factor, value)


def test_the_server_address_is_named():
    story = Story([VPN], 40)
    sessions = [story.opens(VPN, 37.7 * n) for n in range(40)]
    for event in story.events[1:]:
        event.remote = f"198.51.100.{event.session % 2}:443"  # type: ignore[union-attr] # openings
    for session in sessions[::2]:
        story.drops(session, 1800, idle=session / 10)
        event = story.events[-1]
        event.remote, event.local = f"198.51.100.{session % 2}:443", "192.0.2.1:1"  # type: ignore[union-attr] # an ending
    story.stops(3600)
    (incident,) = shown(story)
    assert (incident.factor, incident.value) == ("server", "198.51.100.1:443")
    assert incident.with_it == Share(of="198.51.100.1:443", dropped=20, open=20)


def test_one_drop_of_another_way_does_not_hide_the_factor():
    (incident,) = shown(flush({VPN: 30, DIRECT: 1}, {DIRECT: 30}))
    assert incident.factor == "egress"
    assert incident.with_it == Share(of="vpn", dropped=30, open=30)
    assert incident.without_it == Share(of="direct", dropped=1, open=31)


def test_those_that_had_started_together_are_named():
    story = Story([VPN], 1)
    early = [story.opens(VPN, n / 10) for n in range(20)]
    late = [story.opens(VPN, 900 + n * 20) for n in range(20)]
    for n, session in enumerate(early):
        story.drops(session, 1800 + n * 7 % 20 / 1000, idle=1 + n)
    for session in late:
        story.ends_as_planned(session, 3600)
    story.stops(3600)
    (incident,) = shown(story)
    assert incident.factor == "start"
    assert incident.with_it == Share(of="", dropped=20, open=20)


@pytest.mark.parametrize(
    ("changed", "after"),
    [
        ([1799], seconds(1.019)),
        ([100, 1798, 1799.5], seconds(0.519)),
        ([1700], None),
        ([1801], None),
    ],
)
def test_a_path_change_shortly_before_is_shown(changed, after):
    (incident,) = shown(flush({VPN: 20}, {}), *changed)
    assert incident.after_path_change_ns == after
    assert after is None or after <= PATH_WINDOW_NS


def test_kinds_and_initiators_are_counted():
    (incident,) = shown(flush({VPN: 20}, {}, kind=Kind.WS_CLOSE, initiator=Initiator.ENDPOINT))
    assert (incident.kinds, incident.initiators) == ({"ws_close": 20}, {"endpoint": 20})


def test_two_drops_that_come_close_are_counted_but_not_shown():
    assert shown(flush({VPN: 2}, {VPN: 10})) == []


def test_names_from_files_are_escaped_and_cut():
    bad = Cohort("broker", "v\x1b[31m" + "x" * 500, "heartbeat")
    (incident,) = shown(flush({bad: 20}, {DIRECT: 20}))
    assert incident.value is not None
    assert "\x1b" not in incident.value
    assert len(incident.value) < 100


def test_the_list_is_bounded_and_in_order():
    night = Night(
        length=8 * 3600, sessions=10, outages=[300.0 + 200 * n for n in range(100)], ramp=120
    )
    lives, causes = causes_of(night, 1)
    incidents = figures(lives, causes)
    assert len(incidents) == MOST_INCIDENTS
    assert [one.from_ns for one in incidents] == sorted(one.from_ns for one in incidents)


def test_one_instant_is_not_certain():
    night = Night(length=310, sessions=40, ramp=0, age_timer=300)
    lives, causes = causes_of(night, 1)
    (incident,) = figures(lives, causes)
    assert (incident.drops, incident.is_certain) == (40, False)
