"""Figures that no run can have had stop nothing."""

from typing import Any

import pytest

from stresser.analysis.counts.plausible_events import PlausibleEvents
from tests.analysis.story import VPN, Story, idle_kill_story

DEEP: list[Any] = [1]
for _ in range(50):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "evidence",
    [
        {"rtt": 10**30},
        {"tcp_info": {"rtt_us": -(10**30)}},
        {"list": [1, [10**400]]},
        {"deep": DEEP},
    ],
)
def test_impossible_evidence(evidence):
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5, evidence=evidence)
    story.stops(6)
    events = PlausibleEvents(story.events)
    assert [type(event).__name__ for event in events] == ["RunStarted", "SessionOpened", "RunEnded"]
    assert events.left_out == 1


def test_impossible_fields():
    story = Story([VPN], 1)
    story.opens(VPN, 0)
    story.opens(VPN, 10**12)
    events = PlausibleEvents(story.events)
    assert len(list(events)) == 2
    assert events.left_out == 1


def test_a_real_run_passes_whole_every_time():
    story = idle_kill_story()
    events = PlausibleEvents(story.events)
    for _ in range(2):
        assert list(events) == story.events
    assert events.left_out == 0
