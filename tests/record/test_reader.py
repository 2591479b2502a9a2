import os
import shutil
import subprocess
import sys
import time

import msgspec
import pytest

from stresser.model.cohort import Cohort
from stresser.model.errors import RunFolderError
from stresser.model.quantity import Quantity
from stresser.model.units import format_utc
from stresser.record.events_file import encode_event
from stresser.record.folder import RunFolder
from stresser.record.histogram_log import IntervalLines, header
from stresser.record.host_facts import gather_manifest, this_process
from stresser.record.manifest import Gap, Manifest, Status, finished, write_manifest
from stresser.record.reader import RunStatus, open_run, resolve_run
from stresser.record.summary_file import write_summary
from stresser.statistics.duration_counts import SparseCounts
from tests.record.sample_events import COHORT, numbered, run_started, session_ended

S = 10**9
RTT = (Quantity.RTT, COHORT)
GAP = Gap(what="No space left on device", path="events.jsonl", since_t_ns=5, since_utc="x",
          events=3, samples=9)  # fmt: skip


def gather() -> Manifest:
    return gather_manifest(
        scenario={"name": "q"},
        anchor_unix_ns=time.time_ns(),
        command_line=[],
        capabilities={},
        socket_options={},
    )


def dead_process():
    """The identity of a process that was there, and is not any more."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        pid = child.pid
    return msgspec.structs.replace(this_process(), pid=pid, started="1")


def lines_of(start_ns, end_ns, values):
    interval = IntervalLines(start_ns)
    interval.add({RTT: SparseCounts.of(values)})
    return interval.lines(end_ns)


@pytest.fixture
def folder(tmp_path):
    """A folder as a run leaves it in its 14th second."""
    folder = RunFolder(tmp_path / "20261123T072526Z-q")
    folder.path.mkdir()
    manifest = gather()
    write_manifest(folder.manifest, manifest)
    folder.events.write_bytes(encode_event(run_started()) + encode_event(session_ended()))
    top = header(manifest.anchor_unix_ns)
    folder.histograms.write_bytes(top + lines_of(0, 10 * S, [1, 2]))
    folder.partial.write_bytes(top + lines_of(10 * S, 14 * S, [3]))
    return folder


def rewrite_manifest(folder, **changes):
    manifest = msgspec.json.decode(folder.manifest.read_bytes(), type=Manifest)
    write_manifest(folder.manifest, msgspec.structs.replace(manifest, **changes))


def test_a_run_that_goes_on_reads(folder):
    run = open_run(folder.path)
    assert run.status is RunStatus.RUNNING
    assert run.crashed_at_utc is None
    assert list(run.events()) == [run_started(), session_ended()]
    assert run.histograms()[RTT].count == 3
    assert run.damage == []
    assert run.summary() is None
    assert run.path == folder.path


def test_a_complete_run_reads(folder):
    manifest = finished(
        gather(),
        status=Status.COMPLETE,
        ended_utc="x",
        end_reason="duration",
        verdict=None,
        gap=None,
    )
    write_manifest(folder.manifest, manifest)
    write_summary(folder, {"verdict": "pass"})
    run = open_run(folder.path)
    assert run.status is RunStatus.COMPLETE
    assert run.manifest == manifest
    assert run.summary() == {"verdict": "pass"}
    assert run.crashed_at_utc is None


def test_a_run_whose_process_is_gone_crashed_at_its_last_sign(folder):
    rewrite_manifest(folder, process=dead_process())
    run = open_run(folder.path)
    assert run.status is RunStatus.CRASHED
    assert run.manifest is not None
    # The last interval ended 14 s after the start; sample events are of an earlier day.
    ended_ns = run.manifest.anchor_unix_ns + 14 * S
    sign = run.last_sign()
    assert sign is not None
    assert sign == (max(format_utc(ended_ns), session_ended().utc), sign.source)
    assert run.crashed_at_utc == sign.utc


def test_the_last_event_may_be_the_last_sign(folder):
    rewrite_manifest(folder, process=dead_process())
    late = msgspec.structs.replace(numbered(1), utc="2999-01-01T00:00:00.000000Z")
    with folder.events.open("ab") as file:
        file.write(encode_event(late))
    assert open_run(folder.path).last_sign() == (late.utc, "the last event")


def test_with_nothing_readable_the_files_times_are_the_last_sign(folder):
    rewrite_manifest(folder, process=dead_process())
    for path in (folder.events, folder.histograms, folder.partial):
        path.write_bytes(b"junk\n")
        os.utime(path, ns=(0, 1_795_418_726_000_000_000))
    run = open_run(folder.path)
    assert run.last_sign() == ("2026-11-23T07:25:26.000000Z", "the files' times")


def test_a_recycled_process_number_is_not_taken_for_the_run(folder):
    rewrite_manifest(folder, process=msgspec.structs.replace(this_process(), started="1"))
    if this_process().started is None:
        pytest.skip("no process start times here")
    assert open_run(folder.path).status is RunStatus.CRASHED


@pytest.mark.parametrize(("age_s", "status"), [(0, RunStatus.RUNNING), (300, RunStatus.CRASHED)])
def test_a_process_out_of_sight_is_judged_by_its_files(folder, age_s, status):
    elsewhere = msgspec.structs.replace(this_process(), host="elsewhere", boot_id="its own")
    rewrite_manifest(folder, process=elsewhere)
    written_ns = time.time_ns() - age_s * S
    for path in (folder.events, folder.histograms, folder.partial):
        os.utime(path, ns=(written_ns, written_ns))
    assert open_run(folder.path).status is status


def test_an_interval_in_both_files_counts_once(folder):
    with folder.histograms.open("ab") as file:
        file.write(lines_of(10 * S, 20 * S, [3, 4]))
    run = open_run(folder.path)
    assert run.histograms()[RTT].count == 4
    assert [interval.counts.count for interval in run.intervals()] == [2, 2]


def test_the_partial_file_stands_in_for_a_torn_line_of_the_log(folder):
    with folder.histograms.open("ab") as file:
        file.write(lines_of(10 * S, 20 * S, [3, 4])[:-20])
    run = open_run(folder.path)
    assert run.histograms()[RTT].count == 3
    assert run.damage == ["histograms.hlog: the last line is torn and was skipped"]


def test_all_damage_is_said(folder):
    rewrite_manifest(folder, gap=GAP)
    with folder.events.open("ab") as file:
        file.write(b'junk\n{"event":"moon_rose"}\n{"torn')
    folder.partial.write_bytes(b"junk\n")
    run = open_run(folder.path)
    assert len(list(run.events())) == 2
    run.histograms()
    assert run.damage == [
        "events.jsonl: 1 unreadable lines were skipped",
        'events.jsonl: 1 events of the unknown type "moon_rose" were skipped',
        "events.jsonl: the last line is torn and was skipped",
        "histograms.partial.hlog: 1 unreadable lines were skipped",
        str(GAP),
    ]


@pytest.mark.parametrize("text", [None, b"", b"{}", b"\xff"])
def test_a_folder_without_a_manifest_reads_as_far_as_it_can(folder, text):
    folder.manifest.unlink()
    if text is not None:
        folder.manifest.write_bytes(text)
    run = open_run(folder.path)
    assert run.manifest is None
    assert len(list(run.events())) == 2
    assert run.histograms()[RTT].count == 3
    assert "manifest.json" in run.damage[0]
    assert run.last_sign() is not None
    assert run.anchor_unix_ns is not None


def test_without_a_manifest_the_last_event_tells_that_a_run_is_complete(folder):
    from stresser.model.events import RunEnded

    folder.manifest.unlink()
    with folder.events.open("ab") as file:
        file.write(encode_event(RunEnded(t_ns=1, utc="x", reason="duration", unrecorded_events=2)))
    run = open_run(folder.path)
    assert run.status is RunStatus.COMPLETE
    assert "2 events were not recorded" in run.damage


@pytest.mark.parametrize("missing", ["events", "histograms", "partial"])
def test_a_missing_file_is_empty(folder, missing):
    getattr(folder, missing).unlink()
    run = open_run(folder.path)
    assert len(list(run.events())) == (0 if missing == "events" else 2)
    counted = {"events": 3, "histograms": 1, "partial": 2}[missing]
    assert run.histograms()[RTT].count == counted


def test_what_is_no_run_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for path, said in (
        (tmp_path / "missing", "does not exist"),
        (tmp_path / "file", "is not a folder"),
        (tmp_path / "empty", "is not a run folder"),
    ):
        with pytest.raises(RunFolderError, match=said) as caught:
            open_run(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_folder_with_a_broken_manifest_alone_is_one_clear_line(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(RunFolderError, match="is not a manifest"):
        open_run(tmp_path)


def test_a_file_that_is_a_folder_is_one_clear_line(folder):
    folder.events.unlink()
    folder.events.mkdir()
    with pytest.raises(RunFolderError, match=r"events\.jsonl: cannot be read"):
        list(open_run(folder.path).events())


def test_a_run_is_found_and_read_after_its_folder_was_moved(folder, tmp_path):
    shutil.move(folder.path, tmp_path / "elsewhere")
    assert open_run(resolve_run(str(tmp_path / "elsewhere"), tmp_path)).histograms()


def test_a_run_of_another_cohort_is_kept_apart(folder):
    interval = IntervalLines(20 * S)
    other = (Quantity.RTT, Cohort("broker", "direct", "heartbeat"))
    interval.add({other: SparseCounts.of([9])})
    with folder.histograms.open("ab") as file:
        file.write(interval.lines(30 * S))
    found = open_run(folder.path).histograms()
    assert {key: taken.count for key, taken in found.items()} == {RTT: 3, other: 1}
