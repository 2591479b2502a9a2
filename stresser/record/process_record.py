"""What one process of a run recorded: its events and durations, in a folder of its own.

A run of one process has one such record. Where workers held the sessions, each has one in
`workers/N/`, and the run's own has what concerns them all. Of a worker's record what cannot be
read is damage: the others are whole.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from heapq import merge
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from stresser.model.errors import RunFolderError
from stresser.model.events import AnyEvent, ChainSeen, FarEndSeen, RunEnded, RunResumed, RunStarted
from stresser.record.events_file import EventsReader, last_event
from stresser.record.failure_runs import one_by_one
from stresser.record.far_ends import far_ends_in
from stresser.record.folder import RunFolder
from stresser.record.histogram_log import LoggedInterval, LogReader, last_end_ns
from stresser.record.segments import has_segments

T = TypeVar("T")


class _OwnAccount(NamedTuple):
    """A worker's record was closed: what is not in it."""

    t_ns: int
    events: int
    samples: int


class ProcessRecord:
    """One folder's files. Streamed, never held."""

    def __init__(self, folder: RunFolder, worker: int | None = None) -> None:
        self.folder = folder
        self._worker = worker
        self._events = EventsReader(folder.events)
        self._far_ends = EventsReader(folder.far_ends)
        self._log = LogReader(folder.histograms)
        self._partial = LogReader(folder.partial)
        self._unread: dict[str, str] = {}
        """Why a file of a worker could not be read, by its name."""

    def events(self) -> Iterator[AnyEvent]:
        """All readable events in order, counted ones one by one; none where the file is missing.

        Raises:
            RunFolderError: the file cannot be read, and it is the run's own.
        """
        if has_segments(self.folder.events):
            yield from self._kept(self._events.path.name, one_by_one(self._events))
        elif self._worker is not None:
            self._unread[self._events.path.name] = "is missing"

    def workers_events(self) -> Iterator[AnyEvent | _OwnAccount]:
        """As the run has them: when it began, ended and went on, its own record alone says."""
        for event in self.events():
            if isinstance(event, RunEnded):
                lost = event.unrecorded_events, event.unrecorded_samples
                yield _OwnAccount(event.t_ns, *lost)
            elif isinstance(event, ChainSeen) and event.file == f"chains/{event.chain}.pem":
                yield replace(event, file=f"{self._prefix}{event.file}")
            elif not isinstance(event, RunStarted | RunResumed):
                yield event

    def far_ends(self) -> Iterator[FarEndSeen]:
        """What a reflector told of sessions.

        Raises:
            RunFolderError: the file cannot be read, and it is the run's own.
        """
        told = self._far_ends
        if told.path.exists():
            yield from self._kept(told.path.name, far_ends_in(told))

    def intervals(self) -> Iterator[LoggedInterval]:
        """All readable histogram intervals, the unfinished one included, each once.

        Raises:
            RunFolderError: a file cannot be read, and it is the run's own.
        """
        # The partial file first: while the run goes on, an interval moves from it to the log.
        unfinished = {(part.key, part.start_ns): part for part in self._of(self._partial)}
        for interval in self._of(self._log):
            unfinished.pop((interval.key, interval.start_ns), None)
            yield interval
        yield from unfinished.values()

    def _of(self, log: LogReader) -> Iterator[LoggedInterval]:
        if log.path.exists():
            yield from self._kept(log.path.name, iter(log))

    def _kept(self, name: str, lines: Iterator[T]) -> Iterator[T]:
        self._unread.pop(name, None)
        try:
            yield from lines
        except RunFolderError as error:
            cause = error.__cause__
            if self._worker is None or not isinstance(cause, OSError):
                raise
            self._unread[name] = f"cannot be read: {cause.strerror}"

    @property
    def anchor_unix_ns(self) -> int | None:
        """UTC of the run's start as the log has it, to the millisecond; None: it has none."""
        if self._log.anchor_unix_ns is None:
            with suppress(RunFolderError):  # whoever reads all of it hears of that
                next(self._of(self._log), None)  # its head has it
        return self._log.anchor_unix_ns

    @cached_property
    def last_event(self) -> AnyEvent | None:
        """The last readable event, as it was when it was first asked for."""
        return last_event(self.folder.events)

    @property
    def last_interval_ns(self) -> int | None:
        """When the last histogram interval ends, since the run began; None where none is."""
        ends = (last_end_ns(path) for path in (self.folder.histograms, self.folder.partial))
        return max((end_ns for end_ns in ends if end_ns is not None), default=None)

    @property
    def last_written_unix_ns(self) -> int | None:
        """When one of the files was written for the last time, by the files' times."""
        times = []
        for path in (self.folder.events, self.folder.histograms, self.folder.partial):
            with suppress(OSError):
                times.append(path.stat().st_mtime_ns)
        return max(times, default=None)

    @property
    def unrecorded(self) -> list[str]:
        """How many events its last word says are not in the folder, in a sentence if any are."""
        last = self.last_event
        count = last.unrecorded_events if isinstance(last, RunEnded) else 0
        where = "" if self._worker is None else f"{self._prefix}{self._events.path.name}: "
        return [f"{where}{count} events were not recorded"] if count else []

    @property
    def damage(self) -> list[str]:
        """What could not be read so far, one sentence each, which begins with the file's name."""
        sentences = [f"{name}: {why}" for name, why in self._unread.items()]
        for file in (self._events, self._far_ends, self._log, self._partial):
            sentences += file.damage
        return [f"{self._prefix}{sentence}" for sentence in sentences]

    @property
    def _prefix(self) -> str:
        return "" if self._worker is None else f"workers/{self._worker}/"


def merged_events(own: ProcessRecord, workers: Sequence[ProcessRecord]) -> Iterator[AnyEvent]:
    """The events of all processes in order of time, each process's in its own order.

    At the same time the run's own are first, but for its `run_ended`, which is after all others and
    says what all of them did not record.

    Raises:
        RunFolderError: the run's own record cannot be read.
    """
    if not workers:
        yield from own.events()
        return
    events = samples = 0
    streams = (own.events(), *(worker.workers_events() for worker in workers))
    for event in merge(*streams, key=_place):
        if isinstance(event, _OwnAccount):
            events, samples = events + event.events, samples + event.samples
        elif isinstance(event, RunEnded) and (events or samples):
            yield replace(
                event,
                unrecorded_events=event.unrecorded_events + events,
                unrecorded_samples=event.unrecorded_samples + samples,
            )
            events = samples = 0
        else:
            yield event


def _place(event: AnyEvent | _OwnAccount) -> int:
    return 2 * event.t_ns + (event.__class__ is RunEnded)
