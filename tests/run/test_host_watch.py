"""What befalls the host is recorded by the process that holds no sessions."""

import pytest
import trio
import trio.testing

from stresser.model.events import ClockStepped, HostSlept, PathChanged
from stresser.model.path_change import PathChange
from stresser.model.units import NS_PER_S
from stresser.run.host_watch import HostWatch
from stresser.witness.clock import RunClock, SleepWitness
from stresser.witness.clock_steps import ClockSteps
from tests.fakes.namespace import in_namespace, ip
from tests.fakes.notebook import Notebook

HOUR_NS = 3600 * NS_PER_S


class Until(Notebook):
    """Ends the watch at the first event of a kind."""

    def __init__(self, kind):
        super().__init__()
        self._kind = kind
        self.scope = trio.CancelScope()

    def event(self, event):
        super().event(event)
        if isinstance(event, self._kind):
            self.scope.cancel()

    async def watch(self, watch):
        with trio.fail_after(30), self.scope:
            await watch.run()
        return [event for event in self.events if isinstance(event, self._kind)]


class SleptOnce(SleepWitness):
    """A witness that has one sleep to tell of."""

    def __init__(self):
        super().__init__()
        self.slept = [HOUR_NS]

    def check(self, now_ns):
        return self.slept.pop() if self.slept else 0


def test_a_clock_that_is_set_is_recorded():
    async def main():
        wall = [0]
        heard, clock = Until(ClockStepped), RunClock()
        watch = HostWatch(clock, heard)
        watch._steps = ClockSteps(lambda: wall[0], lambda: 0)
        wall[0] = HOUR_NS
        [event] = await heard.watch(watch)
        assert event.step_ns == HOUR_NS

    trio.run(main)


def test_a_sleep_is_recorded_and_utc_goes_on_from_the_waking():
    async def main():
        heard, clock = Until(HostSlept), RunClock()
        anchor = clock.anchor_unix_ns
        watch = HostWatch(clock, heard)
        watch._sleeps = SleptOnce()
        [event] = await heard.watch(watch)
        assert event.slept_ns == HOUR_NS
        assert clock.anchor_unix_ns == anchor + HOUR_NS
        assert event.utc == clock.utc(event.t_ns)

    trio.run(main)


@pytest.mark.netlab
def test_a_path_that_changes_is_recorded():
    async def story():
        ip("link set lo up")
        ip("link add lan0 type veth peer name far0")
        ip("link set far0 up")
        heard = Until(PathChanged)
        async with trio.open_nursery() as nursery:
            watch = HostWatch(RunClock(), heard)

            async def toggle():
                await trio.testing.wait_all_tasks_blocked()
                ip("link set lan0 up")

            nursery.start_soon(toggle)
            return await heard.watch(watch)

    told = in_namespace(story)
    assert (told[0].change, told[0].interface) == (PathChange.LINK_UP, "lan0")
