"""What a run's own witnesses tell: a late loop, a clock that is set, a path that changes."""

import time
from itertools import pairwise

import pytest
import trio

from stresser.model.ending import Kind
from stresser.model.events import ClockStepped, PathChanged, SessionOpened, TesterLate
from stresser.model.path_change import PathChange
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.run.runner import Runner
from stresser.witness.clock import RunClock
from stresser.witness.clock_steps import ClockSteps
from tests.fakes.loopback import loopback_route, loopback_server
from tests.fakes.namespace import in_namespace, ip
from tests.run.test_runner import Until, ran, scenario, stop_when_seen


def test_a_loop_that_was_late_is_told_once_for_each_time():
    class Slow(Until):
        def event(self, event):
            super().event(event)
            if isinstance(event, SessionOpened) and len(self.opened) == 3:
                time.sleep(0.25)  # what a swapping host does to us

    def late(seen):
        return [event for event in seen.events if isinstance(event, TesterLate)]

    _, notebook = ran(scenario(3), enough=lambda seen: len(late(seen)) > 0, observer=Slow)
    first, *more = late(notebook)
    assert first.late_ns >= 100 * NS_PER_MS
    for earlier, later in pairwise([first, *more]):  # one stall, one event
        assert later.t_ns + later.late_ns > earlier.t_ns + earlier.late_ns


def test_a_wall_clock_that_is_set_is_told_and_moves_no_time():
    """No test may set a clock: what the runner's witness reads is set."""
    wall = [1_795_000_000 * NS_PER_S]

    def stepped(seen):
        return [event for event in seen.events if isinstance(event, ClockStepped)]

    class Setter(Until):
        def event(self, event):
            super().event(event)
            if isinstance(event, SessionOpened):
                wall[0] += 3600 * NS_PER_S

    async def story():
        notebook = Setter(lambda seen: len(stepped(seen)) > 0)
        async with loopback_server() as port, trio.open_nursery() as nursery:
            runner = Runner(scenario(1), [loopback_route(port)], RunClock(), notebook)
            runner._clock_steps = ClockSteps(lambda: wall[0], lambda: 0)
            nursery.start_soon(stop_when_seen, runner, notebook)
            with trio.fail_after(30):
                await runner.run()
        return notebook

    notebook = trio.run(story)
    (event,) = stepped(notebook)
    assert event.step_ns == 3600 * NS_PER_S
    assert notebook.events[0].utc < event.utc < notebook.ended[0].utc


@pytest.mark.netlab
def test_path_changes_of_its_own_namespace_are_told():
    async def story():
        ip("link set lo up")
        ip("link add lan0 type veth peer name far0")
        ip("link set far0 up")

        class Toggler(Until):
            def event(self, event):
                super().event(event)
                if isinstance(event, SessionOpened):
                    ip("link set lan0 up")

        notebook = Toggler(lambda seen: any(isinstance(one, PathChanged) for one in seen.events))
        async with loopback_server() as port, trio.open_nursery() as nursery:
            runner = Runner(scenario(1), [loopback_route(port)], RunClock(), notebook)
            nursery.start_soon(stop_when_seen, runner, notebook)
            await runner.run()
        return notebook, runner

    notebook, runner = in_namespace(story)
    assert runner.bugs == 0
    assert [one.ending.kind for one in notebook.ended] == [Kind.PLANNED]
    told = [one for one in notebook.events if isinstance(one, PathChanged)]
    assert (told[0].change, told[0].interface) == (PathChange.LINK_UP, "lan0")
