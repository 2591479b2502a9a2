"""How much time was spent at each age (or silence, or number of bytes), and who survived it. Pure.

A timer shows as many endings where little time was spent. Each episode (a session's life, a
silence) passes all values from 0 to its length.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, chain
from operator import mul

from stresser.statistics.columns import in_order, reorder
from stresser.statistics.numerics import Numbers, np

_BEYOND = 2**63
"""No machine's integer."""


class Survivors:
    """What each of some sessions is known to have survived, in any order."""

    def __init__(self, lengths: Numbers) -> None:
        self._lengths = lengths

    def longer_than(self, value: int) -> int:
        """How many survived more than this; who survived nothing counts for nothing."""
        return int(np.count_nonzero(self._lengths > max(value, 0)))


class Exposure:
    """Episodes of some lengths, each with a weight."""

    def __init__(self, lengths: Sequence[int], weights: Sequence[float] | None = None) -> None:
        """`lengths`: ascending, above 0. `weights`: one each; None: all weigh alike."""
        self._lengths, self._each = lengths, weights
        self._weights: Sequence[float] = range(len(lengths) + 1)
        if weights is not None:
            self._weights = array("d", chain((0.0,), accumulate(weights)))

    @classmethod
    def of(cls, lengths: Iterable[int]) -> "Exposure":
        """Episodes that weigh alike; those of no length count for nothing."""
        return cls(in_order(length for length in lengths if length > 0))

    @classmethod
    def weighed(cls, episodes: Iterable[tuple[int, float]]) -> "Exposure":
        """`episodes`: length and weight; those without either count for nothing."""
        lengths, weights = array("q"), array("d")
        for length, weight in episodes:
            if length > 0 and weight > 0:
                lengths.append(length)
                weights.append(weight)
        order = np.lexsort((weights, lengths))  # by length, then by weight
        reorder(lengths, order)
        reorder(weights, order)
        del order  # of a night it is megabytes
        return cls(lengths, weights)

    @cached_property
    def _passed(self) -> Sequence[float]:
        if self._each is None:
            run = chain((0,), accumulate(self._lengths))
            return array("q", run) if sum(self._lengths) < _BEYOND else list(run)  # exact as well
        passed = array("d", chain((0.0,), accumulate(map(mul, self._lengths, self._each))))
        self._each = None  # summed up in both, and not needed any more
        return passed

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
