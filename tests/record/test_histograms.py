import base64
import struct
import zlib

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from stresser.model.quantity import HIGHEST_NS
from stresser.record.histograms import HistogramEncoder, decode_counts, unpacked_counts
from stresser.statistics.duration_counts import SparseCounts, bucket_of

DURATIONS = st.integers(min_value=0, max_value=HIGHEST_NS)
ENCODER = HistogramEncoder()


def decoded(text):
    """Between two others: what stands beside it is decoded in one go."""
    other = unpacked_counts(ENCODER.encode(SparseCounts.of([7, 9])))
    before, counts, after = decode_counts([other, unpacked_counts(text), other])
    assert before is not None
    assert after is not None
    assert before.buckets() == after.buckets() == {7: 1, 9: 1}
    if counts is None:
        raise ValueError("damaged")
    return counts


@given(st.lists(DURATIONS, max_size=200))
def test_what_is_encoded_comes_back(values):
    counts = SparseCounts.of(values)
    assert dict(decoded(ENCODER.encode(counts)).buckets()) == dict(counts.buckets())


@settings(max_examples=6, deadline=None)  # hdrh takes 40 ms for a mean
@given(st.lists(DURATIONS, min_size=1, max_size=50))
def test_hdrh_reads_the_same_counts_as_we_do(values):
    text = ENCODER.encode(SparseCounts.of(values))
    reference = HdrHistogram.decode(text)
    ours = decoded(text).distribution()
    assert reference.get_total_count() == ours.count == len(values)
    assert reference.get_max_value() == ours.max
    assert reference.get_mean_value() == pytest.approx(ours.mean)


def test_we_read_what_hdrh_recorded_itself():
    reference = HdrHistogram(1, HIGHEST_NS, 3)
    for value in (1, 2_500_000, 2_500_000, HIGHEST_NS):
        assert reference.record_value(value)
    counts = decoded(reference.encode())
    assert dict(counts.buckets()) == {
        bucket_of(1): 1,
        bucket_of(2_500_000): 2,
        bucket_of(HIGHEST_NS): 1,
    }


def test_large_counts_survive():
    counts = SparseCounts()
    for times in (1, 63, 64, 127, 128, 2**31, 2**41 - 1):
        counts.add_bucket(bucket_of(times % HIGHEST_NS), times)
    assert dict(decoded(ENCODER.encode(counts)).buckets()) == dict(counts.buckets())


def test_an_encoder_keeps_nothing_of_the_last_histogram():
    ENCODER.encode(SparseCounts.of([5, 7, 10**12]))
    assert dict(decoded(ENCODER.encode(SparseCounts.of([6]))).buckets()) == {6: 1}
    assert decoded(ENCODER.encode(SparseCounts())).count == 0


def packed(inner, *, cookie=0x1C849314):
    data = zlib.compress(inner)
    return base64.b64encode(struct.pack(">II", cookie, len(data)) + data)


def inner(counts=b"", *, cookie=0x1C849313, offset=0, digits=3, highest=HIGHEST_NS, length=None):
    length = len(counts) if length is None else length
    return struct.pack(">IIIIQQd", cookie, length, offset, digits, 1, highest, 1.0) + counts


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"!",
        b"AAAA",
        base64.b64encode(struct.pack(">II", 0x1C849314, 4) + b"nope"),
        packed(inner(), cookie=0x1C849301),
        packed(b""),
        packed(inner(cookie=0x1C849301)),
        packed(inner(offset=1)),
        packed(inner(digits=5)),
        packed(inner(highest=2**63)),
        packed(inner(b"\x02", length=2)),
        packed(inner(b"\x82")),
        packed(inner(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")),
        packed(inner(b"\x80\x80\x80\x80\x80\x80\x02")),
        packed(inner(b"\x02" * 50_000)),
        packed(b"\0" * 50_000_000),
        packed(inner(b"\x02"))[:-8] + b"AAAAAAA=",
    ],
    ids=[
        "empty", "not base64", "short", "not zlib", "outer cookie", "no header", "inner cookie",
        "offset", "digits", "range", "length", "cut count", "run beyond the range",
        "count beyond reason", "too many", "bomb", "damaged",
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_histogram_is_a_value_error(text):
    with pytest.raises(ValueError, match=r".+"):
        decoded(text)


@given(st.binary(max_size=200))
def test_any_bytes_as_counts_are_counts_or_a_value_error(data):
    try:
        counts = decoded(packed(inner(data)))
    except ValueError:
        return
    assert all(times > 0 for times in counts.buckets().values())
