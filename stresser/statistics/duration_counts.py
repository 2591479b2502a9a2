"""Many durations in little memory: counts by value, exact to three digits, and their quantiles.

The buckets are those of an HdrHistogram with lowest value 1, three significant digits and
`HIGHEST_NS` (hdrhistogram.org), so that `histograms.py` can write the counts as they are. Pure.
"""

import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Protocol

from stresser.model.quantity import HIGHEST_NS

SUB_BUCKET_BITS = 11
"""2,048 steps in each doubling: the least power of two that keeps three decimal digits."""
_HALF_BITS = SUB_BUCKET_BITS - 1
_HALF = 1 << _HALF_BITS


def bucket_of(value_ns: int) -> int:
    """The index of the bucket that a value falls into; buckets are in the order of values."""
    shift = value_ns.bit_length() - SUB_BUCKET_BITS
    return value_ns if shift <= 0 else (shift << _HALF_BITS) + (value_ns >> shift)


def bucket_range(index: int) -> tuple[int, int]:
    """The lowest and the highest value of a bucket, in nanoseconds."""
    if index < 2 * _HALF:
        return index, index
    shift = (index >> _HALF_BITS) - 1
    low = ((index & (_HALF - 1)) + _HALF) << shift
    return low, low + (1 << shift) - 1


HIGHEST_BUCKET = bucket_of(HIGHEST_NS)
_NO_SAMPLES = "no samples"
_CHUNK_BITS = 7
_MOST_TIMES = 2**32 - 1


class SparseCounts:
    """How often each duration was seen. `add` costs about 0.2 us and memory is bounded.

    There are at most 43,000 buckets over the whole range up to forty days; latencies of one
    path fill a few hundred.
    """

    __slots__ = ("_counts", "clamped")

    def __init__(self) -> None:
        self._counts: defaultdict[int, int] = defaultdict(int)
        self.clamped = 0
        """Samples below 0 or above `HIGHEST_NS`: counted at the limit, and counted here."""

    @classmethod
    def of(cls, values_ns: Iterable[int]) -> "SparseCounts":
        """The counts of these durations."""
        counts = cls()
        counts.add_all(values_ns)
        return counts

    def add(self, value_ns: int) -> None:
        """Count one duration in nanoseconds."""
        self.add_all((value_ns,))

    def add_all(self, values_ns: Iterable[int]) -> None:
        """Count durations in nanoseconds."""
        counts = self._counts
        for value_ns in values_ns:
            if not 0 <= value_ns <= HIGHEST_NS:
                value_ns = 0 if value_ns < 0 else HIGHEST_NS  # noqa: PLW2901 - into the range
                self.clamped += 1
            # `bucket_of`, written out: a call would cost as much as all the rest.
            shift = value_ns.bit_length() - SUB_BUCKET_BITS
            counts[value_ns if shift <= 0 else (shift << _HALF_BITS) + (value_ns >> shift)] += 1

    def add_bucket(self, index: int, times: int) -> None:
        """Count one bucket several times.

        Raises:
            ValueError: there is no such bucket, or the count is not positive.
        """
        if not (0 <= index <= HIGHEST_BUCKET and times > 0):
            raise ValueError(f"bucket {index} counted {times} times")
        self._counts[index] += times

    def merge(self, other: "SparseCounts") -> None:
        """Count everything that `other` counted."""
        counts = self._counts
        get = counts.get
        for index, times in other.buckets().items():
            counts[index] = get(index, 0) + times
        self.clamped += other.clamped

    def buckets(self) -> Mapping[int, int]:
        """Bucket index to count; not in order. To be read, not to be changed."""
        return self._counts

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self._counts.values())

    def distribution(self) -> "Distribution":
        """What was counted so far, for quantiles; later counts do not change it."""
        return Distribution(self)

    def __len__(self) -> int:
        return len(self._counts)


class DenseCounts:
    """The same counts in small arrays: for those that are kept as long as a run lasts.

    A dict takes a hundred bytes a bucket and fills for hours; an array of 128 neighbours takes
    700 at once and then no more.
    """

    __slots__ = ("_chunks", "count")

    def __init__(self) -> None:
        self._chunks: dict[int, array[int]] = {}
        self.count = 0

    def add(self, value_ns: int) -> None:
        """Count one duration in nanoseconds; outside 0 to `HIGHEST_NS`, at the limit."""
        self._add(bucket_of(min(max(value_ns, 0), HIGHEST_NS)), 1)

    def merge(self, other: "DenseCounts") -> None:
        """Count everything that `other` counted."""
        for index, times in other.buckets().items():
            self._add(index, times)

    def buckets(self) -> Mapping[int, int]:
        """Bucket index to count, made anew."""
        return {
            (number << _CHUNK_BITS) + place: times
            for number, chunk in self._chunks.items()
            for place, times in enumerate(chunk)
            if times
        }

    def distribution(self) -> "Distribution":
        """What was counted so far, for quantiles."""
        return Distribution(self)

    def _add(self, index: int, times: int) -> None:
        number = index >> _CHUNK_BITS
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = array("I", bytes(4 << _CHUNK_BITS))
        place = index & ((1 << _CHUNK_BITS) - 1)
        chunk[place] = min(chunk[place] + times, _MOST_TIMES)
        self.count += times


class Buckets(Protocol):
    """Counts by bucket, however they are kept."""

    def buckets(self) -> Mapping[int, int]:
        """Bucket index to count."""


class Distribution:
    """Quantiles, mean and limits of counted durations, all in nanoseconds, to three digits.

    Quantiles, `max` and `mean` agree with what the HdrHistogram libraries say of the same counts:
    a quantile is the highest value of its bucket, at most 0.1 % too high and never too low.
    With no samples there is no answer: every property but `count` raises ValueError.
    """

    __slots__ = ("_cumulative", "_indices", "_mean", "count")

    def __init__(self, counts: Buckets) -> None:
        buckets = counts.buckets()
        self._indices = array("H", sorted(buckets))
        self._cumulative = array("q", accumulate(buckets[index] for index in self._indices))
        self.count = self._cumulative[-1] if self._cumulative else 0
        self._mean = _mean(buckets, self.count) if self.count else math.nan

    def quantile(self, q: float) -> int:
        """The least duration that a share `q` (0 to 1) of all samples does not exceed.

        Raises:
            ValueError: no samples, or `q` outside 0 to 1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"quantile {q} is not between 0 and 1")
        self._require_samples()
        # 0.07 * 100 is 7.000000000000001 in binary: without the allowance it would ask for the 8th.
        rank = max(1, math.ceil(q * self.count * (1 - 1e-12)))
        return bucket_range(self._indices[bisect_left(self._cumulative, rank)])[1]

    @property
    def max(self) -> int:
        """The largest duration."""
        self._require_samples()
        return bucket_range(self._indices[-1])[1]

    @property
    def min(self) -> int:
        """The smallest duration."""
        self._require_samples()
        return bucket_range(self._indices[0])[0]

    @property
    def mean(self) -> float:
        """The mean duration."""
        self._require_samples()
        return self._mean

    def buckets(self) -> Iterator[tuple[int, int, int]]:
        """Lowest value, highest value and count of each bucket, in order, for drawing."""
        before = 0
        for index, cumulative in zip(self._indices, self._cumulative, strict=True):
            yield *bucket_range(index), cumulative - before
            before = cumulative

    def _require_samples(self) -> None:
        if not self.count:
            raise ValueError(_NO_SAMPLES)

    def __repr__(self) -> str:
        if not self.count:
            return f"<Distribution, {_NO_SAMPLES}>"
        return f"<Distribution of {self.count}, p50 {self.quantile(0.5)} ns, max {self.max} ns>"


def _mean(buckets: Mapping[int, int], count: int) -> float:
    """As HdrHistogram does: each sample stands at the middle of its bucket."""
    total = 0
    for index, times in buckets.items():
        low, high = bucket_range(index)
        total += times * (low + ((high - low + 1) >> 1))
    return total / count
