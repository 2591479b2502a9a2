"""Counts of durations as HdrHistogram's own coding, V2 compressed. Sole owner of hdrh.

Writing goes through hdrh's `encode()`. Reading decodes the counts here: they stay sparse, hostile
input meets no C code and cannot unpack to more memory than the largest histogram needs.
The format is HdrHistogram's `encodeIntoCompressedByteBuffer` (Java), cookies 0x1c849304 and
0x1c849303: a header, then the counts as zig-zag LEB128, where a negative number is a run of zeros.
"""

import base64
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

from hdrh.histogram import HdrHistogram

from stresser.model.quantity import HIGHEST_NS, SIGNIFICANT_DIGITS
from stresser.statistics.duration_counts import (
    HIGHEST_BUCKET,
    SUB_BUCKET_BITS,
    SparseCounts,
    bucket_range,
)
from stresser.statistics.merged_counts import PackedCounts
from stresser.statistics.numerics import np

_LOWEST = 1
_COMPRESSED_COOKIE = 0x1C849304
_COUNTS_COOKIE = 0x1C849303
_WORD_SIZE_BITS = 0xF0
"""The bits of a cookie that the V2 coding does not use."""
_OUTER = struct.Struct(">II")
_INNER = struct.Struct(">IIIIQQd")
_DOUBLING = (1 << (SUB_BUCKET_BITS - 1)) - 1
_SEVEN_BITS = 0x7F
_LONGEST_COUNT = 9
"""Bytes of one count: eight of seven bits, and a ninth of eight."""
_LONGEST_NUMBER = 6
"""Bytes that are read of one: no interval counts a duration 2^41 times."""
_LARGEST_UNPACKED = _INNER.size + (HIGHEST_BUCKET + 1) * _LONGEST_COUNT


class HistogramEncoder:
    """Encodes counts; for one thread at a time.

    It keeps one HdrHistogram as a scratch pad: to make or to reset one costs more than to encode
    a sparse one, and it takes 350 KB.
    """

    def __init__(self) -> None:
        self._scratch = HdrHistogram(_LOWEST, HIGHEST_NS, SIGNIFICANT_DIGITS)

    def encode(self, counts: SparseCounts) -> str:
        """The text that a V2 log carries (`HISTFAAA...`)."""
        buckets = counts.buckets()
        scratch = self._scratch
        array = scratch.counts
        for index, times in buckets.items():
            array[index] = times
        scratch.total_count = len(buckets)  # encode() asks only whether it is 0
        scratch.max_value = bucket_range(_rounded_up(max(buckets)))[1] if buckets else 0
        text: bytes = scratch.encode()
        for index in buckets:
            array[index] = 0
        return text.decode("ascii")


def _rounded_up(index: int) -> int:
    """The last bucket of the doubling that `index` is in: how far `encode()` looks.

    hdrh makes a ctypes array type for each different length, which only the garbage collector
    frees, and that may be off: so there are to be 44 lengths and not 44,000.
    """
    return min(index | _DOUBLING, HIGHEST_BUCKET)


def unpacked_counts(text: str | bytes) -> bytes:
    """The counts in one payload of a log that stresser wrote, unpacked and still coded.

    Raises:
        ValueError: it is damaged, or its histogram is not of the kind that stresser writes.
    """
    data = base64.b64decode(text, validate=True)
    if len(data) < _OUTER.size:
        raise ValueError("too short")
    cookie, length = _OUTER.unpack_from(data)
    if cookie & ~_WORD_SIZE_BITS != _COMPRESSED_COOKIE or length != len(data) - _OUTER.size:
        raise ValueError("not a whole V2 compressed histogram")
    unpacked = _unpack(data[_OUTER.size :])
    if len(unpacked) < _INNER.size:
        raise ValueError("too short")
    cookie, length, offset, digits, lowest, highest, _ = _INNER.unpack_from(unpacked)
    if cookie & ~_WORD_SIZE_BITS != _COUNTS_COOKIE or length != len(unpacked) - _INNER.size:
        raise ValueError("not V2 counts")
    if (offset, digits, lowest, highest) != (0, SIGNIFICANT_DIGITS, _LOWEST, HIGHEST_NS):
        raise ValueError("a histogram of another range or precision")
    if length and unpacked[-1] > _SEVEN_BITS:
        raise ValueError("the last count is cut off")
    return unpacked[_INNER.size :]


def _unpack(data: bytes) -> bytes:
    decompressor = zlib.decompressobj()
    try:
        unpacked = decompressor.decompress(data, _LARGEST_UNPACKED)
    except zlib.error as error:
        raise ValueError(f"cannot be unpacked: {error}") from error
    if not decompressor.eof:
        raise ValueError("cut off, or larger than any histogram")
    return unpacked


def decode_counts(coded: Sequence[bytes]) -> list[PackedCounts | None]:
    """The counts of histograms as `unpacked_counts` gives them; None for one that is damaged.

    Many at once, for they are decoded as one array: a night has ten million numbers. A positive
    number counts the next bucket, a negative one passes over so many.
    """
    data = np.frombuffer(b"".join(coded), np.uint8)
    last = np.flatnonzero(data <= _SEVEN_BITS)
    first = np.concatenate(([0], last + 1))[:-1]
    lengths = last - first
    numbers = (data[first] & _SEVEN_BITS).astype(np.int64)
    for place in range(1, min(int(lengths.max(initial=0)) + 1, _LONGEST_NUMBER)):
        longer = np.flatnonzero(lengths >= place)
        byte = (data[first[longer] + place] & _SEVEN_BITS).astype(np.int64)
        numbers[longer] |= byte << (7 * place)
    steps = np.where(numbers & 1, np.minimum((numbers + 1) >> 1, HIGHEST_BUCKET + 1), 1)
    # Where each histogram's numbers end, and those of its numbers that are counts.
    ends = np.searchsorted(last, np.cumsum([len(one) for one in coded]))
    after = np.concatenate(([0], np.cumsum(steps)))
    counted = np.flatnonzero((numbers & 1 == 0) & (numbers > 0))
    bounds = [0, *np.searchsorted(counted, ends).tolist()]
    begins = np.repeat(after[np.concatenate(([0], ends))][:-1], np.diff(bounds))
    indices, times = after[counted] - begins, numbers[counted] >> 1
    too_long = np.searchsorted(ends, np.flatnonzero(lengths >= _LONGEST_NUMBER), side="right")
    damaged = {*too_long.tolist()}
    narrow = indices.astype(np.uint16)
    return [
        None
        if number in damaged or (until > start and indices[until - 1] > HIGHEST_BUCKET)
        else PackedCounts(narrow[start:until], times[start:until])
        for number, (start, until) in enumerate(pairwise(bounds))
    ]
