"""`histograms.hlog`: an HdrHistogram interval log V2 with tags. How it is written and read back.

One line for each interval, quantity and cohort:
`Tag=<quantity>/<endpoint>/<egress>/<activity>,<start s>,<length s>,<max ms>,<payload>`
with the start relative to `#[BaseTime:`, as HdrHistogram's HistogramLogReader (Java) reads it.
Quantities of the whole run have the quantity alone as their tag.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from stresser.model.cohort import Cohort
from stresser.model.errors import RunFolderError
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S, format_utc
from stresser.record.events_file import bounded_lines
from stresser.record.folder import shown_path
from stresser.record.histograms import HistogramEncoder, decode_counts, unpacked_counts
from stresser.record.regular_file import open_regular
from stresser.statistics.duration_counts import SparseCounts, bucket_range
from stresser.statistics.merged_counts import PackedCounts

Key: TypeAlias = tuple[Quantity, Cohort | None]
"""What one histogram is of."""

_UNSAFE_IN_TAG = re.compile(r"[^A-Za-z0-9._-]")
_BASE_TIME = re.compile(rb"#\[BaseTime: ([0-9]{1,10})\.([0-9]{3}) ")
_INTERVAL = re.compile(
    rb"Tag=([A-Za-z0-9._/-]{1,400}),([0-9]{1,10}\.[0-9]{3}),([0-9]{1,10}\.[0-9]{3}),[0-9.]{1,30},"
    rb"(.+)"
)
_COHORT_PARTS = 3
_AT_ONCE = 1 << 15
"""Bytes of counts that are decoded together."""
_MOST_KNOWN_TAGS = 4096
_TAIL = 1 << 20


def header(anchor_unix_ns: int) -> bytes:
    """The comment lines at the start of a log."""
    seconds = f"{anchor_unix_ns // NS_PER_MS / 1000:.3f} (seconds since epoch)"
    return (
        "#[Histogram log format version 1.3]\n"
        "#[stresser: values are nanoseconds, Interval_Max is milliseconds]\n"
        f"#[StartTime: {seconds}, {format_utc(anchor_unix_ns)}]\n"
        f"#[BaseTime: {seconds}]\n"
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
    ).encode()


def histogram_tag(key: Key) -> str:
    """`rtt/broker/vpn/heartbeat`, or `loop_lag` for the whole run."""
    quantity, cohort = key
    if cohort is None:
        return quantity.value
    # Scenario names need no mending; a comma or a space would break the line for every reader.
    return "/".join([quantity.value, *(_UNSAFE_IN_TAG.sub("_", part) for part in cohort)])


@lru_cache(_MOST_KNOWN_TAGS)
def key_of(tag: str) -> Key | None:
    """The inverse of `histogram_tag`; None for a quantity that this version does not know."""
    name, *parts = tag.split("/")
    try:
        quantity = Quantity(name)
    except ValueError:
        return None
    if not parts:
        return quantity, None
    return (quantity, Cohort(*parts)) if len(parts) == _COHORT_PARTS else None


class IntervalLines:
    """The counts of the interval that is under way, and the lines that say so."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self._encoder = HistogramEncoder()
        self._counts: dict[Key, SparseCounts] = {}
        self._payloads: dict[Key, str] = {}
        """Payload and maximum of each histogram that did not change since it was encoded."""

    def add(self, counts: dict[Key, SparseCounts]) -> None:
        """Count more; what is handed over is owned from now on."""
        for key, more in counts.items():
            if key in self._counts:
                self._counts[key].merge(more)
            else:
                self._counts[key] = more
            self._payloads.pop(key, None)

    def lines(self, end_ns: int) -> bytes:
        """The interval from its start up to `end_ns`; empty when nothing was counted."""
        length_s = max(end_ns - self.start_ns, 0) / NS_PER_S
        times = f"{self.start_ns / NS_PER_S:.3f},{length_s:.3f}"
        return "".join(
            f"Tag={histogram_tag(key)},{times},{self._payload(key)}\n" for key in self._counts
        ).encode()

    def _payload(self, key: Key) -> str:
        payload = self._payloads.get(key)
        if payload is None:
            counts = self._counts[key]
            max_ms = bucket_range(max(counts.buckets()))[1] / NS_PER_MS
            payload = f"{max_ms:.6f},{self._encoder.encode(counts)}"
            self._payloads[key] = payload
        return payload

    def start_next(self, start_ns: int) -> None:
        """Forget the counts: a new interval begins."""
        self.start_ns = start_ns
        self._counts, self._payloads = {}, {}


class LoggedInterval(NamedTuple):
    """One line of a log."""

    key: Key
    start_ns: int
    """Since the run began, to the millisecond."""
    length_ns: int
    counts: PackedCounts

    @property
    def end_ns(self) -> int:
        """Since the run began."""
        return self.start_ns + self.length_ns


class _Coded(NamedTuple):
    """One line of a log, its counts not yet decoded."""

    key: Key
    start_ns: int
    length_ns: int
    counts: bytes


class LogReader:
    """The intervals of one log, in the order they were written; damaged lines are counted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.anchor_unix_ns: int | None = None
        """The log's BaseTime, to the millisecond, once it was read."""
        self.torn = False
        self.unreadable = 0
        self.unknown = 0
        """Lines of quantities that this version does not know."""

    def __iter__(self) -> Iterator[LoggedInterval]:
        """Read the log from its start.

        Raises:
            RunFolderError: it cannot be opened or read.
        """
        self.torn, self.unreadable, self.unknown = False, 0, 0
        try:
            with open_regular(self.path) as file:
                yield from self._decoded(
                    coded
                    for line, whole in bounded_lines(file)
                    if (coded := self._coded(line, whole=whole)) is not None
                )
        except OSError as error:
            raise RunFolderError(
                f"{shown_path(self.path)}: cannot be read: {error.strerror}"
            ) from error

    def _decoded(self, intervals: Iterable[_Coded]) -> Iterator[LoggedInterval]:
        """Many at once are decoded faster."""
        waiting: list[_Coded] = []
        size = 0
        for one in intervals:
            waiting.append(one)
            size += len(one.counts)
            if size >= _AT_ONCE:
                yield from self._whole(waiting)
                waiting, size = [], 0
        yield from self._whole(waiting)

    def _whole(self, intervals: Sequence[_Coded]) -> Iterator[LoggedInterval]:
        every = decode_counts([one.counts for one in intervals])
        for one, counts in zip(intervals, every, strict=True):
            if counts is None:
                self.unreadable += 1
            else:
                yield LoggedInterval(one.key, one.start_ns, one.length_ns, counts)

    def _coded(self, line: bytes | None, *, whole: bool) -> _Coded | None:
        if line is not None and line.startswith((b"#", b'"')):
            self._read_header(line)
            return None
        match = _INTERVAL.fullmatch(line) if line is not None and whole else None
        if match is None:
            self._count_damage(whole=whole)
            return None
        tag, start, length, payload = match.groups()
        key = key_of(tag.decode("ascii"))
        if key is None:
            self.unknown += 1
            return None
        try:
            return _Coded(key, _ns(start), _ns(length), unpacked_counts(payload))
        except ValueError:
            self.unreadable += 1
            return None

    def _read_header(self, line: bytes) -> None:
        if match := _BASE_TIME.match(line):
            self.anchor_unix_ns = int(match[1] + match[2]) * NS_PER_MS

    def _count_damage(self, *, whole: bool) -> None:
        if whole:
            self.unreadable += 1
        else:
            # Unlike an event's, the end of a line's payload cannot be known without its newline.
            self.torn = True

    @property
    def damage(self) -> list[str]:
        """What could not be read so far, one sentence each."""
        name = self.path.name
        sentences = []
        if self.unreadable:
            sentences.append(f"{name}: {self.unreadable} unreadable lines were skipped")
        if self.unknown:
            sentences.append(f"{name}: {self.unknown} lines of unknown quantities were skipped")
        if self.torn:
            sentences.append(f"{name}: the last line is torn and was skipped")
        return sentences


def last_end_ns(path: Path) -> int | None:
    """When the last interval of a log ends, from the end of the file: cheap at any size.

    None where there is none in the last MiB, or the file cannot be read.
    """
    with suppress(OSError), open_regular(path) as file:
        file.seek(max(file.seek(0, 2) - _TAIL, 0))
        matches = map(_INTERVAL.fullmatch, file.read(_TAIL).split(b"\n")[:-1])
        ends = [_ns(match[2]) + _ns(match[3]) for match in matches if match]
        return max(ends, default=None)
    return None


def _ns(seconds: bytes) -> int:
    whole, _, milliseconds = seconds.partition(b".")
    return int(whole + milliseconds) * NS_PER_MS
