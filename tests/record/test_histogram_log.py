import gc
import tracemalloc

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.cohort import Cohort
from stresser.model.errors import RunFolderError
from stresser.model.quantity import HIGHEST_NS, Quantity
from stresser.record.histogram_log import (
    IntervalLines,
    LogReader,
    header,
    histogram_tag,
    key_of,
    last_end_ns,
)
from stresser.statistics.duration_counts import SparseCounts

ANCHOR = 1_795_418_726_123_456_789
BROKER = Cohort("broker", "vpn", "heartbeat")
RTT = (Quantity.RTT, BROKER)
LAG = (Quantity.LOOP_LAG, None)
S = 10**9
MANY = {RTT: range(1, 400), LAG: [40]}


def log_of(tmp_path, *intervals):
    """Each interval: start, end, {key: values}."""
    path = tmp_path / "histograms.hlog"
    lines = header(ANCHOR)
    for start_ns, end_ns, values in intervals:
        interval = IntervalLines(start_ns)
        interval.add({key: SparseCounts.of(some) for key, some in values.items()})
        lines += interval.lines(end_ns)
    path.write_bytes(lines)
    return path


def test_intervals_come_back_with_key_time_and_counts(tmp_path):
    path = log_of(
        tmp_path,
        (0, 10 * S, {RTT: [5_000_000, 7_000_000], LAG: [40]}),
        (10 * S, 20_500_000_000, {RTT: [9_000_000]}),
    )
    reader = LogReader(path)
    found = [(i.key, i.start_ns, i.length_ns, i.counts.count) for i in reader]
    assert found == [
        (RTT, 0, 10 * S, 2),
        (LAG, 0, 10 * S, 1),
        (RTT, 10 * S, 10_500_000_000, 1),
    ]
    assert reader.damage == []
    assert reader.anchor_unix_ns == ANCHOR // 10**6 * 10**6


def test_when_the_last_interval_ends_is_read_from_the_files_end(tmp_path):
    path = log_of(tmp_path, *((n * 10 * S, (n + 1) * 10 * S, MANY) for n in range(500)))
    begin, tag, lines = path.read_bytes().partition(b"Tag=")
    first = tag + lines.partition(b"\n")[0] + b"\n"  # a long run's: the first interval, again
    path.write_bytes(begin + first * 9_000 + tag + lines)
    assert path.stat().st_size > 1 << 20
    assert last_end_ns(path) == 500 * 10 * S
    torn = path.read_bytes()[:-30]
    path.write_bytes(torn)
    assert last_end_ns(path) == max(one.end_ns for one in LogReader(path))
    path.write_bytes(header(ANCHOR))
    assert last_end_ns(path) is None
    assert last_end_ns(tmp_path / "nothing") is None


def test_the_bundled_python_reader_reads_the_log(tmp_path):
    path = log_of(tmp_path, (2 * S, 3 * S, {RTT: [5_000_000, 2_769_000], LAG: [40]}))
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_NS, 3))
    first, second = reader.get_next_interval_histogram(), reader.get_next_interval_histogram()
    assert reader.get_next_interval_histogram() is None
    reader.close()
    assert [first.get_tag(), second.get_tag()] == ["rtt/broker/vpn/heartbeat", "loop_lag"]
    assert first.get_total_count() == 2
    assert first.get_max_value() == pytest.approx(5_000_000, rel=1e-3)
    assert first.get_start_time_stamp() == pytest.approx(ANCHOR / 1e6 + 2000, abs=1)
    assert second.get_max_value() == 40


def test_a_line_carries_the_maximum_in_milliseconds(tmp_path):
    last = log_of(tmp_path, (1_250_000_000, 3 * S, {RTT: [2_769_000]})).read_text().splitlines()[-1]
    tag, start, length, maximum, payload = last.split(",")
    assert (tag, start, length) == ("Tag=rtt/broker/vpn/heartbeat", "1.250", "1.750")
    assert float(maximum) == pytest.approx(2.769, rel=1e-3)
    assert payload.startswith("HISTFAAA")


def test_lines_grow_with_the_interval_and_start_anew_with_the_next():
    interval = IntervalLines(0)
    interval.add({RTT: SparseCounts.of([1])})
    before = interval.lines(S)
    interval.add({LAG: SparseCounts.of([2])})
    interval.add({RTT: SparseCounts.of([3])})
    after = interval.lines(2 * S)
    assert before.count(b"\n") == 1
    assert after.count(b"\n") == 2
    interval.start_next(2 * S)
    assert interval.lines(3 * S) == b""


def test_a_torn_or_damaged_line_costs_itself_alone(tmp_path):
    path = log_of(tmp_path, (0, S, {RTT: [1], LAG: [2]}), (S, 2 * S, {RTT: [3]}))
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in range(len(lines[-1])):
        path.write_bytes(b"".join(lines[:-1]) + lines[-1][:cut])
        reader = LogReader(path)
        assert [interval.key for interval in reader] == [RTT, LAG], cut
        assert reader.torn == (cut > 0)
    damaged = lines[-3].replace(b"HISTF", b"HISTG")
    path.write_bytes(b"".join([*lines[:-3], damaged, b"junk\n", *lines[-2:]]))
    reader = LogReader(path)
    assert [interval.key for interval in reader] == [LAG, RTT]
    assert reader.damage == ["histograms.hlog: 2 unreadable lines were skipped"]


def test_lines_of_unknown_quantities_are_counted(tmp_path):
    path = log_of(tmp_path, (0, S, {RTT: [1]}))
    path.write_bytes(path.read_bytes().replace(b"Tag=rtt", b"Tag=moon"))
    reader = LogReader(path)
    assert list(reader) == []
    assert reader.unknown == 1


@given(st.binary(max_size=300))
def test_any_bytes_are_intervals_or_damage(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.hlog"
    path.write_bytes(b"Tag=rtt/a/b/c," + data)
    assert len(list(LogReader(path))) <= data.count(b"\n") + 1


def test_a_missing_log_is_one_clear_line(tmp_path):
    with pytest.raises(RunFolderError, match=r"x\.hlog: cannot be read: No such file"):
        list(LogReader(tmp_path / "x.hlog"))


@pytest.mark.parametrize("quantity", Quantity)
@pytest.mark.parametrize("cohort", [None, Cohort("a.b", "x-1", "heart_beat")])
def test_a_tag_names_its_quantity_and_cohort(quantity, cohort):
    assert key_of(histogram_tag((quantity, cohort))) == (quantity, cohort)


def test_a_tag_never_holds_what_splits_a_line():
    assert histogram_tag((Quantity.RTT, Cohort("a b", "c,d", "e/f\n"))) == "rtt/a_b/c_d/e_f_"


@pytest.mark.parametrize("tag", ["", "rtt/a", "rtt/a/b", "rtt/a/b/c/d", "nothing/a/b/c"])
def test_a_tag_of_another_shape_is_unknown(tag):
    assert key_of(tag) is None


@pytest.mark.slow
def test_ten_hours_of_intervals_take_no_more_memory_than_one_even_with_gc_off():
    interval = IntervalLines(0)
    sizes = []
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for number in range(3600):
            values = range(1_000_000 + number, 30_000_000 + 7 * number, 1_000_003)
            interval.add({RTT: SparseCounts.of(values), LAG: SparseCounts.of([number])})
            assert interval.lines(number * 10 * S).count(b"\n") == 2
            interval.start_next(number * 10 * S)
            if number in (360, 3599):
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        gc.enable()
    assert sizes[1] - sizes[0] < 20_000
