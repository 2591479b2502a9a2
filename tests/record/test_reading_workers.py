"""A run folder of several workers is one run to whoever opens it, whatever is wrong in it."""

import os
import subprocess

import pytest
from msgspec.structs import replace

from stresser.model.errors import RunFolderError
from stresser.model.events import RunEnded, SessionEnded
from stresser.model.quantity import Quantity
from stresser.record.events_file import encode_event
from stresser.record.folder import RunFolder
from stresser.record.manifest import Gap, Status, write_manifest
from stresser.record.reader import RunStatus, open_run
from stresser.record.run_list import listed_run
from stresser.record.segments import next_closed, pack_closed
from tests.analysis.story import VPN, Story, idle_kill_story, utc
from tests.fakes.tools import tool
from tests.record.sample_events import numbered
from tests.record.test_far_ends import seen
from tests.record.worker_runs import ANCHOR_UNIX_NS, recorded_by, samples_of

S = 10**9
RUNNING = {"status": Status.RUNNING}


@pytest.fixture
def folder(tmp_path):
    story = idle_kill_story()
    return recorded_by(3, tmp_path / "20261123T000000Z-q", story.events, samples_of(story)).folder


def killed(tmp_path):
    """Two workers that were killed with their run: the first had the last event."""
    story = Story([VPN], 3)
    for n in range(3):
        story.opens(VPN, 1 + n)
    return recorded_by(2, tmp_path / "run", story.events, samples_of(story), manifest=RUNNING)


def test_it_is_whole(folder):
    run, story = open_run(folder.path), idle_kill_story()
    told = list(run.events())
    assert told[0] == story.events[0]
    assert told[-1] == story.events[-1]
    assert sorted(told, key=str) == sorted(story.events, key=str)
    assert run.histograms()[Quantity.RTT, VPN].count == 40
    assert run.status is RunStatus.COMPLETE
    assert run.damage == []
    assert run.anchor_unix_ns == ANCHOR_UNIX_NS


def test_intervals_of_all_are_told_each_once(folder):
    run = open_run(folder.path)
    assert sum(one.counts.count for one in run.intervals()) == len(samples_of(idle_kill_story()))
    log = folder.worker(1).histograms
    folder.worker(1).partial.write_bytes(log.read_bytes())
    assert len(list(open_run(folder.path).intervals())) == len(list(run.intervals()))


def test_a_run_that_crashed_was_alive_as_long_as_any_of_its_workers(tmp_path):
    run = killed(tmp_path)
    assert run.status is RunStatus.CRASHED
    assert run.last_sign() == (utc(3 * S), "the last histogram interval")
    later = replace(numbered(1), t_ns=9 * S, utc=utc(9 * S))
    with run.folder.worker(2).events.open("ab") as file:
        file.write(encode_event(later))
    assert open_run(run.path).last_sign() == (utc(9 * S), "the last event")
    assert open_run(run.path).last_interval_ns == 3 * S
    assert listed_run(run.path).status is RunStatus.CRASHED


def test_a_workers_last_word_is_not_the_runs(tmp_path):
    run = killed(tmp_path)
    run.folder.manifest.unlink()
    with run.folder.worker(2).events.open("ab") as file:
        file.write(encode_event(RunEnded(t_ns=9 * S, utc="x", reason="q", unrecorded_events=5)))
    again = open_run(run.path)
    assert again.status is RunStatus.RUNNING, "its files were written a moment ago"
    assert not any(isinstance(event, RunEnded) for event in again.events())
    assert again.anchor_unix_ns == ANCHOR_UNIX_NS, "the logs have it"
    assert again.damage[1:] == ["workers/2/events.jsonl: 5 events were not recorded"]
    for path in run.path.rglob("*.*"):
        os.utime(path, ns=(1, 1))
    assert open_run(run.path).status is RunStatus.CRASHED


def test_what_a_gap_tells_of_all_is_not_told_of_each(tmp_path):
    run = killed(tmp_path)
    ended = RunEnded(t_ns=9 * S, utc="x", reason="recording stopped", unrecorded_events=5)
    with run.folder.worker(2).events.open("ab") as file:
        file.write(encode_event(ended))
    assert open_run(run.path).damage == ["workers/2/events.jsonl: 5 events were not recorded"]
    assert run.manifest is not None
    gap = Gap(what="full", path="p", since_t_ns=1, since_utc="u", events=5, samples=0)
    write_manifest(run.folder.manifest, replace(run.manifest, gap=gap))
    assert open_run(run.path).damage == [str(gap)]


def test_with_the_workers_records_alone_it_reads_as_far_as_it_can(folder):
    for path in (folder.manifest, folder.events, folder.histograms):
        path.unlink()
    run = open_run(folder.path)
    assert len(list(run.events())) == len(idle_kill_story().events) - 2
    assert run.histograms()
    assert [line.partition(": ")[0] for line in run.damage] == ["manifest.json"]


def test_a_chain_is_found_in_whose_folder_it_is(folder):
    for number, one in enumerate((folder, folder.worker(3))):
        one.chains.mkdir()
        one.chain(f"{number}" * 16).write_bytes(b"pem %d" % number)
    run = open_run(folder.path)
    assert (run.chain("0" * 16), run.chain("1" * 16)) == (b"pem 0", b"pem 1")
    assert run.chain("2" * 16) is None


def test_endings_are_judged_by_what_any_of_them_was_told(folder):
    told = [seen(21), seen(22, kind="planned", at_ns=S)]
    for number, one in zip((1, 2), told, strict=True):
        folder.worker(number).far_ends.write_bytes(encode_event(one))
    folder.far_ends.write_bytes(encode_event(seen(22, kind="tcp_reset", at_ns=S)))
    ends = [one for one in open_run(folder.path).events() if isinstance(one, SessionEnded)]
    far = {one.session: one.ending.evidence.far_end for one in ends}
    assert far[21] == told[0].far_end
    assert far[22] is not None
    assert far[22].kind == "tcp_reset", "what the run's own file says was written last"
    assert far[23] is None


def test_all_that_is_wrong_is_said_once(folder, tmp_path):
    run = recorded_by(4, tmp_path / "run", idle_kill_story().events)
    folder = run.folder
    (folder.workers / "junk").mkdir()
    os.mkfifo(folder.workers / "9")
    folder.worker(4).path.rename(tmp_path / "gone")
    folder.worker(1).events.unlink()
    folder.worker(2).histograms.write_bytes(b"junk\n")
    folder.worker(3).events.unlink()
    folder.worker(3).events.symlink_to("/etc/passwd")
    run = open_run(folder.path)
    assert len(list(run.events())) > 2
    run.histograms()
    assert run.damage == [
        "workers/9: is no folder of the run's own; it was not read",
        "workers: 1 names in it are no worker's",
        "workers: the folders of 1 workers are missing (4)",
        "workers/1/events.jsonl: is missing",
        "workers/2/histograms.hlog: 1 unreadable lines were skipped",
        "workers/3/events.jsonl: cannot be read: it is no regular file",
    ]


def test_workers_that_are_a_link_are_not_followed(folder, tmp_path):
    folder.workers.rename(tmp_path / "elsewhere")
    folder.workers.symlink_to(tmp_path / "elsewhere")
    run = open_run(folder.path)
    assert len(list(run.events())) == 2
    assert run.damage == [
        "workers: is no folder of the run's own; it was not read",
        "workers: the folders of 3 workers are missing (1, 2, 3)",
    ]


def test_the_runs_own_events_that_cannot_be_read_are_one_clear_line(folder):
    folder.events.unlink()
    folder.events.mkdir()
    with pytest.raises(RunFolderError, match=r"events\.jsonl: cannot be read"):
        list(open_run(folder.path).events())


def test_a_folder_with_nothing_but_empty_workers_is_no_run(tmp_path):
    RunFolder(tmp_path).worker(1).path.mkdir(parents=True)
    with pytest.raises(RunFolderError, match="is not a run folder"):
        open_run(tmp_path)


def test_by_hand_all_files_are_read_at_once(folder):
    """As docs/run-folder.md has it."""
    closed = next_closed(folder.worker(2).events)
    folder.worker(2).events.rename(closed)
    pack_closed(folder.worker(2).events)
    shell = f"find . -name 'events*.jsonl*' -exec {tool('zstd')} -dcfq {{}} +"
    done = subprocess.run(shell, shell=True, cwd=folder.path, capture_output=True, check=True)  # noqa: S602 - the shell is the point
    told = [line for line in done.stdout.splitlines() if b"run_ended" not in line]
    assert len(told) == len(idle_kill_story().events) - 1
