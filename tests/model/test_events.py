"""Events go through JSON and back, with their tag."""

from typing import Any

import msgspec
import pytest

from stresser.model import events
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase
from stresser.model.events import AnyEvent, AttemptFailed, RunStarted, SessionEnded
from stresser.model.path import PathChange
from stresser.model.unfit import UnfitCause

COMMON: dict[str, Any] = {
    "t_ns": 5,
    "utc": "u",
    "endpoint": "e",
    "egress": "d",
    "activity": "a",
    "attempt": 1,
    "phase": Phase.HELD,
    "kind": Kind.TCP_RESET,
    "failure": "connection_reset",
    "initiator": Initiator.UNKNOWN,
    "grade": Grade.ERRNO,
    "planned": False,
    "age_ns": 4,
    "idle_ns": None,
    "alive_at_ns": 1,
    "dead_by_ns": 5,
    "detected_at_ns": 6,
}
ENDED = SessionEnded(session=3, **COMMON)
EVENTS = [
    RunStarted(
        t_ns=0, utc="u", scenario="s", sessions_requested=1, cohorts=[Cohort("e", "d", "a")]
    ),
    ENDED,
    AttemptFailed(**COMMON),
    events.TesterLate(t_ns=1, utc="u", late_ns=9),
    events.TesterLate(t_ns=1, utc="u", late_ns=9, cause=UnfitCause.STOPPED),
    events.PathChanged(t_ns=1, utc="u", change=PathChange.LINK_DOWN, interface="tun0"),
    events.PathChanged(t_ns=1, utc="u", change=PathChange.MANY, counts={"route_added": 5}),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_reads_back_as_written(event):
    assert msgspec.json.decode(msgspec.json.encode(event), type=AnyEvent) == event


def test_the_tag_is_the_events_name():
    assert b'"event":"session_ended"' in msgspec.json.encode(ENDED)


def test_an_event_gives_its_ending_and_its_cohort():
    event = ENDED
    assert isinstance(event.ending, Ending)
    assert event.ending.kind is Kind.TCP_RESET
    assert event.cohort == Cohort("e", "d", "a")
    assert event.is_drop


def test_every_field_of_an_ending_is_in_the_event():
    assert set(Ending.__struct_fields__) <= set(SessionEnded.__struct_fields__)
