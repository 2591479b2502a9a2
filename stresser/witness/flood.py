"""Keeps a flood of changes from becoming a flood of events: a few are recorded, the rest counted.

A router that loses a neighbour withdraws ten thousand routes in a second. The first changes of
each second are recorded one by one; the others become one event with their counts. While it goes on
the seconds grow to quarters of a minute, so that a night of flapping stays readable.
"""

from collections import Counter

from stresser.model.path_change import PathChange
from stresser.model.units import NS_PER_S

TOLD_A_WINDOW = 20
"""So many changes are reported one by one before the rest of a window is only counted."""
_SHORTEST_NS = NS_PER_S
_LONGEST_NS = 16 * NS_PER_S


class Counted:
    """Changes that were not reported one by one."""

    __slots__ = ("counts", "since_ns", "until_ns")

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.until_ns = since_ns
        self.counts: Counter[PathChange] = Counter()

    @property
    def total(self) -> int:
        """How many."""
        return self.counts.total()


class Flood:
    """The budget of one sort of changes."""

    def __init__(self) -> None:
        self._began_ns: int | None = None
        self._length_ns = _SHORTEST_NS
        self._told = 0
        self.held_back: Counted | None = None
        """What is not recorded yet, and will be summed up."""

    def admit(self, change: PathChange, now_ns: int) -> bool:
        """Whether to tell this one; otherwise it is counted. Ask `overdue` first."""
        if self._began_ns is None:
            self._began_ns, self._told = now_ns, 0
        if self._told < TOLD_A_WINDOW:
            self._told += 1
            return True
        if self.held_back is None:
            self.held_back = Counted(now_ns)
        self.held_back.counts[change] += 1
        self.held_back.until_ns = now_ns
        return False

    def overdue(self, now_ns: int) -> Counted | None:
        """What was held back in a window that is over by now; None: nothing."""
        if self._began_ns is None or now_ns < self._began_ns + self._length_ns:
            return None
        return self.flush()

    def flush(self) -> Counted | None:
        """End the window, and give what was held back."""
        held_back, self.held_back, self._began_ns = self.held_back, None, None
        grown = min(2 * self._length_ns, _LONGEST_NS)
        self._length_ns = _SHORTEST_NS if held_back is None else grown
        return held_back
