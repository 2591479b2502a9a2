"""Round-trip times by cohort and by stretch of a run: how they went over time. Bounded."""

from functools import cached_property

from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.record.histogram_log import LoggedInterval
from stresser.statistics.merged_counts import MergedCounts, PackedCounts

BLOCKS = 48
"""Into how many parts of equal length a run is cut where its course over time matters."""
_MOST_PARTS = 100_000
_MOST_BUCKETS = 2_000_000


class RttBlocks:
    """Takes each interval of a histogram log."""

    def __init__(self, elapsed_ns: int) -> None:
        self._merged = MergedCounts[tuple[Cohort, int]](_MOST_PARTS, _MOST_BUCKETS)
        self._block_ns = max(elapsed_ns // BLOCKS, 1)

    def add(self, interval: LoggedInterval) -> None:
        """One interval, of any quantity."""
        quantity, cohort = interval.key
        if quantity is Quantity.RTT and cohort is not None:
            block = min(interval.start_ns // self._block_ns, BLOCKS - 1)
            self._merged.add((cohort, block), interval.counts)

    @property
    def refused(self) -> int:
        """Intervals for which there was no room."""
        return self._merged.refused

    @cached_property
    def by_cohort(self) -> dict[Cohort, dict[int, PackedCounts]]:
        """By cohort, then by block of the run's time, once all were added."""
        found: dict[Cohort, dict[int, PackedCounts]] = {}
        for (cohort, block), counts in self._merged.by_name().items():
            found.setdefault(cohort, {})[block] = counts
        return found
