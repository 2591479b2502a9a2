"""The run's one clock: monotonic nanoseconds since the run began, anchored once to UTC.

Durations come from trio's clock, so that MockClock governs them in tests. UTC is the anchor
plus the monotonic difference and never a fresh reading of the wall clock: a clock that is
stepped in mid-run must not move or reorder what was recorded.
"""

import time
from collections import deque

import trio

from stresser.model.units import NS_PER_S, format_utc
from stresser.witness.trio_inside import system_clock_ahead_s


class RunClock:
    """Create it inside the trio loop, at the moment the run starts."""

    __slots__ = ("_ahead_s", "_origin_s", "_time_s", "anchor_unix_ns", "gaps_ns", "woke_ns")

    def __init__(self) -> None:
        # Asked 15 times a handshake: trio.current_time() would look the clock up each time.
        self._time_s, self._ahead_s = trio.lowlevel.current_clock().current_time, 0.0
        ahead_s = system_clock_ahead_s()
        if ahead_s is not None:  # trio adds it to the system's, call by call
            self._time_s, self._ahead_s = time.perf_counter, ahead_s
        self._origin_s = self._time_s()
        self.anchor_unix_ns = time.time_ns()
        self.woke_ns = 0
        """When the loop last came back from waiting for I/O (kept by `witness.loop`)."""
        self.gaps_ns = 0
        """For how long the run did not run, in all: nothing was held then. Whoever resumes says."""

    def go_on(self, anchor_unix_ns: int, since_ns: int) -> None:
        """Be the clock of a run that began at `anchor_unix_ns` and was last seen at `since_ns`.

        How long nothing ran, wall time alone tells; where that was set back, time goes on from
        `since_ns`.
        """
        started_ns = max(self.anchor_unix_ns - anchor_unix_ns, since_ns + 1)
        self._origin_s -= started_ns / NS_PER_S
        self.anchor_unix_ns = anchor_unix_ns

    @property
    def began_monotonic_ns(self) -> int:
        """When the run began, on the monotonic clock that all processes of this host share."""
        return time.monotonic_ns() - self.now_ns()

    def share(self, anchor_unix_ns: int, began_monotonic_ns: int) -> None:
        """Be the clock of a run that another process of this host began."""
        passed_ns = time.monotonic_ns() - began_monotonic_ns
        self._origin_s = self._time_s() - passed_ns / NS_PER_S
        self.anchor_unix_ns = anchor_unix_ns

    def now_ns(self) -> int:
        """Nanoseconds since the run began."""
        # Rounded: cut off, a task that wakes at its deadline could be told it is not yet due.
        return round((self._time_s() - self._origin_s) * NS_PER_S)

    def trio_time(self, t_ns: int) -> float:
        """The same moment on trio's clock, for deadlines (seconds)."""
        return self._ahead_s + self._origin_s + t_ns / NS_PER_S

    def since_start(self, trio_time_s: float) -> int:
        """A moment of trio's clock as nanoseconds since the run began."""
        return round((trio_time_s - self._ahead_s - self._origin_s) * NS_PER_S)

    def utc(self, t_ns: int) -> str:
        """A moment of the run in UTC, ISO 8601 with microseconds."""
        return format_utc(self.anchor_unix_ns + t_ns)


class KernelStamps:
    """Moments of the run from the stamps that the kernel puts on packets (CLOCK_REALTIME).

    A stamp is as old as the wall clock says when it is read, a moment after the packet came.
    A wall clock that is stepped just then cannot do much: what is read was not there when all
    had been read before, and it is not to come.
    """

    __slots__ = ("_caught_up_ns", "_clock", "_lead_ns")

    _UNDER_WAY_NS = 10_000_000
    """From the stamp to the queue that the reader finds empty."""
    _CLOSE_NS = 50_000
    _TRIES = 3

    def __init__(self, clock: RunClock) -> None:
        self._clock = clock
        self._caught_up_ns = clock.now_ns()
        self._lead_ns = 0

    def compare(self) -> None:
        """Read both clocks; before a batch of stamps is turned into moments."""
        best = None
        for _ in range(self._TRIES):
            before, wall = self._clock.now_ns(), time.time_ns()
            took = self._clock.now_ns() - before
            if best is None or took < best:
                # Between two readings that were far apart something else had its turn.
                best, self._lead_ns = took, wall - before - took // 2
            if took < self._CLOSE_NS:
                return

    def moment(self, unix_ns: int) -> int:
        """A stamp as nanoseconds since the run began."""
        earliest = self._caught_up_ns - self._UNDER_WAY_NS
        return min(max(unix_ns - self._lead_ns, earliest), self._clock.now_ns())

    def caught_up(self, now_ns: int) -> None:
        """All stamps up to a moment of the run have been read."""
        self._caught_up_ns = now_ns


def suspended_ns() -> int | None:
    """How long this host has been suspended since boot; None where the kernel does not tell.

    CLOCK_BOOTTIME counts suspend, CLOCK_MONOTONIC does not (clock_gettime(2)).
    """
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class SleepWitness:
    """Notices that the host was suspended, and remembers when: sessions cannot be judged then."""

    __slots__ = ("_baseline_ns", "_sleeps")

    _REMEMBERED = 1000
    _NOTICEABLE_NS = 100_000_000

    def __init__(self) -> None:
        self._baseline_ns = suspended_ns()
        self._sleeps: deque[tuple[int, int]] = deque(maxlen=self._REMEMBERED)

    def check(self, now_ns: int) -> int:
        """Nanoseconds suspended since the last check that noticed any; 0 for none."""
        total = suspended_ns()
        if total is None or self._baseline_ns is None:
            return 0
        slept = total - self._baseline_ns
        if slept < self._NOTICEABLE_NS:
            return 0
        self._baseline_ns = total
        self._sleeps.append((now_ns, slept))
        return slept

    def slept_since(self, t_ns: int, now_ns: int) -> int:
        """Nanoseconds suspended after a moment of the run (of the last thousand sleeps)."""
        self.check(now_ns)
        return sum(slept for woke_ns, slept in self._sleeps if woke_ns >= t_ns)
