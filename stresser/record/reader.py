"""Opens a recorded run, also one that still goes on, that crashed, or that is damaged.

What can be read is read; what cannot is said in `damage`. Only a folder with nothing of a run in
it is an error.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from stresser.model.errors import RunFolderError
from stresser.model.events import AnyEvent, RunEnded
from stresser.model.units import NS_PER_S, format_utc
from stresser.record.chain_files import read_chain
from stresser.record.far_ends import with_far_ends
from stresser.record.folder import RunFolder, shown_path
from stresser.record.histogram_log import Key, LoggedInterval
from stresser.record.host_facts import lives
from stresser.record.lookup import has_begun, has_records, resolve_run
from stresser.record.manifest import Manifest, Status, read_manifest
from stresser.record.process_record import ProcessRecord, merged_events
from stresser.record.summary_file import read_summary
from stresser.record.worker_folders import missing_workers, odd_workers, worker_folders
from stresser.statistics.duration_counts import Distribution
from stresser.statistics.merged_counts import MergedCounts

__all__ = [
    "LastSign", "RecordedRun", "RunStatus", "open_record", "open_reflection", "open_run",
    "resolve_run",
]  # fmt: skip

_MOST_HISTOGRAMS = 20_000
_MOST_BUCKETS = 4_000_000
_FRESH_NS = 30 * NS_PER_S
"""A folder written to as lately as this belongs to a run that goes on (it writes twice a second)"""


class RunStatus(StrEnum):
    """How far a run came, as seen from outside."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"
    """Its process is gone and did not say goodbye."""


class LastSign(NamedTuple):
    """The last thing that a run wrote."""

    utc: str
    source: str
    """`the last event`, `the last histogram interval` or `the files' times`."""


class RecordedRun:
    """One run folder. Made by `open_run`. Large files are streamed, never held."""

    def __init__(self, folder: RunFolder, manifest: Manifest | None, damage: list[str]) -> None:
        self.folder = folder
        self.manifest = manifest
        """None where it is missing or damaged."""
        self._own = ProcessRecord(folder)
        workers = worker_folders(folder).items()
        self._workers = [ProcessRecord(one, number) for number, one in workers]
        lacking = missing_workers(folder, manifest.workers) if manifest else []
        self._damage = [*damage, *odd_workers(folder), *lacking]
        self._refused = 0
        self.status = self._find_status()

    @property
    def _records(self) -> list[ProcessRecord]:
        """Of each process that recorded, the run's own first."""
        return [self._own, *self._workers]

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder.path

    @property
    def is_reflectors(self) -> bool:
        """A reflector's record: of its sessions this end alone is in it."""
        return self.manifest is not None and self.manifest.listened is not None

    @property
    def anchor_unix_ns(self) -> int | None:
        """UTC of the run's start, in nanoseconds since 1970; None where nothing tells."""
        if self.manifest is not None:
            return self.manifest.anchor_unix_ns
        anchors = (one.anchor_unix_ns for one in self._records)
        return next((one for one in anchors if one is not None), None)

    def events(self) -> Iterator[AnyEvent]:
        """All readable events, in order, counted ones one by one; none where the file is missing.

        Those of workers are merged by time. Endings are judged by both ends where a reflector's
        record was joined.

        Raises:
            RunFolderError: the file cannot be read.
        """
        told = (one for record in reversed(self._records) for one in record.far_ends())
        return with_far_ends(merged_events(self._own, self._workers), told)

    def intervals(self) -> Iterator[LoggedInterval]:
        """All readable histogram intervals, the unfinished one included, each once.

        Raises:
            RunFolderError: a file cannot be read.
        """
        return chain.from_iterable(one.intervals() for one in self._records)

    def histograms(
        self, watch: Callable[[LoggedInterval], None] | None = None
    ) -> dict[Key, Distribution]:
        """The durations of the whole run, by quantity and cohort.

        `watch` takes each interval as well: reading a night's log twice would take seconds.

        Raises:
            RunFolderError: a file cannot be read.
        """
        merged = MergedCounts[Key](_MOST_HISTOGRAMS, _MOST_BUCKETS)
        for interval in self.intervals():
            merged.add(interval.key, interval.counts)
            if watch is not None:
                watch(interval)
        self._refused = merged.refused
        return {key: counts.distribution() for key, counts in merged.by_name().items()}

    def chain(self, chain_id: str) -> bytes | None:
        """A certificate chain as it was served, PEM text; None where it was not kept.

        Raises:
            RunFolderError: the file cannot be read.
        """
        found = (read_chain(one.folder, chain_id) for one in self._records)
        return next((one for one in found if one is not None), None)

    def summary(self) -> dict[str, Any] | None:
        """The findings as recorded; None for a run that did not come so far.

        Raises:
            RunFolderError: the file cannot be read.
        """
        return read_summary(self.folder) if self.folder.summary.exists() else None

    @property
    def damage(self) -> list[str]:
        """What is missing or could not be read, one sentence each.

        Covers the files once `events()` and `histograms()` were gone through.
        """
        sentences = [*self._damage, *(line for one in self._records for line in one.damage)]
        if self._refused:
            sentences.append(f"{self._refused} histogram intervals are too many to be read")
        for before in self.manifest.resumptions if self.manifest else ():
            if before.gap:
                sentences.append(str(before.gap))
            elif before.unrecorded_events:
                sentences.append(f"{before.unrecorded_events} events were not recorded")
        if self.manifest and self.manifest.gap:
            sentences.append(str(self.manifest.gap))
        else:
            sentences += [line for one in self._records for line in one.unrecorded]
        return sentences

    def _find_status(self) -> RunStatus:
        if self.manifest is None:
            ended = isinstance(self._own.last_event, RunEnded)
            return RunStatus.COMPLETE if ended else self._status_by_age()
        if self.manifest.status is not Status.RUNNING:
            return RunStatus(self.manifest.status.value)
        alive = lives(self.manifest.process)
        if alive is None:
            return self._status_by_age()
        return RunStatus.RUNNING if alive else RunStatus.CRASHED

    def _status_by_age(self) -> RunStatus:
        # Another host's or another namespace's process: only the files can tell. Their times are
        # wall time, so wall time it must be.
        written = self._last_written_unix_ns()
        fresh = written is not None and abs(time.time_ns() - written) < _FRESH_NS
        return RunStatus.RUNNING if fresh else RunStatus.CRASHED

    def _last_written_unix_ns(self) -> int | None:
        return _latest(one.last_written_unix_ns for one in self._records)

    def last_sign(self) -> LastSign | None:
        """When a crashed run wrote for the last time, and how that is known.

        From what is in the files; their own times, which a copy changes, only where nothing is
        readable in them.
        """
        last_events = (one.last_event for one in self._records)
        signs = [LastSign(one.utc[:40], "the last event") for one in last_events if one is not None]
        end_ns = self.last_interval_ns
        if end_ns is not None and self.anchor_unix_ns is not None:
            utc = _utc(self.anchor_unix_ns + end_ns)
            signs.append(LastSign(utc, "the last histogram interval"))
        if not signs and (written := self._last_written_unix_ns()) is not None:
            signs.append(LastSign(_utc(written), "the files' times"))
        return max(signs, default=None)

    @property
    def last_interval_ns(self) -> int | None:
        """When the last histogram interval ends, since the run began; None where none is."""
        return _latest(one.last_interval_ns for one in self._records)

    @property
    def crashed_at_utc(self) -> str | None:
        """The last sign of life of a crashed run; None for any other."""
        sign = self.last_sign() if self.status is RunStatus.CRASHED else None
        return sign.utc if sign else None


def _latest(times: Iterable[int | None]) -> int | None:
    return max((one for one in times if one is not None), default=None)


def _utc(unix_ns: int) -> str:
    try:
        return format_utc(unix_ns)
    except OverflowError:
        return "an impossible time"


def open_run(path: Path) -> RecordedRun:
    """Open the folder of a tester's run.

    Raises:
        RunFolderError: there is no run in it, or it cannot be read.
    """
    record = open_record(path)
    if record.is_reflectors:
        raise RunFolderError(
            f"{shown_path(path)}: is a reflector's record; `stresser join RUN"
            f" {shown_path(path)}` joins it with the run of its tester"
        )
    return record


def open_reflection(path: Path) -> RecordedRun:
    """Open the folder of a reflector.

    Raises:
        RunFolderError: it is none, or cannot be read.
    """
    record = open_record(path)
    if not record.is_reflectors:
        raise RunFolderError(f"{shown_path(path)}: is no record of `stresser reflect`")
    return record


def open_record(path: Path) -> RecordedRun:
    """Open a folder, whosever it is.

    Raises:
        RunFolderError: there is no run in it, or it cannot be read.
    """
    folder = RunFolder(path)
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise RunFolderError(f"{shown_path(path)}: {what}")
    if not has_begun(folder):
        raise RunFolderError(
            f"{shown_path(path)}: is not a run folder: manifest.json and events.jsonl are missing"
        )
    try:
        return RecordedRun(folder, read_manifest(folder.manifest), [])
    except RunFolderError as error:
        if not has_records(folder):
            raise
        # Named as the other files are: where the folder lies is nothing of the run's.
        where, name = f"{shown_path(folder.manifest)}: ", folder.manifest.name
        return RecordedRun(
            folder, None, [f"{name}: {line.removeprefix(where)}" for line in error.lines]
        )
