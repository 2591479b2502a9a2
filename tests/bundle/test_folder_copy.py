import os
import shutil

import pytest

from stresser.bundle.folder_copy import Changes, copy_run
from stresser.model.errors import RunFolderError
from stresser.record.folder import RunFolder
from stresser.record.manifest import Status
from stresser.record.reader import RunStatus, open_run
from tests.analysis.story import idle_kill_story
from tests.record.worker_runs import recorded_by, samples_of


class Marked(Changes):
    def event_line(self, line, *, is_whole):
        return line.replace(b"2026-", b"2027-") if is_whole else b"torn"

    def manifest(self, text):
        return text.replace(b"0.0.0", b"marked")

    @property
    def keeps_chains(self):
        return False


@pytest.fixture
def run(tmp_path):
    made = idle_kill_story().recorded(tmp_path / "run")
    made.folder.chains.mkdir()
    made.folder.chain("a" * 16).write_text("pem")
    (made.folder.chains / "notes.pem").write_text("not a chain's")
    made.folder.log.write_text("not evidence")
    return made


def test_a_copy_has_what_figures_are_computed_from(run, tmp_path):
    copy_run(run, tmp_path / "copy" / "here", Changes())
    copied = open_run(tmp_path / "copy" / "here")
    assert list(copied.events()) == list(run.events())
    assert copied.folder.histograms.read_bytes() == run.folder.histograms.read_bytes()
    assert {path.name for path in copied.path.rglob("*")} == {
        "manifest.json", "events.jsonl", "histograms.hlog", "chains", f"{'a' * 16}.pem",
    }  # fmt: skip


def test_each_part_is_changed_and_what_is_damaged_is_as_damaged_in_the_copy(run, tmp_path):
    with run.folder.events.open("ab") as events:
        events.write(b'{"event": torn\n[1]\n{"event"')
    copy_run(run, tmp_path / "copy", Marked())
    copied = open_run(tmp_path / "copy")
    assert {event.utc[:4] for event in copied.events()} == {"2027"}
    assert copied.manifest is not None
    assert copied.manifest.stresser == "marked"
    assert not copied.folder.chains.exists()
    assert copied.damage == [
        "events.jsonl: 2 unreadable lines were skipped",
        "events.jsonl: the last line is torn and was skipped",
    ]


def test_a_run_that_goes_on_is_refused(tmp_path):
    run = idle_kill_story().recorded(tmp_path / "run", status=Status.RUNNING, is_alive=True)
    with pytest.raises(RunFolderError, match="goes on"):
        copy_run(run, tmp_path / "copy", Changes())


def test_the_copy_of_a_crash_is_a_crash(tmp_path):
    run = idle_kill_story().recorded(tmp_path / "run", status=Status.RUNNING)
    copy_run(run, tmp_path / "copy", Changes())
    assert open_run(tmp_path / "copy").status is RunStatus.CRASHED


def test_what_lies_outside_the_folder_is_never_copied(run, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"{'b' * 16}.pem").write_text("a secret")
    run.folder.chain("c" * 16).symlink_to(outside / f"{'b' * 16}.pem")
    with pytest.raises(RunFolderError, match="no regular file"):
        copy_run(run, tmp_path / "copy", Changes())
    shutil.rmtree(run.folder.chains)
    run.folder.chains.symlink_to(outside)
    copy_run(run, tmp_path / "copy2", Changes())
    assert not list((tmp_path / "copy2").rglob("*.pem"))


def test_a_fifo_in_place_of_the_events_does_not_hang(run, tmp_path):
    run.folder.events.unlink()
    os.mkfifo(run.folder.events)
    with pytest.raises(RunFolderError, match="no regular file"):
        copy_run(run, tmp_path / "copy", Changes())


@pytest.fixture
def of_workers(tmp_path):
    story = idle_kill_story()
    run = recorded_by(3, tmp_path / "run", story.events, samples_of(story))
    run.folder.worker(2).chains.mkdir()
    run.folder.worker(2).chain("a" * 16).write_text("pem")
    run.folder.worker(2).tls_keys.write_text("keys")
    return run


def test_a_copy_has_what_workers_recorded_as_they_recorded_it(of_workers, tmp_path):
    copy_run(of_workers, tmp_path / "copy", Changes())
    copied = open_run(tmp_path / "copy")
    assert list(copied.events()) == list(of_workers.events())
    assert copied.histograms().keys() == of_workers.histograms().keys()
    assert copied.chain("a" * 16) == b"pem"
    files = {path.relative_to(copied.path).as_posix() for path in copied.path.rglob("*.*")}
    each = {"events.jsonl", "histograms.hlog"}
    workers = {f"workers/{n}/{name}" for n in (1, 2, 3) for name in each}
    assert files == {"manifest.json", f"workers/2/chains/{'a' * 16}.pem"} | each | workers
    assert copied.damage == []


def test_workers_records_are_changed_as_the_runs_own(of_workers, tmp_path):
    copy_run(of_workers, tmp_path / "copy", Marked())
    copied = open_run(tmp_path / "copy")
    assert {event.utc[:4] for event in copied.events()} == {"2027"}
    assert copied.chain("a" * 16) is None


def test_a_worker_without_events_is_damage_in_the_copy_too(of_workers, tmp_path):
    """A bundle has files alone: the folder itself would not be in it."""
    shutil.rmtree(of_workers.folder.worker(2).path)
    of_workers.folder.worker(2).path.mkdir()
    copy_run(of_workers, tmp_path / "copy", Changes())
    copied = open_run(tmp_path / "copy")
    assert list(copied.events()) == list(open_run(of_workers.path).events())
    assert copied.damage == ["workers/2/events.jsonl: 1 unreadable lines were skipped"]


def test_no_link_among_the_workers_is_copied(of_workers, tmp_path):
    of_workers.folder.worker(2).path.rename(tmp_path / "secret")
    of_workers.folder.worker(2).path.symlink_to(tmp_path / "secret")
    copy_run(of_workers, tmp_path / "copy", Changes())
    assert not RunFolder(tmp_path / "copy").worker(2).path.exists()
    of_workers.folder.worker(3).events.unlink()
    of_workers.folder.worker(3).events.symlink_to(tmp_path / "secret" / "events.jsonl")
    with pytest.raises(RunFolderError, match="no regular file"):
        copy_run(of_workers, tmp_path / "again", Changes())
