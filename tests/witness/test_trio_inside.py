import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import TypeVar

import pytest
import trio
import trio.testing

from stresser.witness.clock import RunClock
from stresser.witness.trio_inside import loop_inside, system_clock_ahead_s

T = TypeVar("T")
RUN = "trio._core._run"


def in_trio(ask: Callable[[], T], clock: trio.abc.Clock | None = None) -> T:
    async def asked() -> T:
        return ask()

    return trio.run(asked, clock=clock)


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_a_loop_that_is_woken_does_not_wait():
    async def story() -> tuple[int, int]:
        inside = loop_inside()
        assert inside is not None
        runnable = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint)
            runnable.append(len(inside.runnable))
            await trio.testing.wait_all_tasks_blocked()
            runnable.append(len(inside.runnable))
        inside.wake()
        assert inside.events >= 0
        return runnable[0], runnable[1]

    assert trio.run(story) == (1, 0)


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(GLOBAL_RUN_CONTEXT=1)])
def test_another_trio_is_not_looked_into(monkeypatch, module):
    monkeypatch.setitem(sys.modules, RUN, module)
    assert loop_inside() is None


def test_trios_clock_is_the_systems_with_an_offset():
    ahead_s = in_trio(system_clock_ahead_s)
    assert ahead_s is not None
    assert ahead_s > 0


class Elsewhere(trio.abc.Clock):
    """A clock with an offset that means something else."""

    offset = 5.0

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return time.perf_counter()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - self.current_time()


@pytest.mark.parametrize("clock", [Elsewhere, trio.testing.MockClock])
def test_another_clock_is_asked_itself(clock):
    assert in_trio(system_clock_ahead_s, clock()) is None

    def times() -> tuple[float, float]:
        ours = RunClock()
        return trio.current_time(), ours.trio_time(ours.now_ns())

    theirs, ours = in_trio(times, clock())
    assert theirs == pytest.approx(ours, abs=1)
