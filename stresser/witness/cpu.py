"""What the loop's thread did with its time, as the kernel and Python account for it.

Differences of two readings tell why a window was lost: the thread ran (its own code, or the
garbage collector), it was ready and got no CPU, or it was neither. Linux counts the waiting in
/proc/thread-self/schedstat (proc(5); kernel Documentation/scheduler/sched-stats.rst); elsewhere
only the running is known.
"""

import gc
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Literal, NamedTuple

from stresser.model.unfit import UnfitCause
from stresser.model.units import NS_PER_MS

_SCHEDSTAT = "/proc/thread-self/schedstat"
_NOTICEABLE_PAUSE_NS = 20 * NS_PER_MS
"""Shorter collections are not blamed for anything."""
_HALF = 2


class CpuReading(NamedTuple):
    """Totals since the thread began; only differences mean something."""

    ran_ns: int
    """On a CPU, in whatever code."""
    waited_ns: int | None
    """Ready to run, without a CPU; None: the system does not tell."""
    collected_ns: int
    """In noticeable pauses of Python's garbage collector, in any thread."""
    continued: int
    """How often this process was stopped and continued (SIGCONT)."""


def cause_of(
    late_ns: int, before: CpuReading, after: CpuReading, *, timer_was_due: bool
) -> UnfitCause:
    """What took at least half of a window in which nothing was done.

    Args:
        late_ns: how long the window was.
        before: a reading from shortly before it.
        after: one from its end.
        timer_was_due: the thread slept, and its timer ran out when the window began: from then
            on it was ready to run, unless something kept it from being so.
    """
    waited = _waited(before, after)
    ran_long = (after.ran_ns - before.ran_ns) * _HALF >= late_ns
    waited_long = waited is not None and waited * _HALF >= late_ns
    if after.continued > before.continued and not ran_long and not waited_long:
        return UnfitCause.STOPPED  # amid a collection, too: its pause is wall time
    if (after.collected_ns - before.collected_ns) * _HALF >= late_ns:
        return UnfitCause.GC
    if ran_long:
        return UnfitCause.BUSY
    if waited_long:
        return UnfitCause.STARVED
    is_stopped = timer_was_due and waited is not None
    return UnfitCause.STOPPED if is_stopped else UnfitCause.UNKNOWN


def _waited(before: CpuReading, after: CpuReading) -> int | None:
    if before.waited_ns is None or after.waited_ns is None:
        return None
    return after.waited_ns - before.waited_ns


class CpuLedger:
    """Reads the accounts of the thread that opened it. A reading costs two microseconds."""

    def __init__(self) -> None:
        self._schedstat: int | None = None
        self._collected_ns = 0
        self._pause_began_ns = 0
        self._continued = 0
        self._is_obeying = False

    def open(self) -> None:
        """Begin; to be called in the loop's own thread. Never raises."""
        self._schedstat = _open_schedstat()
        gc.callbacks.append(self._on_collection)
        if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
            # Only where nobody else wants to know: a handler of others is left alone.
            self._is_obeying = signal.getsignal(signal.SIGCONT) is signal.SIG_DFL
            if self._is_obeying:
                signal.signal(signal.SIGCONT, self._on_continue)

    def close(self) -> None:
        """Leave the process as it was."""
        if self._schedstat is not None:
            os.close(self._schedstat)
            self._schedstat = None
        if self._on_collection in gc.callbacks:
            gc.callbacks.remove(self._on_collection)
        if self._is_obeying and sys.platform != "win32":
            signal.signal(signal.SIGCONT, signal.SIG_DFL)
            self._is_obeying = False

    def read(self) -> CpuReading:
        """Now. From the thread that opened it."""
        waited = None if self._schedstat is None else _waited_ns(self._schedstat)
        return CpuReading(time.thread_time_ns(), waited, self._collected_ns, self._continued)

    def _on_collection(self, phase: Literal["start", "stop"], info: dict[str, Any]) -> None:
        del info
        now = time.perf_counter_ns()
        if phase == "start":
            self._pause_began_ns = now
        elif now - self._pause_began_ns >= _NOTICEABLE_PAUSE_NS:
            self._collected_ns += now - self._pause_began_ns

    def _on_continue(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._continued += 1


def counts_waiting() -> bool:
    """Whether this system tells how long a thread waited for a CPU."""
    opened = _open_schedstat()
    if opened is None:
        return False
    os.close(opened)
    return True


def _open_schedstat() -> int | None:
    try:
        opened = os.open(_SCHEDSTAT, os.O_RDONLY)
    except OSError:
        return None
    if _waited_ns(opened) is None:
        os.close(opened)
        return None
    return opened


def _waited_ns(opened: int) -> int | None:
    """The second number; all three are 0 in a kernel that does not count."""
    try:
        ran, waited, _ = (int(word) for word in os.pread(opened, 100, 0).split())
    except (OSError, ValueError):
        return None
    return waited if ran else None
