import pytest

from stresser.model.events import HostSlept
from stresser.model.quantity import Quantity
from stresser.run.fanout import Fanout
from tests.fakes.notebook import Notebook
from tests.fakes.world import COHORT

EVENT = HostSlept(t_ns=0, utc="", slept_ns=1)


class Broken(Notebook):
    def event(self, event):
        super().event(event)
        raise ZeroDivisionError

    def sample(self, quantity, cohort, value_ns):
        super().sample(quantity, cohort, value_ns)
        raise ZeroDivisionError


def test_all_observers_are_told_everything_in_order():
    first, second = Notebook(), Notebook()
    fanout = Fanout([first, second])
    events = [HostSlept(t_ns=n, utc="", slept_ns=n) for n in range(3)]
    for event in events:
        fanout.event(event)
        fanout.sample(Quantity.RTT, COHORT, event.t_ns)
    for notebook in (first, second):
        assert events == notebook.events
        assert [(Quantity.RTT, COHORT, n) for n in range(3)] == notebook.sampled


def test_one_that_fails_does_not_keep_the_others_from_knowing():
    first, second, third = Broken(), Notebook(), Broken()
    fanout = Fanout([first, second, third])
    with pytest.raises(ExceptionGroup) as failed:
        fanout.event(EVENT)
    assert len(failed.value.exceptions) == 2
    with pytest.raises(ExceptionGroup):
        fanout.sample(Quantity.RTT, None, 1)
    assert [EVENT] == first.events == second.events == third.events
    assert len(first.sampled) == len(second.sampled) == len(third.sampled) == 1


def test_nobody_need_listen():
    Fanout([]).event(EVENT)
