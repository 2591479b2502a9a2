"""Bad windows: noticed before the next task runs, told once, found by their time."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from stresser.model.ending import Initiator
from stresser.model.events import TesterLate
from stresser.model.unfit import LATE_NS, UNFIT_LAG_NS, WHO_IS_UNFIT, Unfit, UnfitCause
from stresser.model.units import NS_PER_S
from stresser.witness.clock import RunClock
from stresser.witness.fitness import Fitness
from stresser.witness.loop import LoopStamp

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


class Watched:
    """A loop with its fitness watched."""

    def __init__(self):
        self.clock = RunClock()
        self.told: list[TesterLate] = []
        self.fitness = Fitness(self.clock, self.told.append)

    async def __aenter__(self):
        self.stamp = LoopStamp(self.clock, fitness=self.fitness)
        self.fitness.open()
        trio.lowlevel.add_instrument(self.stamp)
        await trio.lowlevel.checkpoint()
        return self

    async def __aexit__(self, *_):
        trio.lowlevel.remove_instrument(self.stamp)
        self.fitness.close()


def busy(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def stall(seconds):
    time.sleep(seconds)


def collecting(seconds):
    heap: list[list[int]] = [[] for _ in range(500_000)]
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        gc.collect()
    del heap


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stalling", "cause"),
    [
        (busy, UnfitCause.BUSY),
        (stall, UnfitCause.UNKNOWN),  # a system call that waits
        (collecting, UnfitCause.GC),
    ],
)
def test_a_stall_is_known_before_the_next_task_runs(stalling, cause):
    async def story():
        async with Watched() as it:
            it.fitness.tick()
            began = it.clock.now_ns()
            stalling(1.3)
            present = it.fitness.unfit_between(began, it.clock.now_ns())
            assert len(present) == 1  # even in the middle of it
            assert it.told == []
            await trio.lowlevel.checkpoint()
            (window,) = it.fitness.unfit_between(began, it.clock.now_ns())
            (late,) = it.told
            return began, window, late

    began, window, late = trio.run(story)
    # Where the machine is busy with other things, that is the truth.
    assert window.cause == late.cause
    assert late.cause in {cause, UnfitCause.STARVED}
    assert window.who == WHO_IS_UNFIT[late.cause]
    assert window.lasted_ns == late.late_ns >= 1.3 * NS_PER_S * 0.99
    assert abs(late.t_ns - began) < NS_PER_S
    assert window.until_ns >= late.t_ns + late.late_ns


def test_a_window_lasts_until_what_came_meanwhile_was_read():
    near, far = socket.socketpair()

    async def reader(it, found):
        await trio.lowlevel.wait_readable(near)
        read_ns = it.clock.now_ns()
        found.append(it.fitness.unfit_between(read_ns, read_ns))

    async def story():
        found: list[list[Unfit]] = []
        async with Watched() as it, trio.open_nursery() as nursery:
            nursery.start_soon(reader, it, found)
            await wait_all_tasks_blocked()
            far.send(b"!")
            stall(1.1)
            await trio.sleep(0.1)
            later = it.clock.now_ns()
            return found, it.fitness.unfit_between(later, later)

    with near, far:
        found, later = trio.run(story)
    assert [len(one) for one in found] == [1]
    assert later == []


def test_a_short_lateness_is_told_and_no_unfit_window():
    async def story():
        async with Watched() as it:
            stall(0.15)
            await trio.lowlevel.checkpoint()
            return it.told, it.fitness.unfit_between(0, it.clock.now_ns())

    (late, *_), windows = trio.run(story)
    assert LATE_NS <= late.late_ns < UNFIT_LAG_NS
    assert windows == []


def test_waiting_for_long_is_not_being_late():
    async def story():
        async with Watched() as it:
            await trio.sleep(0.4)
            return it.told

    assert [late for late in trio.run(story) if late.late_ns > 0.3 * NS_PER_S] == []


def test_hours_of_virtual_time_are_not_lateness():
    async def story():
        async with Watched() as it:
            for _ in range(100):
                await trio.sleep(3600)
            return it.fitness.unfit_between(0, it.clock.now_ns())

    assert trio.run(story, clock=MockClock(autojump_threshold=0)) == []


def test_windows_are_found_by_their_time():
    async def story():
        async with Watched() as it:
            second = NS_PER_S
            it.fitness.slept(10 * second, 11 * second, 3600 * second)
            it.fitness.slept(20 * second, 21 * second, 5 * second)
            found = it.fitness.unfit_between
            assert [one.lasted_ns for one in found(0, 30 * second)] == [3600 * second, 5 * second]
            assert [one.until_ns for one in found(11 * second, 12 * second)] == [11 * second]
            assert found(12 * second, 19 * second) == []
            assert found(0, 10 * second - 1) == []
            (asleep,) = found(15 * second, 20 * second)
            assert (asleep.who, asleep.cause) == (Initiator.HOST, UnfitCause.SUSPENDED)

    trio.run(story)


def test_it_remembers_a_thousand_windows():
    async def story():
        async with Watched() as it:
            for n in range(1500):
                it.fitness.slept(n, n + 1, 1)
            windows = it.fitness.unfit_between(0, 2000)
            assert (len(windows), windows[0].from_ns) == (1000, 500)

    trio.run(story)


CHILD = """
import json, sys, trio
from tests.witness.test_fitness import Watched, busy

async def ticking(it):
    while True:
        await trio.sleep(0.05)
        it.fitness.tick()
        {work}

async def story():
    async with Watched() as it, trio.open_nursery() as nursery:
        nursery.start_soon(ticking, it)
        print("ready", flush=True)
        while not any(late.late_ns >= 1_000_000_000 for late in it.told):
            await trio.sleep(0.01)
        late = max(it.told, key=lambda one: one.late_ns)
        windows = it.fitness.unfit_between(0, it.clock.now_ns())
        print(json.dumps([late.late_ns, late.cause, [w.who for w in windows]]), flush=True)
        nursery.cancel_scope.cancel()

trio.run(story)
"""


@pytest.mark.slow
@posix
@pytest.mark.parametrize("work", ["pass", "busy(0.08)"])
def test_a_process_that_was_stopped_knows_it(work):
    """Stopped in the middle of waiting, or in the middle of its own work."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(work=work)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        os.kill(child.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        time.sleep(1.5)  # what is tested: that it was stopped for so long
        os.kill(child.pid, signal.SIGCONT)
        late_ns, cause, who = json.loads(child.stdout.readline())
        assert late_ns >= 1.4 * NS_PER_S
        assert cause == "stopped"
        assert set(who) == {"host"}
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
