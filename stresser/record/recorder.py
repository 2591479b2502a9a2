"""The event loop's half of recording: takes events and samples at once, has them written soon.

Theory of operation. `event` and `sample` only append to memory. Twice a second the run task hands
what was collected to a thread, which appends it to the files (`write_queue.py`, `writer.py`); so
the disk can be slow without the loop noticing, and at most one second of work is unwritten at any
moment.

Failure. The first write that fails ends recording for good: what comes later is counted, the run
is reported through `failed` and `on_failure`, and nothing is ever raised into the loop.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import trio

from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent, AttemptFailed, FarEndSeen, RunEnded
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.record.chain_files import ChainShelf
from stresser.record.diagnostics import DiagnosticLog
from stresser.record.events_file import encode_event
from stresser.record.failure_runs import FailureRuns, events_in
from stresser.record.folder import RunFolder
from stresser.record.manifest import Gap
from stresser.record.segments import SEGMENT_BYTES
from stresser.record.write_queue import WriteQueue
from stresser.record.writer import Batch, FolderWriter, RecordingFailure, WriteError, reason_of
from stresser.statistics.duration_counts import SparseCounts
from stresser.witness.clock import RunClock

if TYPE_CHECKING:
    from stresser.record.histogram_log import Key

_FLUSH_EVERY_NS = 500 * NS_PER_MS
_SYNC_EVERY_S = 5.0
_BUFFER_LIMIT = 64 << 20
_CLOSE_WITHIN_S = 10.0
_FORCED_CLOSE_WITHIN_S = 2.0


class Recorder:
    """An Observer that writes the run folder.

    Start `run` in the run's nursery; end with `close`, or with `close_now` where the loop is
    gone. `failed` is set once recording stopped; `failure` and `gap` say why and what is missing.
    """

    def __init__(
        self,
        folder: RunFolder,
        clock: RunClock,
        interval_ns: int,
        *,
        diagnostics: DiagnosticLog | None = None,
        on_failure: Callable[[RecordingFailure], None] | None = None,
        on_written: Callable[[bytes], None] | None = None,
        flush_every_ns: int = _FLUSH_EVERY_NS,
        buffer_limit: int = _BUFFER_LIMIT,
        sync_every_s: float = _SYNC_EVERY_S,
        segment_bytes: int = SEGMENT_BYTES,
        recorders: int = 1,
    ) -> None:
        """Open the files. `recorders` record the same run, each in a folder of its own.

        `on_written` is called in the loop with the events of each writing.

        Raises:
            RunFolderError: one of them cannot be written.
        """
        self._folder = folder
        self._clock = clock
        self._interval_ns = interval_ns
        self._diagnostics = diagnostics
        self._on_failure = on_failure
        self._on_written = on_written
        self._handed_over: list[bytearray] = []
        """Events on their way to the disk, where somebody wants to hear of them."""
        self._flush_every_s = flush_every_ns / NS_PER_S
        self._sync_every_s = sync_every_s
        # Half, for a batch of this size may be with the thread while the next one grows.
        self._buffer_limit = buffer_limit // 2
        # Of its own: trio's default limiter may be taken up by a thousand name look-ups.
        self._thread_limiter = trio.CapacityLimiter(2)

        now_ns = clock.now_ns()
        self._last_seen = (now_ns, time.monotonic_ns())
        self._next_interval_ns = now_ns
        self._lines = bytearray()
        self._far_lines = bytearray()
        self._counts: dict[Key, SparseCounts] = {}
        self._failures = FailureRuns()
        self._chains = ChainShelf(recorders)
        self._run_ended = False
        self._clamped = 0

        self._adopted_error: WriteError | None = None
        self._lost_events = 0
        self._lost_samples = 0
        self._closing = trio.Event()
        self._closed = False

        self.failed = trio.Event()
        """Set when recording stopped."""
        self.failure: RecordingFailure | None = None
        self._advance_interval(now_ns)
        self._writer = FolderWriter(folder, clock.anchor_unix_ns, now_ns, segment_bytes)
        self._queue = WriteQueue(self._writer, now_ns)

    # What the event loop calls.

    def event(self, event: AnyEvent) -> None:
        """Record an event. About 1.5 us; never blocks, never raises."""
        if self.failure is not None:
            self._lost_events += 1
        elif isinstance(event, AttemptFailed):
            written = self._failures.take(event)
            if written is not None:
                self._write(written)
        else:
            self._write_counted()  # in the order in which things happened
            self._write(event)

    def _write_counted(self) -> None:
        if self._failures.waiting:
            for run in self._failures.flush():
                self._write(run)

    def _write(self, event: AnyEvent) -> None:
        try:
            line = encode_event(event)
        except Exception as error:  # noqa: BLE001 - what is in an event must never end a run
            self._lost_events += 1
            self._warn("an event was not recorded", error=repr(error))
            return
        if event.__class__ is FarEndSeen:
            self._far_lines += line
        else:
            self._lines += line
        if event.__class__ is RunEnded:
            self._run_ended = True
        if len(self._lines) + len(self._far_lines) > self._buffer_limit:
            self._fail("the disk does not keep up, the buffer is full", str(self._folder.events))

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """Record a duration. Never blocks, never raises."""
        self.samples(quantity, cohort, (value_ns,))

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Iterable[int]) -> None:
        """Record durations. About 0.2 us each; never blocks, never raises."""
        key = quantity, cohort
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = SparseCounts()
        counts.add_all(values_ns)

    def keep_chain(self, chain_id: str, chain: Sequence[bytes]) -> bool:
        """Record a certificate chain (DER, leaf first), once; False: it is not kept.

        Never blocks, never raises.
        """
        return self.failure is None and self._chains.keep(chain_id, chain)

    # What is missing.

    @property
    def unrecorded_events(self) -> int:
        """Events that are not in the folder, and not waiting to be written either."""
        return self._lost_events

    @property
    def unrecorded_samples(self) -> int:
        """Samples that are not in the folder as they were: lost, or clamped to the range."""
        if self.failure is not None:
            return self._lost_samples + self._samples_after_failure + self._clamped
        return self._clamped_samples

    @property
    def gap(self) -> Gap | None:
        """What is missing since recording stopped; None while it goes on."""
        if self.failure is None:
            return None
        return Gap(
            what=self.failure.what,
            path=self.failure.path,
            since_t_ns=self._queue.written_until_ns,
            since_utc=self._clock.utc(self._queue.written_until_ns),
            events=self._lost_events,
            samples=self._lost_samples + self._samples_after_failure,
        )

    @property
    def _clamped_samples(self) -> int:
        return self._clamped + sum(counts.clamped for counts in self._counts.values())

    @property
    def _samples_after_failure(self) -> int:
        # `sample` does not look whether recording stopped: what it counted since is just not taken.
        if self.failure is None:
            return 0
        return sum(counts.count for counts in self._counts.values())

    # The background task.

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write twice a second until `close`. Cancelling it is safe; `close` writes the rest."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_synced)
            task_status.started()
            await self._keep_written()
            nursery.cancel_scope.cancel()

    async def _keep_written(self) -> None:
        due = trio.current_time()
        while True:
            # On an absolute schedule, but what was missed is not made up for.
            due = max(due + self._flush_every_s, trio.current_time())
            with trio.move_on_at(due):
                await self._closing.wait()
                return
            self._hand_over()
            await self._in_thread(self._drain)
            self._adopt_write_error()
            self._tell_written()

    def _tell_written(self) -> None:
        if self._on_written is not None and self.failure is None:
            lines, self._handed_over = self._handed_over, []
            self._on_written(b"".join(lines))

    async def _keep_synced(self) -> None:
        while True:
            await trio.sleep(self._sync_every_s)
            await self._in_thread(self._queue.sync)
            self._adopt_write_error()
            await self._in_thread(self._pack)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        # Abandoned on cancel: a disk that hangs must not keep a run from stopping.
        await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._thread_limiter)

    def _hand_over(self, *, final: bool = False) -> None:
        """Take what was collected and queue it for the thread."""
        now_ns = self._now_ns()
        if self.failure is not None:
            return
        self._write_counted()
        ends_interval = final or now_ns >= self._next_interval_ns
        chains = self._chains.take()
        if self._lines or self._far_lines or self._counts or chains or ends_interval:
            self._clamped = self._clamped_samples
            far = bytes(self._far_lines)
            self._queue.put(Batch(self._lines, self._counts, now_ns, ends_interval, chains, far))
            if self._on_written is not None:
                self._handed_over.append(self._lines)
            self._lines, self._far_lines, self._counts = bytearray(), bytearray(), {}
        if ends_interval:
            self._advance_interval(now_ns)

    def _advance_interval(self, now_ns: int) -> None:
        """Intervals end at multiples of their length, or at the first chance after that."""
        self._next_interval_ns = (now_ns // self._interval_ns + 1) * self._interval_ns

    def _now_ns(self) -> int:
        try:
            now_ns = self._clock.now_ns()
        except RuntimeError:
            # A forced stop, after the loop: trio's clock is gone.
            seen_ns, at_ns = self._last_seen
            return seen_ns + time.monotonic_ns() - at_ns
        self._last_seen = (now_ns, time.monotonic_ns())
        return now_ns

    def _drain(self) -> None:
        self._queue.drain()
        self._flush_diagnostics()

    def _finish(self) -> None:
        self._queue.finish()
        self._flush_diagnostics()

    def _pack(self) -> None:
        try:
            self._writer.pack()
        except OSError as error:
            self._warn("a closed segment stays as it is", why=error.strerror or repr(error))

    def _flush_diagnostics(self) -> None:
        if self._diagnostics is not None:
            self._diagnostics.flush()

    # Failure.

    def _adopt_write_error(self) -> None:
        error = self._queue.error
        if error is None or error is self._adopted_error:
            return
        self._adopted_error = error
        self._lost_events += error.events
        self._lost_samples += error.samples
        if self.failure is None:
            self._fail(reason_of(error), str(error.path))

    def _fail(self, what: str, path: str) -> None:
        now_ns = self._now_ns()
        utc = self._clock.utc(now_ns)
        far = self._far_lines.count(b"\n")
        self._lost_events += events_in(self._lines) + self._failures.waiting + far
        self._lines, self._far_lines = bytearray(), bytearray()
        self.failure = RecordingFailure(what=what, path=path, t_ns=now_ns, utc=utc)
        events, samples = self._queue.drop()
        self._lost_events += events
        self._lost_samples += samples
        self.failed.set()
        self._warn("recording stopped", what=what, path=path)
        if self._on_failure is not None:
            self._on_failure(self.failure)

    def _warn(self, text: str, **details: str) -> None:
        if self._diagnostics is not None:
            self._diagnostics.logger.error(text, **details)

    # The end.

    async def close(self, reason: str) -> None:
        """Write what is left and close the files; adds `run_ended` where it was not recorded.

        Never raises; look at `failure` afterwards. A disk that hangs is given 10 s.
        """
        self._closing.set()
        if self._closed:
            return
        self._prepare_end(reason)
        with trio.move_on_after(_CLOSE_WITHIN_S, shield=True) as scope:
            await self._in_thread(self._finish)
            await self._in_thread(self._pack)
        self._settle(timed_out=scope.cancelled_caught, reason=reason)
        self._tell_written()

    def close_now(self, reason: str, within_s: float = _FORCED_CLOSE_WITHIN_S) -> None:
        """`close` for a forced stop: blocks, needs no event loop. Never raises."""
        self._closing.set()
        if self._closed:
            return
        self._prepare_end(reason)
        thread = threading.Thread(target=self._finish, daemon=True)
        thread.start()
        thread.join(within_s)
        self._settle(timed_out=thread.is_alive(), reason=reason)

    def flush_now(self) -> None:
        """Write at once all that was collected, in this thread; recording goes on. Never raises."""
        self._hand_over()
        self._drain()
        self._adopt_write_error()
        self._pack()

    def _prepare_end(self, reason: str) -> None:
        self._closed = True
        if not self._run_ended and self.failure is None:
            self.event(self._ended(reason))
        self._hand_over(final=True)

    def _ended(self, reason: str) -> RunEnded:
        now_ns = self._now_ns()
        return RunEnded(
            t_ns=now_ns,
            utc=self._clock.utc(now_ns),
            reason=reason,
            unrecorded_events=self.unrecorded_events,
            unrecorded_samples=self.unrecorded_samples,
        )

    def _settle(self, *, timed_out: bool, reason: str) -> None:
        self._adopt_write_error()
        if timed_out:
            if self.failure is None:
                self._fail("the disk does not answer", str(self._folder.path))
            return  # the thread may still be at the files
        if self.failure is not None:
            self._writer.write_last_words(encode_event(self._ended(reason)))
        self._writer.close()
