"""The simulator makes what a run records, and its deaths are where they were planted."""

from dataclasses import replace

import msgspec
import pytest

from bench.simulated_lives import Night, events_of, plan_of
from stresser.model.events import AnyEvent, SessionEnded, SessionOpened
from stresser.model.units import NS_PER_S

NIGHT = Night(length=1000, sessions=5, heartbeats=[15, None], noise_per_hour=10)


def test_events_are_in_order_and_every_session_ends_once():
    events = events_of(NIGHT, 1)
    assert [event.t_ns for event in events] == sorted(event.t_ns for event in events)
    opened = {event.session for event in events if isinstance(event, SessionOpened)}
    ended = [event.session for event in events if isinstance(event, SessionEnded)]
    assert sorted(ended) == sorted(opened)
    assert len(opened) > 10


def test_they_are_what_is_read_from_a_file():
    for event in events_of(NIGHT, 1):
        assert msgspec.json.decode(msgspec.json.encode(event), type=AnyEvent) == event


def test_the_same_seed_makes_the_same_night():
    assert events_of(NIGHT, 7) == events_of(NIGHT, 7)
    assert events_of(NIGHT, 7) != events_of(NIGHT, 8)


@pytest.mark.parametrize("shows", ["announced", "answer", "silent"])
def test_the_true_time_lies_between_the_proofs(shows):
    night = replace(NIGHT, heartbeats=[15], noise_per_hour=0, outages=[500], shows=shows)
    drops = [e for e in events_of(night, 1) if isinstance(e, SessionEnded) and e.ending.is_drop]
    assert len(drops) == 5
    for drop in drops:
        assert drop.ending.alive_at_ns <= 500 * NS_PER_S <= drop.ending.dead_by_ns
        assert drop.ending.age_ns == drop.ending.dead_by_ns - (
            drop.ending.dead_by_ns - drop.ending.age_ns
        )


def test_the_plan_tells_the_heartbeats():
    plan = plan_of(NIGHT)
    silent = {name: facts.every_ns for name, facts in plan.activities.items()}
    assert silent == {"every 15 s": 15 * NS_PER_S, "silent": None}
