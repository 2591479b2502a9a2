"""Percentiles for the live view: to two per cent, so cheap that they never disturb the run.

The record keeps three digits; here a value keeps its six leading bits. A path's latencies
fill a few hundred counters, which are copied in the event loop in microseconds.
"""

from collections import defaultdict
from collections.abc import Sequence

_KEPT_BITS = 6
_LARGEST = 2**62


class Glimpse:
    """Counts durations in nanoseconds. Fewer than 2,000 counters, whatever is counted."""

    __slots__ = ("_counts", "count")

    def __init__(self) -> None:
        self._counts: defaultdict[int, int] = defaultdict(int)
        self.count = 0

    def add(self, value_ns: int) -> None:
        """Count one duration."""
        self.add_all((value_ns,))

    def add_all(self, values_ns: Sequence[int]) -> None:
        """Count durations."""
        counts = self._counts
        for value_ns in values_ns:
            value = value_ns if 0 <= value_ns <= _LARGEST else min(max(value_ns, 0), _LARGEST)
            shift = value.bit_length() - _KEPT_BITS
            counts[value >> shift << shift if shift > 0 else value] += 1
        self.count += len(values_ns)

    def copy(self) -> "Glimpse":
        """The same counts, which later calls of `add` leave alone."""
        twin = Glimpse()
        twin._counts, twin.count = self._counts.copy(), self.count
        return twin

    def quantile(self, q: float) -> int | None:
        """What a share `q` (0 to 1) of the durations does not exceed, to 2 %; None: no samples."""
        seen = 0
        for key in sorted(self._counts):
            seen += self._counts[key]
            if seen >= q * self.count:
                return key + (1 << max(key.bit_length() - _KEPT_BITS, 0)) // 2
        return None
