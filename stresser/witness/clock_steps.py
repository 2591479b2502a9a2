"""Notices that the wall clock was set. Slewing is no step.

On Linux CLOCK_BOOTTIME is slewed together with CLOCK_REALTIME and counts suspend as it does
(clock_gettime(2), adjtimex(2)): their difference changes when somebody sets the clock, and by a
leap second. Elsewhere the monotonic clock stands in; there a slew shows, slowly, and is followed.
"""

import sys
import time
from collections.abc import Callable

from stresser.model.units import NS_PER_MS

STEP_NS = 50 * NS_PER_MS
"""A smaller change between two looks is drift or a slew, not a step."""
_TOGETHER_NS = NS_PER_MS
_TRIES = 10


def _steady_ns() -> int:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)  # there it counts sleep
    return time.monotonic_ns()


class ClockSteps:
    """Compares two clocks at each look, some once a second."""

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = _steady_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._offset_ns = self._read_offset()

    def look(self) -> int:
        """By how much the wall clock was set since the last look; 0: it was not."""
        offset = self._read_offset()
        before = self._offset_ns
        if offset is None:
            return 0
        self._offset_ns = offset
        return offset - before if before is not None and abs(offset - before) > STEP_NS else 0

    def _read_offset(self) -> int | None:
        """Wall minus steady time; None when we were interrupted between the readings each time."""
        for _ in range(_TRIES):
            before = self._steady_ns()
            wall = self._wall_ns()
            after = self._steady_ns()
            if after - before <= _TOGETHER_NS:
                return wall - after
        return None
