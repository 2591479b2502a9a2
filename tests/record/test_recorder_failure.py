"""Recording stops loudly: real full disks, real limits, folders that vanish."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from stresser.model.events import RunEnded, WitnessGap
from stresser.model.quantity import Quantity
from stresser.record.events_file import EventsReader, encode_event
from stresser.record.folder import RunFolder, create_run_folder
from stresser.record.reader import open_run
from stresser.record.recorder import Recorder
from stresser.record.writer import Batch, FolderWriter
from stresser.witness.clock import RunClock
from tests.fakes.small_disk import fill
from tests.record.sample_events import COHORT, number_of, numbered
from tests.record.test_recorder import recorded

RTT = (Quantity.RTT, COHORT)
S = 10**9
MS = 10**6


def failing_run(parent, spoil, **options):
    """Record numbered events, spoil the folder, go on until recording has stopped."""
    told: list[object] = []
    sent = {"events": 0, "samples": 0}

    async def work(recorder, folder):
        def send():
            recorder.event(numbered(sent["events"]))
            recorder.sample(*RTT, 1000)
            sent["events"] += 1
            sent["samples"] += 1

        for _ in range(100):
            send()
        recorder.flush_now()
        spoil(folder)
        while not recorder.failed.is_set():
            send()
            await trio.sleep(0.001)
        for _ in range(50):
            send()

    folder, recorder = recorded(
        parent, work, on_failure=told.append, flush_every_ns=20 * MS, **options
    )
    assert told == [recorder.failure]
    assert recorder.failure.t_ns >= recorder.gap.since_t_ns
    return folder, recorder, sent


def remove(folder):
    """Moved first: a tree that is deleted in place still takes what is written meanwhile."""
    shutil.rmtree(folder.path.rename(folder.path.with_name("gone")))


SPOILERS = {
    "folder removed": remove,
    "events file removed": lambda folder: folder.events.unlink(),
    "folder moved": lambda folder: folder.path.rename(folder.path.with_name("moved")),
    "another file in its place": lambda folder: folder.manifest.replace(folder.events),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_a_folder_that_vanishes_stops_recording_loudly(tmp_path, name):
    def spoil(folder):
        folder.manifest.write_text("")
        SPOILERS[name](folder)

    _, recorder, sent = failing_run(tmp_path, spoil)
    assert "events.jsonl" in str(recorder.failure)
    assert recorder.failure.what in {
        "the file was deleted or moved",
        "another file is in its place",
    }
    # Everything that was sent after the folder went is counted as missing.
    assert recorder.gap.events == recorder.unrecorded_events == sent["events"] - 100
    assert recorder.gap.samples == recorder.unrecorded_samples == sent["samples"] - 100


def test_a_full_disk_stops_recording_and_every_loss_is_counted(small_disk):
    def spoil(folder):
        ballast = fill(folder.path.parent)
        # Leave a little, so that a line is torn rather than refused.
        os.truncate(ballast, ballast.stat().st_size // 4096 * 4096 - 3 * 4096)

    folder, recorder, sent = failing_run(small_disk, spoil)
    assert recorder.failure.what == "No space left on device"
    run = open_run_without_manifest(folder)
    *numbers, last = run.events()
    assert [number_of(event) for event in numbers] == list(range(len(numbers)))
    assert recorder.gap.events == sent["events"] - len(numbers)
    assert recorder.gap.samples == sent["samples"] - run.histograms()[RTT].count
    # The reserve made room for the last line, which states the gap.
    assert isinstance(last, RunEnded)
    assert last.unrecorded_events == recorder.gap.events
    assert all("torn" not in sentence for sentence in run.damage)


def test_a_disk_too_full_to_compress_keeps_the_segment_and_the_run(small_disk):
    folder = RunFolder(small_disk)
    writer = FolderWriter(folder, 0, segment_bytes=300_000)
    texts = [f"{os.urandom(300).hex()}" for _ in range(520)]  # compressed to half and no less
    events = [
        WitnessGap(t_ns=number, utc="x", witness="packets", detail=text)
        for number, text in enumerate(texts)
    ]
    lines = bytearray(b"".join(map(encode_event, events)))
    writer.write(Batch(lines, {}, taken_ns=1, ends_interval=False))
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"0" * (shutil.disk_usage(small_disk).free - 120_000))
    with pytest.raises(OSError, match="No space left"):
        writer.pack()
    ballast.write_bytes(
        b"0" * (shutil.disk_usage(small_disk).free + ballast.stat().st_size - 9_000)
    )
    writer.write(Batch(bytearray(encode_event(numbered(7))), {}, taken_ns=2, ends_interval=False))
    writer.close()
    *first, last = EventsReader(folder.events)
    assert (first, number_of(last)) == (events, 7)
    names = sorted(one.name for one in small_disk.iterdir() if one.name.startswith(("e", ".")))
    assert names == ["events-00001.jsonl", "events.jsonl"]


def open_run_without_manifest(folder):
    run = open_run(folder.path)
    assert run.manifest is None
    return run


LIMITED = """
import resource, sys, json
from pathlib import Path
from tests.record import test_recorder_failure as here
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
folder, recorder, sent = here.failing_run(Path(sys.argv[1]), here.fill_events)
gap = recorder.gap
print(json.dumps([str(folder.path), recorder.failure.what, gap.events, gap.samples, sent]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE on Windows")
def test_a_file_size_limit_stops_recording_and_every_loss_is_counted(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    path, what, lost_events, lost_samples, sent = json.loads(done.stdout)
    assert what == "File too large"
    run = open_run(Path(path))
    numbers = [number_of(event) for event in run.events() if not isinstance(event, RunEnded)]
    assert numbers == list(range(len(numbers)))
    assert lost_events == sent["events"] - len(numbers)
    assert lost_samples == sent["samples"] - run.histograms()[RTT].count
    assert not any("torn" in sentence or "unreadable" in sentence for sentence in run.damage)


def fill_events(folder):
    """Bring the events file near the limit with a line of a type that nobody knows."""
    room = 300_000 - folder.events.stat().st_size - 500
    with folder.events.open("ab") as file:
        file.write(b'{"event":"padding","x":"' + b"x" * (room - 27) + b'"}\n')


def test_a_device_that_is_always_full_fails_at_the_first_write(tmp_path):
    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        folder.events.symlink_to("/dev/full")
        recorder = Recorder(folder, clock, 10 * S)
        recorder.event(numbered(1))
        recorder.flush_now()
        assert recorder.failure is not None
        assert recorder.failure.what == "No space left on device"
        assert recorder.failed.is_set()
        await recorder.close("duration")
        assert recorder.unrecorded_events == 1

    trio.run(main)


def test_what_was_not_written_is_not_handed_on(tmp_path):
    heard: list[bytes] = []

    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        recorder = Recorder(folder, clock, 10 * S, on_written=heard.append)
        folder.path.rename(tmp_path / "elsewhere")
        async with trio.open_nursery() as nursery:
            with trio.fail_after(20):
                await nursery.start(recorder.run)
                recorder.event(numbered(1))
                await recorder.failed.wait()
                await recorder.close("the folder is gone")
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert b"".join(heard) == b""
