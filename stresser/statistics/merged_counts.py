"""Counts of durations as arrays, and many of them added up: a night's log holds ten million. Pure.

`duration_counts.py` counts one duration after the other while a run goes on; what was recorded is
decoded and added up here, a hundred times as fast. Memory is six to ten bytes a bucket, and
bounded.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from stresser.statistics.duration_counts import Distribution
from stresser.statistics.numerics import Numbers, np

K = TypeVar("K", bound=Hashable)
_MOST_LOOSE = 1 << 16
"""Buckets that wait to be added up."""
_MOST_TIMES = 2**47
"""No bucket counts more: the sum over all 43,000 of them still is a machine's integer."""
_FOUR_BYTES = 2**32 - 1


class PackedCounts(Struct, frozen=True, eq=False):
    """How often each duration was seen: two arrays of one length, in the order of buckets."""

    indices: Numbers
    times: Numbers

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return int(self.times.sum(dtype=np.int64))

    def buckets(self) -> Mapping[int, int]:
        """Bucket index to count."""
        return dict(zip(self.indices.tolist(), self.times.tolist(), strict=True))

    def distribution(self) -> Distribution:
        """Quantiles of what was counted."""
        return Distribution(self)


def packed_counts(buckets: Mapping[int, int]) -> PackedCounts:
    """Counts by bucket as arrays."""
    indices = sorted(buckets)
    times = np.array([buckets[index] for index in indices], np.int64)
    return PackedCounts(np.array(indices, np.uint16), times)


def added_up(parts: Sequence[PackedCounts]) -> PackedCounts:
    """All of them as one; of none, no counts."""
    if not parts:
        return packed_counts({})
    indices = np.concatenate([part.indices for part in parts])
    order = indices.argsort(kind="stable")  # of 16 bits: a radix sort
    indices = indices[order]
    first = np.flatnonzero(np.diff(indices, prepend=indices[:1] + 1))
    times = np.concatenate([part.times for part in parts])[order]
    if len(first):
        times = np.minimum(np.add.reduceat(times, first, dtype=np.int64), _MOST_TIMES)
    return PackedCounts(indices[first], _narrow(times))


def _narrow(times: Numbers) -> Numbers:
    """In four bytes each, where they have room in them."""
    is_small = times.max(initial=0) <= _FOUR_BYTES
    return times.astype(np.uint32) if is_small else times


class MergedCounts(Generic[K]):
    """Counts by name, each name's added up."""

    def __init__(self, most_names: int, most_buckets: int) -> None:
        self._parts: dict[K, list[PackedCounts]] = {}
        self._loose: set[K] = set()
        self._most_names, self._most_buckets = most_names, most_buckets
        self._buckets = self._settled = 0
        self.refused = 0
        """How often there was no room."""

    def add(self, name: K, counts: PackedCounts) -> None:
        """Count everything that `counts` counted."""
        more = len(counts.indices)
        if self._buckets + more > min(self._most_buckets, self._settled + _MOST_LOOSE):
            self._settle()
        is_full = name not in self._parts and len(self._parts) >= self._most_names
        if is_full or self._buckets + more > self._most_buckets:
            self.refused += 1
            return
        self._parts.setdefault(name, []).append(counts)
        self._loose.add(name)
        self._buckets += more

    def by_name(self) -> dict[K, PackedCounts]:
        """What was counted so far."""
        self._settle()
        return {name: parts[0] for name, parts in self._parts.items()}

    def _settle(self) -> None:
        for name in self._loose:
            parts = self._parts[name]
            self._buckets -= sum(len(part.indices) for part in parts)
            self._parts[name] = [added_up(parts)]
            self._buckets += len(self._parts[name][0].indices)
        self._loose.clear()
        self._settled = self._buckets
