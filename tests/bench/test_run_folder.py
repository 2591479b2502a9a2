import json

import pytest
from hdrh.histogram import HdrHistogram

from bench.peer import BenchError
from bench.run_folder import anchor_unix_ns, events, merged_histogram, the_run


def payload(*values):
    histogram = HdrHistogram(1, 10**12, 3)
    for value in values:
        histogram.record_value(value)
    return histogram.encode().decode()


def test_the_one_run_is_found(tmp_path):
    (tmp_path / "20260101T000000Z-bench").mkdir()
    assert the_run(tmp_path).name == "20260101T000000Z-bench"


@pytest.mark.parametrize("runs", [0, 2])
def test_none_or_several_are_an_error(tmp_path, runs):
    for number in range(runs):
        (tmp_path / str(number)).mkdir()
    with pytest.raises(BenchError, match=f"{runs} run folders"):
        the_run(tmp_path)


def test_events_are_chosen_by_name_and_the_anchor_is_read(tmp_path):
    lines = [{"event": "run_started"}, {"event": "session_ended", "session": 1}]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "manifest.json").write_text('{"anchor_unix_ns": 1800000000000000001}')
    assert list(events(tmp_path, "session_ended")) == [lines[1]]
    assert anchor_unix_ns(tmp_path) == 1_800_000_000_000_000_001


def test_a_torn_line_is_an_error(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"event": "run_started"}\n{"event": "sess')
    with pytest.raises(BenchError, match="line 2"):
        list(events(tmp_path, "run_started"))


def test_intervals_and_cohorts_of_a_quantity_are_merged_and_others_left_out(tmp_path):
    (tmp_path / "histograms.hlog").write_text(
        "#[StartTime: 1.0 (seconds since epoch)]\n"
        f"Tag=loop_lag,0.000,1.000,5.0,{payload(1_000_000)}\n"
        f"Tag=loop_lag_not,0.000,1.000,5.0,{payload(9_000_000)}\n"
        f"Tag=rtt/a/b/c,0.000,1.000,5.0,{payload(8_000_000)}\n"
        f"Tag=loop_lag,1.000,1.000,5.0,{payload(3_000_000, 3_000_000)}\n"
    )
    merged = merged_histogram(tmp_path, "loop_lag")
    assert merged.get_total_count() == 3
    assert merged.get_value_at_percentile(100) == pytest.approx(3_000_000, rel=1e-3)
    with pytest.raises(BenchError, match="nothing of tls"):
        merged_histogram(tmp_path, "tls")


def test_cohorts_can_be_chosen_by_how_their_endpoints_names_begin(tmp_path):
    lines = [f"Tag=rtt/{name}/b/c,0.0,1.0,5.0,{payload(10**6)}\n" for name in ("peer-1", "flood")]
    (tmp_path / "histograms.hlog").write_text("".join(lines))
    assert merged_histogram(tmp_path, "rtt/peer-").get_total_count() == 1


def test_a_run_in_segments_is_an_error(tmp_path):
    (tmp_path / "events-00001.jsonl.zst").touch()
    with pytest.raises(BenchError, match="in segments"):
        list(events(tmp_path, "session_ended"))
