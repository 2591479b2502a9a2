"""The thread's half of recording: takes batches and puts them into the run folder's files.

One thread at a time. It knows no trio and no clock: a batch says when it was taken.
"""

import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from stresser.model.errors import RunFolderError
from stresser.record.appender import Appender, AppendError
from stresser.record.atomic_write import sync_directory, write_atomically
from stresser.record.chain_files import write_chains
from stresser.record.failure_runs import events_in
from stresser.record.folder import RunFolder, shown_path
from stresser.record.histogram_log import IntervalLines, Key, header
from stresser.record.segments import SEGMENT_BYTES, next_closed, pack_closed
from stresser.statistics.duration_counts import SparseCounts


class Batch(NamedTuple):
    """What the event loop collected since the last batch."""

    lines: bytearray
    """Whole event lines."""
    counts: dict[Key, SparseCounts]
    taken_ns: int
    """When it was taken, since the run began."""
    ends_interval: bool
    chains: Mapping[str, bytes] = MappingProxyType({})
    """Certificate chains as PEM, by id."""
    far_lines: bytes = b""
    """Lines of what a reflector told of sessions."""

    @property
    def events(self) -> int:
        """How many events it holds."""
        return events_in(self.lines) + self.far_lines.count(b"\n")

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return sum(counts.count for counts in self.counts.values())


class WriteError(Exception):
    """A batch, or part of it, could not be written; `__cause__` is the OSError."""

    def __init__(self, path: Path, events: int, samples: int) -> None:
        super().__init__(path, events, samples)
        self.path = path
        self.events = events
        """How many events of the batch are not in the folder."""
        self.samples = samples
        """How many samples of the batch are not in the folder."""


class RecordingFailure(Struct, frozen=True, kw_only=True):
    """Why recording stopped."""

    what: str
    """In the system's words: `No space left on device`."""
    path: str
    t_ns: int
    """When stresser learned of it, since the run began."""
    utc: str

    def __str__(self) -> str:
        return f"recording stopped at {self.utc}: {self.path}: {self.what}"


class FolderWriter:
    """Keeps the events file and the histogram log open."""

    def __init__(
        self,
        folder: RunFolder,
        anchor_unix_ns: int,
        start_ns: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """Open the files. A segment of the events is closed once it is `segment_bytes` long.

        Raises:
            RunFolderError: one of them cannot be written.
        """
        self._folder = folder
        self._header = header(anchor_unix_ns)
        self._interval = IntervalLines(start_ns)
        self._far_ends: Appender | None = None
        self._segment_bytes = segment_bytes
        self._closed_one = True
        """A segment was closed and is not yet compressed; at first, one that a crash left."""
        self._packing = threading.Lock()
        path = folder.events
        try:
            self._events = Appender(path)
            path = folder.histograms
            self._histograms = Appender(path)
            if not self._histograms.size:
                self._histograms.append(self._header)
        except (OSError, AppendError) as error:
            cause = error.__cause__ if isinstance(error, AppendError) else error
            reason = cause.strerror if isinstance(cause, OSError) else cause
            raise RunFolderError(f"{shown_path(path)}: cannot be written: {reason}") from error

    def write(self, batch: Batch) -> None:
        """Put a batch into the files.

        Raises:
            WriteError: with what of it is lost.
        """
        self._write_events(batch)
        self._write_far_ends(batch)
        self._write_chains(batch)
        try:
            self._write_counts(batch)
        except AppendError as error:
            raise WriteError(error.path, 0, batch.samples) from error.__cause__
        except OSError as error:
            raise WriteError(self._folder.partial, 0, batch.samples) from error

    def _write_events(self, batch: Batch) -> None:
        events = self._events
        try:
            events.check_present()
            events.append(batch.lines)
        except AppendError as error:
            lost = events_in(batch.lines[error.kept :])
            raise WriteError(events.path, lost, batch.samples) from error.__cause__
        except OSError as error:
            raise WriteError(events.path, batch.events, batch.samples) from error
        if events.size >= self._segment_bytes:
            # What cannot be renamed now goes on growing.
            with contextlib.suppress(OSError):
                self._close_segment()

    def _close_segment(self) -> None:
        """Go on in a new file. It is there before the old one is renamed: nothing is lost between.

        Raises:
            OSError: the old one goes on.
        """
        path, closed = self._folder.events, next_closed(self._folder.events)
        place = path.with_name(f".{path.name}.next")
        place.unlink(missing_ok=True)  # of a crash
        beside = Appender(place, is_new=True)
        try:
            self._events.sync()
            self._events.move(closed)
            try:
                beside.move(path)
            except OSError:
                self._events.move(path)
                raise
        except OSError:
            beside.close()
            raise
        self._events.close()
        self._events, self._closed_one = beside, True
        sync_directory(path.parent)

    def pack(self) -> None:
        """Compress what was closed. May run beside `write`.

        Raises:
            OSError: it stays as it is, until the next segment is closed.
        """
        with self._packing:
            if self._closed_one:
                self._closed_one = False
                pack_closed(self._folder.events)

    def _write_far_ends(self, batch: Batch) -> None:
        if not batch.far_lines:
            return
        path, lines = self._folder.far_ends, batch.far_lines
        try:
            if self._far_ends is None:
                self._far_ends = Appender(path)
            self._far_ends.append(lines)
        except AppendError as error:
            lost = lines.count(b"\n", error.kept)
            raise WriteError(path, lost, batch.samples) from error.__cause__
        except OSError as error:
            raise WriteError(path, lines.count(b"\n"), batch.samples) from error

    def _write_chains(self, batch: Batch) -> None:
        # After the events: a chain without its file is told of all the same.
        try:
            write_chains(self._folder, batch.chains)
        except OSError as error:
            raise WriteError(self._folder.chains, 0, batch.samples) from error

    def _write_counts(self, batch: Batch) -> None:
        self._interval.add(batch.counts)
        if batch.ends_interval:
            self._end_interval(batch.taken_ns)
        elif batch.counts:
            lines = self._interval.lines(batch.taken_ns)
            write_atomically(self._folder.partial, self._header + lines, durable=False)

    def _end_interval(self, end_ns: int) -> None:
        try:
            self._histograms.check_present()
        except OSError as error:
            raise AppendError(self._histograms.path, 0) from error
        # All or nothing: of an interval that does not fit, the partial file keeps what it has.
        self._histograms.append(self._interval.lines(end_ns), all_or_nothing=True)
        self._interval.start_next(end_ns)
        # Should it stay, readers prefer the log's own lines of the same interval.
        with contextlib.suppress(OSError):
            self._folder.partial.unlink()

    def sync(self) -> None:
        """Bring all that was appended to the disk. May run beside `write`.

        Raises:
            WriteError: the disk could not keep what it had accepted.
        """
        for file in (self._events, self._histograms, self._far_ends):
            if file is None:
                continue
            try:
                file.sync()
            except OSError as error:
                raise WriteError(file.path, 0, 0) from error

    def write_last_words(self, line: bytes) -> bool:
        """After a failure: one more event line, with the reserve given back first. Never raises."""
        self._folder.release_reserve()
        try:
            self._events.check_present()
            self._events.append(line)
        except (OSError, AppendError):
            return False
        return True

    def close(self) -> None:
        """Close the files. Never raises."""
        self._folder.release_reserve()
        self._events.close()
        self._histograms.close()
        if self._far_ends is not None:
            self._far_ends.close()


def reason_of(error: WriteError) -> str:
    """Why, in the system's words: `No space left on device`."""
    cause = error.__cause__
    if not isinstance(cause, OSError):
        return str(cause)
    return cause.strerror or (os.strerror(cause.errno) if cause.errno else repr(cause))
