"""Where many durations lie, for sentences about them: their limits, their middle, their width."""

from stresser.model.quantity import HIGHEST_NS
from stresser.model.units import NS_PER_S
from stresser.statistics.duration_counts import DenseCounts


class SampleRange:
    """Counts durations in nanoseconds. Bounded memory; limits are exact, quantiles to 0.1 %.

    What cannot be a duration (a file may say anything) is counted at the nearest that can.
    """

    __slots__ = ("_counts", "count", "largest", "least")

    def __init__(self) -> None:
        self._counts = DenseCounts()
        self.count = 0
        self.least = 0
        self.largest = 0

    def add(self, value_ns: int) -> None:
        """Count one duration."""
        self._counts.add(value_ns)
        value = min(max(value_ns, 0), HIGHEST_NS)
        self.least = value if self.count == 0 else min(self.least, value)
        self.largest = max(self.largest, value)
        self.count += 1

    def merge(self, other: "SampleRange") -> None:
        """Count all that the other has counted."""
        if other.count == 0:
            return
        self._counts.merge(other._counts)  # noqa: SLF001 - the same class
        self.least = other.least if self.count == 0 else min(self.least, other.least)
        self.largest = max(self.largest, other.largest)
        self.count += other.count

    def quantile(self, q: float) -> int:
        """The least duration in ns that a share `q` (0 to 1) of all does not exceed.

        Raises:
            ValueError: nothing was counted.
        """
        value = self._counts.distribution().quantile(q)
        return min(max(value, self.least), self.largest)

    def is_narrow(self) -> bool:
        """Nine in ten durations lie within a tenth of the median, or within a fifth of a second.

        Such durations are made by a timer; a fifth of a second is the grain of many timers.
        """
        if self.count == 0:
            return False
        all_of_them = self._counts.distribution()
        width = all_of_them.quantile(0.95) - all_of_them.quantile(0.05)
        return width <= max(all_of_them.quantile(0.5) // 10, NS_PER_S // 5)
