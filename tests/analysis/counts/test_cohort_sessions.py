import numpy as np
import pytest

from stresser.analysis.counts.cohort_sessions import (
    CohortSessions,
    Sample,
    lifetimes,
    session_time_until,
)
from stresser.model.ending import Initiator, Kind
from stresser.model.events import SessionEnded, SessionOpened
from tests.analysis.story import DIRECT, VPN, Story, seconds


def sessions_of(story, cohort=VPN, until=60):
    kept = CohortSessions()
    for event in story.events:
        if isinstance(event, SessionOpened) and event.cohort == cohort:
            kept.session_opened(event)
        if isinstance(event, SessionEnded) and event.cohort == cohort:
            kept.session_ended(event)
    kept.record_ends(seconds(until))
    return kept


def test_drops_are_deaths_and_everything_else_is_censored():
    story = Story([VPN], 5)
    ids = [story.opens(VPN, at) for at in range(5)]
    story.drops(ids[0], 10)
    story.ends_as_planned(ids[1], 50)
    story.drops(ids[2], 20, Kind.HOST_SLEPT, initiator=Initiator.HOST)
    story.drops(ids[3], 30, Kind.TOOL, initiator=Initiator.TOOL)
    kept = sessions_of(story)
    assert kept.drops == 1
    lived = lifetimes([kept])
    assert sorted(zip(lived.durations, lived.died, strict=True)) == [
        (10, True), (18, False), (27, False), (49, False), (56, False),
    ]  # fmt: skip


def test_a_death_stands_at_its_first_proof():
    story = Story([VPN], 2)
    first, second = story.opens(VPN, 0), story.opens(VPN, 0)
    story.drops(first, 40, Kind.TCP_RESET, idle=15)
    story.drops(second, 40, Kind.UNRESPONSIVE, idle=25)
    lived = lifetimes([sessions_of(story)])
    assert list(lived.durations) == [40, 40]


def test_session_time_is_what_was_held_up_to_each_moment():
    story = Story([VPN], 2)
    first = story.opens(VPN, 10)
    story.opens(VPN, 20)
    story.drops(first, 30)
    kept = sessions_of(story)
    moments = np.asarray([seconds(at) for at in (0, 10, 15, 25, 30, 60)])
    held = session_time_until([kept], moments) / 1e9
    assert held == pytest.approx([0, 0, 5, 20, 30, 60])


def test_an_ending_whose_opening_is_not_recorded_opened_by_its_age():
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 5), 25)
    kept = CohortSessions()
    ended = story.events[-1]
    assert isinstance(ended, SessionEnded)
    kept.session_ended(ended)
    assert list(lifetimes([kept]).durations) == [20]


def test_phases_versions_chains_and_addresses_are_counted():
    story = Story([VPN, DIRECT], 1)
    story.opens(VPN, 0)
    story.opens(DIRECT, 0)
    kept = sessions_of(story)
    assert kept.tls_versions == {"TLSv1.3": 1}
    assert kept.addresses == {"198.51.100.1": 1}
    assert kept.chains == {"c1": 1}
    assert kept.problems == {"": 1}
    assert list(kept.phases["handshake"].values) == [14_000_000]


def test_a_sample_keeps_at_most_a_hundred_thousand_and_each_as_likely():
    sample = Sample(range(400_000))
    assert len(sample.values) == 100_000
    assert sample.seen == 400_000
    assert np.mean(sample.values) == pytest.approx(200_000, rel=0.01)
    assert Sample([-5]).values[0] == 0


def test_hostile_times_fit_into_the_arrays():
    story = Story([VPN], 1)
    session = story.opens(VPN, 0)
    story.drops(session, 1, age_ns=2**63 - 1, alive_at_ns=-(2**63), dead_by_ns=2**63 - 1)
    lived = lifetimes([sessions_of(story)])
    assert np.all(lived.durations >= 0)
