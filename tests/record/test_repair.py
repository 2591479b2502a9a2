"""What a killed process left is as if it had closed it, however often that is begun."""

import pytest

from stresser.record.events_file import EventsReader, encode_event
from stresser.record.folder import RunFolder
from stresser.record.histogram_log import LogReader
from stresser.record.manifest import Status
from stresser.record.reader import open_run
from stresser.record.repair import repair, repair_record
from tests.analysis.story import VPN, Story
from tests.record.sample_events import number_of, numbered
from tests.record.worker_runs import recorded_by, samples_of

S = 10**9


@pytest.fixture
def left(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 1)
    return story.recorded(tmp_path / "run", status=Status.RUNNING).path


def test_a_torn_event_is_cut_off_and_a_whole_one_is_ended(tmp_path):
    folder = RunFolder(tmp_path)
    whole = encode_event(numbered(1)) + encode_event(numbered(2))
    for cut in range(len(encode_event(numbered(2))) + 1):
        folder.events.write_bytes(whole[: len(whole) - cut])
        repair(folder)
        text = folder.events.read_bytes()
        assert text in (whole, encode_event(numbered(1)))
        assert (text == whole) == (cut <= 1)
        repair(folder)
        assert folder.events.read_bytes() == text
        reader = EventsReader(folder.events)
        assert [number_of(event) for event in reader] == [1, 2][: text.count(b"\n")]
        assert reader.damage == []


def test_of_other_files_a_torn_line_is_cut_off_or_ended(left):
    folder = RunFolder(left)
    folder.far_ends.write_bytes(encode_event(numbered(1)) + encode_event(numbered(2))[:-9])
    folder.log.write_bytes(b'{"event":"one"}\n{"event":"tw')
    repair(folder)
    assert folder.far_ends.read_bytes() == encode_event(numbered(1))
    assert folder.log.read_bytes() == b'{"event":"one"}\n{"event":"tw\n', "it may be read by people"


def test_the_interval_under_way_goes_into_the_log_once(left):
    run = open_run(left)
    folder = run.folder
    head = folder.histograms.read_bytes()
    line = (
        b"Tag=rtt/broker/vpn/heartbeat,%d.000,10.000,29.966335,"
        b"HISTFAAAADp4nJNpmSzMwMA4hQECmKE0IwOPu9mWCAYG+w8QgfbPjEzMcMiKxMYHiVNHTVUDYefAuGwrMwAulArS\n"
    )
    first, second = line % 0, line % 10
    folder.histograms.write_bytes(head + first + second[:60])
    folder.partial.write_bytes(head + first + second)
    repair(folder)
    assert folder.histograms.read_bytes() == head + first + second
    assert not folder.partial.exists()
    folder.partial.write_bytes(head + first + second)  # killed between the two
    repair(folder)
    log = LogReader(folder.histograms)
    assert [one.start_ns for one in log] == [0, 10 * S]
    assert log.damage == []


def test_what_a_killed_writer_left_beside_is_removed_and_room_is_kept(left):
    for name in (".events.jsonl.next", ".manifest.json.0123.tmp", "summary.json", "drops.pcapng"):
        (left / name).write_text("x")
    repair(RunFolder(left))
    names = {path.name for path in left.iterdir()}
    assert names == {"manifest.json", "events.jsonl", "histograms.hlog", ".reserve"}
    repair(RunFolder(left))


def test_the_keys_of_each_part_are_set_aside(left):
    keys = RunFolder(left).tls_keys
    for part in ("one", "two"):
        keys.write_text(part)
        repair(RunFolder(left))
    assert not keys.exists()
    kept = [keys.with_name(f"{keys.name}.{number}").read_text() for number in (1, 2)]
    assert kept == ["one", "two"]


def test_workers_folders_are_set_right_with_the_runs_own(tmp_path):
    story = Story([VPN], 4)
    for n in range(4):
        story.opens(VPN, 1 + n)
    fields = {"status": Status.RUNNING}
    folder = recorded_by(
        2, tmp_path / "run", story.events, samples_of(story), manifest=fields
    ).folder
    events = folder.worker(2).events.read_bytes()
    folder.worker(2).events.write_bytes(events + events[:30])
    folder.worker(1).tls_keys.write_text("keys")
    (folder.worker(1).path / ".events.jsonl.next").touch()
    samples = {key: one.count for key, one in open_run(folder.path).histograms().items()}
    assert folder.worker(2).partial.exists()
    repair(folder)
    run = open_run(folder.path)
    assert folder.worker(2).events.read_bytes() == events
    assert {key: one.count for key, one in run.histograms().items()} == samples
    assert sum(samples.values()) == 4
    assert list(run.events()) == story.events
    assert run.damage == []
    names = {path.relative_to(folder.workers).as_posix() for path in folder.workers.rglob("*.*")}
    assert names == {
        "1/tls_keys.log.1",
        *(f"{n}/{name}" for n in (1, 2) for name in ("events.jsonl", "histograms.hlog")),
    }


def test_one_workers_folder_can_be_set_right_alone(tmp_path):
    story = Story([VPN], 2)
    folder = recorded_by(2, tmp_path / "run", [*story.events, numbered(1)]).folder
    for one in (folder, folder.worker(1)):
        one.events.write_bytes(encode_event(numbered(1)) + b"{")
    repair_record(folder.worker(1))
    assert folder.worker(1).events.read_bytes() == encode_event(numbered(1))
    assert folder.events.read_bytes().endswith(b"{"), "its run goes on"
    assert not folder.worker(1).reserve.exists()


def test_a_link_among_the_workers_is_left_alone(tmp_path, left):
    torn = tmp_path / "elsewhere"
    torn.mkdir()
    (torn / "events.jsonl").write_bytes(b"{")
    (left / "workers").mkdir()
    (left / "workers" / "1").symlink_to(torn)
    repair(RunFolder(left))
    assert (torn / "events.jsonl").read_bytes() == b"{"
