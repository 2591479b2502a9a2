"""A long run's events: closed, compressed, read in order, and hostile ones bounded."""

import os
import subprocess
import sys
import threading
import tracemalloc
import zipfile

import pytest

from stresser.analysis.summary.summary import summarise
from stresser.bundle.evidence_zip import write_evidence
from stresser.bundle.folder_copy import Changes, copy_run
from stresser.bundle.verification import verify_bundle
from stresser.model.errors import RunFolderError
from stresser.record.events_file import EventsReader, encode_event, last_event
from stresser.record.folder import RunFolder
from stresser.record.reader import open_run
from stresser.record.segments import (
    SEGMENT_BYTES,
    Segment,
    has_segments,
    next_closed,
    open_segments,
    pack_closed,
    unpacked_sizes,
)
from stresser.record.writer import Batch, FolderWriter
from tests.analysis.story import idle_kill_story
from tests.fakes.tools import tool
from tests.record.sample_events import number_of, numbered

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def lines(first, last):
    return b"".join(encode_event(numbered(number)) for number in range(first, last))


def closed(path, first, last, *, packed=True):
    plain = next_closed(path)
    plain.write_bytes(lines(first, last))
    if packed:
        pack_closed(path)
    return plain


def numbers(path):
    return [number_of(event) for event in EventsReader(path)]


@pytest.fixture
def path(tmp_path):
    """Ten events: six in two closed segments, four in the one that is written."""
    path = tmp_path / "events.jsonl"
    closed(path, 0, 3)
    closed(path, 3, 6)
    path.write_bytes(lines(6, 10))
    return path


def names(path):
    return sorted(one.name for one in path.parent.iterdir())


def test_segments_are_read_in_order_and_the_written_one_last(path):
    assert names(path) == ["events-00001.jsonl.zst", "events-00002.jsonl.zst", "events.jsonl"]
    assert numbers(path) == list(range(10))
    assert EventsReader(path).damage == []


def test_the_zstd_of_others_reads_what_is_packed(path):
    packed = path.with_name("events-00001.jsonl.zst")
    command = [tool("zstd"), "-dc", str(packed)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == lines(0, 3)
    # As docs/run-folder.md has it; the shell orders the names like this.
    shell = f"{tool('zstd')} -dcfq events*.jsonl*"
    whole = subprocess.run(shell, shell=True, cwd=path.parent, capture_output=True, check=True)  # noqa: S602 - the shell is the point
    assert whole.stdout == lines(0, 10)


def test_what_is_packed_has_a_checksum_of_what_is_in_it(path):
    descriptor = path.with_name("events-00001.jsonl.zst").read_bytes()[4]
    assert descriptor & 1 << 2, "RFC 8878 section 3.1.1.1.1.5"


def test_what_is_larger_than_any_segment_is_not_packed(path):
    plain = next_closed(path)
    with plain.open("wb") as file:
        file.truncate(2 * SEGMENT_BYTES + 1)  # a hole: it takes no room
    pack_closed(path)
    assert plain.name in names(path)


def test_the_number_of_the_next_is_above_all_others(path):
    path.with_name("events-00001.jsonl.zst").unlink()
    assert next_closed(path).name == "events-00003.jsonl"


def test_a_segment_that_could_not_be_packed_is_read_as_it_is(path):
    closed(path, 10, 12, packed=False)
    assert numbers(path) == [*range(6), 10, 11, *range(6, 10)]


def test_after_a_crash_between_packing_and_removing_each_event_counts_once(path):
    path.with_name("events-00001.jsonl").write_bytes(lines(0, 3))
    assert numbers(path) == list(range(10))
    pack_closed(path)
    assert names(path) == ["events-00001.jsonl.zst", "events-00002.jsonl.zst", "events.jsonl"]
    assert numbers(path) == list(range(10))


def test_after_a_crash_in_the_midst_of_packing_the_segment_is_there(path):
    path.with_name("events-00001.jsonl").write_bytes(lines(0, 3))
    path.with_name("events-00001.jsonl.zst").unlink()
    path.with_name(".events-00001.jsonl.zst.0123456789abcdef.tmp").write_bytes(b"half")
    assert numbers(path) == list(range(10))


def test_after_a_crash_between_closing_and_opening_nothing_is_missing(path):
    path.unlink()
    reader = EventsReader(path)
    assert [number_of(event) for event in reader] == list(range(6))
    assert reader.damage == []
    assert has_segments(path)
    last = last_event(path)
    assert last is not None
    assert number_of(last) == 5


def test_the_last_event_of_a_segment_just_begun_is_in_the_one_before(path):
    path.write_bytes(b"")
    last = last_event(path)
    assert last is not None
    assert number_of(last) == 5


def test_segments_that_are_missing_are_said(path):
    path.with_name("events-00001.jsonl.zst").rename(path.with_name("events-00004.jsonl.zst"))
    reader = EventsReader(path)
    assert [number_of(event) for event in reader] == [3, 4, 5, 0, 1, 2, 6, 7, 8, 9]
    assert reader.damage == [
        "events-00001.jsonl: 1 segments from it on are missing",
        "events-00003.jsonl: 1 segments from it on are missing",
    ]


def damage(path, spoil):
    packed = path.with_name("events-00001.jsonl.zst")
    packed.write_bytes(spoil(packed.read_bytes()))
    reader = EventsReader(path)
    read = [number_of(event) for event in reader]
    assert read[-7:] == list(range(3, 10)), "what comes after it is read"
    return reader.damage


def test_a_damaged_segment_is_read_as_far_as_it_goes_and_said(path):
    for cut in (0, 1, 5, 20, 60):
        said = damage(path, lambda data, cut=cut: data[: len(data) - 1 - cut])
        assert said[0].startswith("events-00001.jsonl.zst: is damaged: nothing after its line")
    said = damage(path, lambda _: b"no zstd at all")
    assert said == ["events-00001.jsonl.zst: is damaged: nothing after its line 0 is read"]


def test_a_bomb_costs_neither_memory_nor_time(path):
    too_large = "events-00001.jsonl.zst: is larger than any segment when unpacked"
    a_mebibyte = zstd.compress(b"\0" * (1 << 20))
    bomb = a_mebibyte * 5_000  # 5 GiB in 240 kB
    tracemalloc.start()
    said = damage(path, lambda _: bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said[0].startswith(too_large)
    assert peak < 32 << 20
    # As large as a segment, and compressed far better than events are.
    assert damage(path, lambda _: a_mebibyte * 64)[0].startswith(too_large)


def test_a_window_that_takes_gigabytes_is_refused(path):
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    wide = zstd.ZstdCompressor(options=options)
    data = wide.compress(os.urandom(1 << 20)) + wide.flush()
    assert "is damaged" in damage(path, lambda _: data)[0]


def test_a_link_is_not_followed(path, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    path.with_name("events-00001.jsonl.zst").rename(elsewhere)
    path.with_name("events-00001.jsonl.zst").symlink_to(elsewhere)
    with pytest.raises(RunFolderError, match="no regular file"):
        numbers(path)


def test_a_segment_that_is_closed_while_the_run_is_read_is_read_once(path):
    """Wherever in the reading the run goes on to the next file."""
    for step in range(4):
        found = []
        for place, segment in enumerate(open_segments(path)):
            assert isinstance(segment, Segment)
            if place == step:
                number = 10 + 10 * step
                path.rename(next_closed(path))
                path.write_bytes(lines(number, number + 1))
                pack_closed(path)
            found += segment.file.read().splitlines()
        assert len(found) == len(set(found))
        assert found[:10] == lines(0, 10).splitlines()


def test_a_run_that_crashes_while_it_is_read_after_it_closed_a_segment_loses_nothing(path):
    found = []
    for place, segment in enumerate(open_segments(path)):
        assert isinstance(segment, Segment)
        if place == 1:
            path.rename(next_closed(path))
        found += segment.file.read().splitlines()
    assert found == lines(0, 10).splitlines()


def test_what_lies_where_the_next_segment_is_made_is_not_written_to(tmp_path):
    outside, folder = tmp_path / "outside", RunFolder(tmp_path / "run")
    folder.path.mkdir()
    outside.write_bytes(b"somebody's")
    (folder.path / ".events.jsonl.next").symlink_to(outside)
    writer = FolderWriter(folder, 0, segment_bytes=1)
    for number in range(3):
        line = bytearray(encode_event(numbered(number)))
        writer.write(Batch(line, {}, taken_ns=number, ends_interval=False))
    writer.close()
    assert outside.read_bytes() == b"somebody's"
    assert numbers(folder.events) == [0, 1, 2]


def test_a_writer_closes_segments_and_packs_them_while_a_reader_reads(tmp_path):
    folder = RunFolder(tmp_path)
    writer = FolderWriter(folder, 0, segment_bytes=2_000)
    done = threading.Event()

    def write():
        for number in range(250):
            line = bytearray(encode_event(numbered(number)))
            writer.write(Batch(line, {}, taken_ns=number, ends_interval=False))
            if number % 7 == 0:
                writer.pack()
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    reads = 0
    while not done.is_set() or reads == 0:
        seen = numbers(folder.events)
        assert seen == list(range(len(seen)))
        reads += 1
    thread.join()
    writer.pack()
    writer.close()
    assert numbers(folder.events) == list(range(250))
    plain = [name for name in names(folder.events) if name.endswith(".jsonl")]
    assert plain == ["events.jsonl"]
    assert len(names(folder.events)) > 10


def test_what_a_crash_left_unpacked_is_packed_by_who_goes_on(path):
    closed(path, 10, 12, packed=False)
    writer = FolderWriter(RunFolder(path.parent), 0)
    writer.pack()
    writer.close()
    assert "events-00003.jsonl.zst" in names(path)
    assert numbers(path) == [*range(6), 10, 11, *range(6, 10)]


class Nearly:
    free = 10


def test_a_disk_that_is_nearly_full_keeps_the_segment_as_it_is(path, monkeypatch):
    closed(path, 10, 12, packed=False)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Nearly)
    with pytest.raises(OSError, match="nearly full"):
        pack_closed(path)
    assert numbers(path) == [*range(6), 10, 11, *range(6, 10)]
    assert not [name for name in names(path) if name.endswith(".tmp")]


def test_sizes_are_known_before_anything_is_unpacked(path):
    assert unpacked_sizes(path) == {
        "events.jsonl": len(lines(6, 10)),
        "events-00001.jsonl": SEGMENT_BYTES,
        "events-00002.jsonl": SEGMENT_BYTES,
    }


def in_segments(run):
    """The same run as if it had been long: three segments, two of them compressed."""
    begun = run.folder.events.read_bytes().splitlines(keepends=True)
    third = len(begun) // 3
    for first in (0, third):
        next_closed(run.folder.events).write_bytes(b"".join(begun[first : first + third]))
        pack_closed(run.folder.events)
    run.folder.events.write_bytes(b"".join(begun[2 * third :]))
    return open_run(run.path)


@pytest.mark.slow
def test_a_bundle_holds_the_segments_unpacked_and_verifies(tmp_path):
    run = idle_kill_story().recorded(tmp_path / "run")
    whole = summarise(run)
    run = in_segments(run)
    assert summarise(run) == whole
    for redact in (False, True):
        write_evidence([run], None, tmp_path / "b.zip", redact=redact)
        held = zipfile.ZipFile(tmp_path / "b.zip").namelist()
        assert sum("/events" in name for name in held) == 3
        assert not [name for name in held if name.endswith(".zst")]
        assert verify_bundle(tmp_path / "b.zip").wrong == []


def test_what_is_damaged_in_a_segment_is_damaged_in_a_copy(tmp_path):
    run = in_segments(idle_kill_story().recorded(tmp_path / "run"))
    packed = run.path / "events-00001.jsonl.zst"
    packed.write_bytes(packed.read_bytes()[:-20])
    copy_run(run, tmp_path / "copy", Changes())
    copied = open_run(tmp_path / "copy")
    assert list(copied.events()) == list(run.events())
    assert "unreadable" in copied.damage[0]
