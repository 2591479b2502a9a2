"""What stresser uses of trio's inner parts, which no release of trio promises to keep.

What is not there as it was in trio 0.35 is not used: the loop then waits as trio does by itself,
at more CPU for each ping.
"""

import importlib
import time
from collections.abc import Callable, Sized
from typing import NamedTuple

import trio


class LoopInside(NamedTuple):
    """What trio shows by its statistics alone, which cost as much as a pong, or not at all."""

    runnable: Sized
    """The tasks of the next pass."""
    events: int
    """Descriptor of the epoll that trio waits for."""
    wake: Callable[[], object]
    """Trio's next wait ends at once."""


def loop_inside() -> LoopInside | None:
    """Of the loop that runs now, on Linux; None: this trio is made in another way."""
    try:
        runner = importlib.import_module("trio._core._run").GLOBAL_RUN_CONTEXT.runner
        io = runner.io_manager
        return LoopInside(runner.runq, io._epoll.fileno(), io.force_wakeup)  # noqa: SLF001 - see above
    except (ImportError, AttributeError):
        return None


def system_clock_ahead_s() -> float | None:
    """By how much trio's clock is ahead of `time.perf_counter`; None: it is no such clock."""
    clock = trio.lowlevel.current_clock()
    ahead_s = getattr(clock, "offset", None)
    if not isinstance(ahead_s, float):
        return None
    before_s, now_s, after_s = time.perf_counter(), clock.current_time(), time.perf_counter()
    return ahead_s if ahead_s + before_s <= now_s <= ahead_s + after_s else None
