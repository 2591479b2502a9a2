import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from stresser.model.events import RunEnded
from stresser.model.quantity import HIGHEST_NS, Quantity
from stresser.record.diagnostics import DiagnosticLog
from stresser.record.events_file import EventsReader
from stresser.record.folder import create_run_folder
from stresser.record.reader import open_run
from stresser.record.recorder import Recorder
from stresser.witness.clock import RunClock
from tests.record.sample_events import COHORT, number_of, numbered, run_started, session_ended

RTT = (Quantity.RTT, COHORT)
S = 10**9
MS = 10**6


def recorded(parent, work, **options):
    """Run `work(recorder, folder)` beside a recorder, in a real loop; the folder and recorder."""

    async def main():
        clock = RunClock()
        folder = create_run_folder(parent, "quick", None, clock.anchor_unix_ns)
        options.setdefault("interval_ns", 10 * S)
        recorder = Recorder(folder, clock, **options)
        async with trio.open_nursery() as nursery:
            with trio.fail_after(20):
                await nursery.start(recorder.run)
                await work(recorder, folder)
                await recorder.close("duration")
        return folder, recorder

    return trio.run(main)


async def until(condition):
    """Wait for what another thread or task brings about."""
    with trio.fail_after(10):
        while not condition():
            await trio.sleep(0.005)


def events_in(folder):
    return list(EventsReader(folder.events))


def test_events_and_samples_are_in_the_folder_after_close(tmp_path):
    async def work(recorder, _folder):
        recorder.event(run_started())
        for number in range(1000):
            recorder.event(numbered(number))
            recorder.sample(*RTT, 1000 + number)
        recorder.sample(Quantity.LOOP_LAG, None, 7)

    folder, recorder = recorded(tmp_path, work)
    first, *numbers, last = events_in(folder)
    assert first == run_started()
    assert [number_of(event) for event in numbers] == list(range(1000))
    assert isinstance(last, RunEnded)
    assert (last.reason, last.unrecorded_events, last.unrecorded_samples) == ("duration", 0, 0)
    found = open_run(folder.path).histograms()
    assert (found[RTT].count, found[RTT].quantile(0.5)) == (1000, 1499)
    assert found[Quantity.LOOP_LAG, None].count == 1
    assert recorder.failure is None
    assert recorder.gap is None
    names = {path.name for path in folder.path.iterdir()}
    assert names == {"events.jsonl", "histograms.hlog"}


def test_a_run_ended_of_the_run_itself_is_not_doubled(tmp_path):
    async def work(recorder, _folder):
        recorder.event(RunEnded(t_ns=1, utc="x", reason="signal SIGINT"))

    folder, _ = recorded(tmp_path, work)
    (only,) = events_in(folder)
    assert isinstance(only, RunEnded)
    assert only.reason == "signal SIGINT"


def test_everything_is_in_the_files_soon_without_close(tmp_path):
    async def work(recorder, folder):
        recorder.event(numbered(1))
        recorder.sample(*RTT, 5)
        began = time.monotonic()
        await until(lambda: len(events_in(folder)) == 1 and folder.partial.exists())
        assert time.monotonic() - began < 1.0
        assert open_run(folder.path).histograms()[RTT].count == 1

    recorded(tmp_path, work)


def test_intervals_end_at_multiples_of_their_length(tmp_path):
    async def work(recorder, folder):
        for number in range(3):
            recorder.sample(*RTT, number)
            size = folder.histograms.stat().st_size
            await until(lambda size=size: folder.histograms.stat().st_size > size)

    folder, _ = recorded(tmp_path, work, interval_ns=200 * MS, flush_every_ns=20 * MS)
    intervals = list(open_run(folder.path).intervals())
    assert [interval.counts.count for interval in intervals] == [1, 1, 1]
    for before, after in zip(intervals, intervals[1:], strict=False):
        assert before.end_ns <= after.start_ns + MS
        # The first chance after the multiple: one flush later at most, were nothing else running.
        assert 0 <= before.end_ns - before.end_ns // (200 * MS) * 200 * MS


def test_samples_out_of_range_are_clamped_and_counted(tmp_path):
    async def work(recorder, _folder):
        recorder.sample(*RTT, -5)
        recorder.sample(*RTT, HIGHEST_NS * 2)
        recorder.flush_now()
        recorder.sample(*RTT, -5)
        assert recorder.unrecorded_samples == 3

    folder, recorder = recorded(tmp_path, work)
    last = events_in(folder)[-1]
    assert isinstance(last, RunEnded)
    assert last.unrecorded_samples == recorder.unrecorded_samples == 3
    assert open_run(folder.path).histograms()[RTT].count == 3


class Unspeakable:
    def __repr__(self):
        raise RuntimeError


def test_an_event_that_cannot_be_encoded_is_counted_and_does_not_raise(tmp_path):
    async def work(recorder, _folder):
        recorder.event(session_ended(evidence={"x": Unspeakable()}))
        recorder.event(numbered(1))

    folder, recorder = recorded(tmp_path, work)
    assert recorder.unrecorded_events == 1
    last = events_in(folder)[-1]
    assert isinstance(last, RunEnded)
    assert last.unrecorded_events == 1


def failing_run(parent, spoil, **options):
    """Record numbered events, spoil the folder, go on until recording has stopped."""
    told = []
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


SPOILERS = {
    "folder removed": lambda folder: shutil.rmtree(folder.path),
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
    assert recorder.failure.what in {"the file was deleted or moved", "another file is in its place"}
    # Everything that was sent after the folder went is counted as missing.
    assert recorder.gap.events == recorder.unrecorded_events == sent["events"] - 100
    assert recorder.gap.samples == recorder.unrecorded_samples == sent["samples"] - 100


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of one MiB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small tmpfs needs root")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mount: {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_full_disk_stops_recording_and_every_loss_is_counted(small_disk):
    def spoil(folder):
        ballast = folder.path.parent / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"0" * 4096):
                pass
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


def open_run_without_manifest(folder):
    run = open_run(folder.path)
    assert run.manifest is None
    return run


LIMITED = """
import resource, sys, json
from pathlib import Path
from tests.record import test_recorder as here
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


def test_a_buffer_that_is_never_written_is_bounded(tmp_path):
    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        recorder = Recorder(folder, clock, 10 * S, buffer_limit=10_000)
        for number in range(500):
            recorder.event(numbered(number))
        assert recorder.failure is not None
        assert "buffer is full" in recorder.failure.what
        assert recorder.unrecorded_events == 500
        await recorder.close("duration")
        (last,) = events_in(folder)
        assert isinstance(last, RunEnded)
        assert last.unrecorded_events == 500

    trio.run(main)


def test_closing_now_works_when_the_loop_is_gone(tmp_path):
    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        recorder = Recorder(folder, clock, 10 * S)
        recorder.event(numbered(1))
        recorder.sample(*RTT, 5)
        return folder, recorder

    folder, recorder = trio.run(main)
    recorder.event(numbered(2))
    recorder.close_now("forced")
    recorder.close_now("again")
    *numbers, last = events_in(folder)
    assert [number_of(event) for event in numbers] == [1, 2]
    assert isinstance(last, RunEnded)
    assert last.reason == "forced"
    assert open_run(folder.path).histograms()[RTT].count == 1


def test_a_disk_that_hangs_does_not_keep_a_forced_stop(tmp_path):
    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        recorder = Recorder(folder, clock, 10 * S)
        recorder.event(numbered(1))
        return recorder

    recorder = trio.run(main)
    with recorder._write_lock:  # as a thread in a write that never returns holds it
        recorder.close_now("forced", within_s=0.05)
    assert recorder.failure is not None
    assert recorder.failure.what == "the disk does not answer"
    assert recorder.unrecorded_events == 2


def test_a_cancelled_task_loses_nothing_that_close_cannot_write(tmp_path):
    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        recorder = Recorder(folder, clock, 10 * S, flush_every_ns=1 * MS)
        async with trio.open_nursery() as nursery:
            await nursery.start(recorder.run)
            for number in range(2000):
                recorder.event(numbered(number))
                if number % 100 == 0:
                    await trio.sleep(0)
            nursery.cancel_scope.cancel()
        with trio.CancelScope() as scope:
            scope.cancel()
            await recorder.close("signal SIGINT")
        *numbers, _last = events_in(folder)
        assert [number_of(event) for event in numbers] == list(range(2000))

    trio.run(main)


def test_diagnostics_are_written_by_the_same_thread(tmp_path):
    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        log = DiagnosticLog(folder.log, clock)
        recorder = Recorder(folder, clock, 10 * S, diagnostics=log, flush_every_ns=10 * MS)
        async with trio.open_nursery() as nursery:
            await nursery.start(recorder.run)
            log.logger.info("hello")
            await until(folder.log.exists)
            folder.events.unlink()
            recorder.event(numbered(1))
            await recorder.failed.wait()
            await recorder.close("recording stopped")
        assert "recording stopped" in folder.log.read_text()

    trio.run(main)


def test_a_slow_thread_does_not_hold_up_the_loop(tmp_path):
    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        recorder = Recorder(folder, clock, 10 * S, flush_every_ns=1 * MS)
        async with trio.open_nursery() as nursery:
            await nursery.start(recorder.run)
            recorder._write_lock.acquire()
            recorder.event(numbered(1))
            worst = 0.0
            for _ in range(50):
                due = trio.current_time() + 0.002
                await trio.sleep_until(due)
                worst = max(worst, trio.current_time() - due)
                recorder.event(numbered(2))
            recorder._write_lock.release()
            await recorder.close("duration")
        assert worst < 0.5
        assert len(events_in(folder)) == 52

    trio.run(main)


def best_of(rounds, count, work):
    """Seconds for one call, from the quickest round: the others were disturbed."""
    best = math.inf
    for _ in range(rounds):
        began = time.perf_counter()
        for number in range(count):
            work(number)
        best = min(best, (time.perf_counter() - began) / count)
    return best


def test_an_event_and_a_sample_cost_microseconds(tmp_path):
    async def main():
        clock = RunClock()
        folder = create_run_folder(tmp_path, "quick", None, clock.anchor_unix_ns)
        recorder = Recorder(folder, clock, 10 * S)
        event = numbered(1)
        assert best_of(5, 2000, lambda _: recorder.event(event)) < 10e-6
        assert best_of(5, 2000, lambda n: recorder.sample(*RTT, n * 1000)) < 10e-6
        await recorder.close("duration")

    trio.run(main)
