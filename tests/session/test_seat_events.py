"""What happens at one place is told in its order, however late an ending's evidence is."""

from stresser.model.events import HostSlept
from stresser.session.seat_events import SeatEvents
from tests.fakes.notebook import Notebook


def one(number):
    return HostSlept(t_ns=number, utc="", slept_ns=0)


def told_of(notebook):
    return [event.t_ns for event in notebook.events]


def test_what_waits_for_nothing_is_told_at_once():
    notebook = Notebook()
    seat = SeatEvents(notebook)
    seat.event(one(1))
    assert told_of(notebook) == [1]
    seat.event(None)
    assert told_of(notebook) == [1]


def test_what_comes_behind_an_awaited_event_is_told_behind_it():
    notebook = Notebook()
    seat = SeatEvents(notebook)
    first, second = seat.reserve(), seat.reserve()
    seat.event(one(3))
    seat.settle(second, one(2))
    assert told_of(notebook) == []
    seat.settle(first, one(1))
    seat.event(one(4))
    assert told_of(notebook) == [1, 2, 3, 4]


def test_what_could_not_be_written_holds_nothing_up():
    notebook = Notebook()
    seat = SeatEvents(notebook)
    late = seat.reserve()
    seat.event(one(2))
    seat.settle(late, None)
    assert told_of(notebook) == [2]
