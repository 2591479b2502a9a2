"""How much time was spent at each age (or silence, or number of bytes), and what survived it. Pure.

A timer shows as many endings where little time was spent. Each episode (a session's life, a
silence) passes all values from 0 to its length.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate


class Exposure:
    """Episodes of some lengths, each with a weight."""

    def __init__(self, episodes: Iterable[tuple[int, float]]) -> None:
        """`episodes`: length and weight."""
        known = sorted((length, weight) for length, weight in episodes if length > 0 and weight > 0)
        self._lengths = [length for length, _ in known]
        self._weights = [0.0, *accumulate(weight for _, weight in known)]
        self._passed = [0.0, *accumulate(length * weight for length, weight in known)]

    @property
    def total(self) -> float:
        """All that was passed."""
        return self._passed[-1]

    def until(self, value: int) -> float:
        """What all episodes passed between 0 and `value`."""
        if value <= 0:
            return 0.0
        shorter = bisect_right(self._lengths, value)
        return self._passed[shorter] + value * (self._weights[-1] - self._weights[shorter])

    def between(self, low: int, high: int) -> float:
        """What all episodes passed between two values."""
        return max(self.until(high) - self.until(low), 0.0)

    def longer_than(self, value: int) -> float:
        """The weight of the episodes that are longer."""
        return self._weights[-1] - self._weights[bisect_right(self._lengths, value)]
