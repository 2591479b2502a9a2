"""Round-trip times by cohort and by stretch of a run: how they went over time. Bounded."""

from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.record.histogram_log import LoggedInterval
from stresser.statistics.duration_counts import SparseCounts

BLOCKS = 48
"""Into how many parts of equal length a run is cut where its course over time matters."""
_MOST_BUCKETS = 2_000_000


class RttBlocks:
    """Takes each interval of a histogram log."""

    def __init__(self, elapsed_ns: int) -> None:
        self.by_cohort: dict[Cohort, dict[int, SparseCounts]] = {}
        """By cohort, then by block of the run's time."""
        self.refused = 0
        """Intervals for which there was no room."""
        self._buckets = 0
        self._block_ns = max(elapsed_ns // BLOCKS, 1)

    def add(self, interval: LoggedInterval) -> None:
        """One interval, of any quantity."""
        quantity, cohort = interval.key
        if quantity is not Quantity.RTT or cohort is None:
            return
        if self._buckets + len(interval.counts) > _MOST_BUCKETS:
            self.refused += 1
            return
        block = min(interval.start_ns // self._block_ns, BLOCKS - 1)
        into = self.by_cohort.setdefault(cohort, {}).setdefault(block, SparseCounts())
        before = len(into)
        into.merge(interval.counts)
        self._buckets += len(into) - before
