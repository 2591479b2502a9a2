"""`events.jsonl`: one JSON object a line, append only. How an event becomes a line and back.

Reading believes nothing: a crash may have torn the last line, a disk may have eaten some, a newer
stresser may have written events that this one does not know. A long run's file is in segments.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from stresser.model.errors import RunFolderError
from stresser.model.events import AnyEvent
from stresser.model.units import shown
from stresser.record.event_lines import (
    event_as_line,
    event_of_line,
    event_tag,
    flat_types,
    flattened,
)
from stresser.record.folder import shown_path
from stresser.record.regular_file import open_regular
from stresser.record.segments import MissingSegment, Segment, last_bytes, open_segments

LONGEST_LINE = 1 << 20
"""Bytes. Longer lines are skipped when reading, and never written."""
_TAILS = (1 << 16, 4 * LONGEST_LINE)
_LONGEST_TEXT = 1000
_MOST_ITEMS = (100, 10, 2)
_DEEPEST = 5
_MOST_UNKNOWN_TYPES = 20
_MOST_DAMAGED = 20
_MALFORMED = (msgspec.MsgspecError, ValueError, RecursionError)
_KNOWN_TYPES = frozenset(event_tag(event_type) for event_type in flat_types)


def encode_event(event: AnyEvent) -> bytes:
    """One line with its newline.

    Whatever a peer put into the event, a line comes out: where the event as it is cannot be
    written (a lone surrogate, an object, a megabyte of evidence) its parts are cut and escaped.

    Raises:
        TypeError, ValueError: the event's own fields are not what their types say.
    """
    try:
        line = event_as_line(event)
    except (TypeError, ValueError, RecursionError):
        line = b""
    if not 0 < len(line) < LONGEST_LINE:
        line = _encode_tamed(event)
    return line + b"\n"


def _encode_tamed(event: AnyEvent) -> bytes:
    flat = flattened(event)
    fields = {name: getattr(flat, name) for name in flat.__struct_fields__}
    for most_items in _MOST_ITEMS:
        tame = {name: _tamed(value, most_items) for name, value in fields.items()}
        line = msgspec.json.encode({"event": event_tag(type(event)), **tame})
        if len(line) < LONGEST_LINE:
            return line
    raise ValueError(f"an event of {len(line)} bytes")


def _tamed(value: Any, most_items: int, depth: int = 0) -> Any:
    """The same value small enough and clean enough to be written."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _clean(value)
    if depth >= _DEEPEST:
        return "..."
    if isinstance(value, Struct):
        value = {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, dict):
        items = list(value.items())[:most_items]
        return {_clean(str(key)): _tamed(item, most_items, depth + 1) for key, item in items}
    if isinstance(value, list | tuple):
        return [_tamed(item, most_items, depth + 1) for item in value[:most_items]]
    return _clean(repr(value))


def _clean(text: str) -> str:
    return text[:_LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()


class EventsReader:
    """The events of one file and its segments, in order, with a count of what cannot be read.

    Memory stays at one line, whatever the file holds. The counts are complete when the
    iteration is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = False
        """The last line has no end: the run stopped while it was being written."""
        self.unreadable = 0
        """Lines that are no event at all."""
        self.unknown_types: dict[str, int] = {}
        """Events of types that this version does not know, by type."""
        self._damaged: list[str] = []

    def __iter__(self) -> Iterator[AnyEvent]:
        """Read from the start.

        Raises:
            RunFolderError: it cannot be opened or read.
        """
        self.torn, self.unreadable, self.unknown_types, self._damaged = False, 0, {}, []
        try:
            for segment in open_segments(self.path):
                if isinstance(segment, MissingSegment):
                    self._note(f"{segment.name}: {segment.count} segments from it on are missing")
                else:
                    yield from self._events(segment)
        except OSError as error:
            raise RunFolderError(
                f"{shown_path(self.path)}: cannot be read: {error.strerror}"
            ) from error

    def _events(self, segment: Segment) -> Iterator[AnyEvent]:
        number = 0
        for number, (line, whole) in enumerate(bounded_lines(segment.file), 1):  # noqa: B007 - below
            if segment.broken and not whole:
                break
            event = self._event(line, whole=whole)
            if event is not None:
                yield event
        if segment.broken:
            self._note(f"{segment.name}: {segment.broken}: nothing after its line {number} is read")

    def _note(self, sentence: str) -> None:
        if len(self._damaged) < _MOST_DAMAGED:
            self._damaged.append(sentence)

    def _event(self, line: bytes | None, *, whole: bool) -> AnyEvent | None:
        if line is not None:
            try:
                return event_of_line(line)
            except _MALFORMED:
                pass
        if not whole:
            self.torn = True
        elif line is not None and (unknown := _unknown_type(line)):
            self._count_unknown(unknown)
        else:
            self.unreadable += 1
        return None

    def _count_unknown(self, name: str) -> None:
        if name not in self.unknown_types and len(self.unknown_types) >= _MOST_UNKNOWN_TYPES:
            name = "..."
        self.unknown_types[name] = self.unknown_types.get(name, 0) + 1

    @property
    def damage(self) -> list[str]:
        """What could not be read so far, one sentence each."""
        name = self.path.name
        sentences = list(self._damaged)
        if self.unreadable:
            sentences.append(f"{name}: {self.unreadable} unreadable lines were skipped")
        sentences += [
            f"{name}: {count} events of the unknown type {shown(kind)} were skipped"
            for kind, count in self.unknown_types.items()
        ]
        if self.torn:
            sentences.append(f"{name}: the last line is torn and was skipped")
        return sentences


class _AnyTagged(Struct):
    event: str


def _unknown_type(line: bytes) -> str | None:
    """The type of an event that a newer stresser may have written; None: a broken known one."""
    try:
        name = msgspec.json.decode(line, type=_AnyTagged).event
    except _MALFORMED:
        return None
    return None if name in _KNOWN_TYPES else name


def bounded_lines(
    file: BinaryIO, longest: int = LONGEST_LINE
) -> Iterator[tuple[bytes | None, bool]]:
    """Each line without its end, and whether it had one; None in place of a line too long."""
    while line := file.readline(longest):
        whole = line.endswith(b"\n")
        if whole or len(line) < longest:
            yield line.rstrip(b"\r\n"), whole
        else:
            yield None, _skip_line(file, longest)


def _skip_line(file: BinaryIO, longest: int) -> bool:
    while line := file.readline(longest):
        if line.endswith(b"\n"):
            return True
    return False


def last_event(path: Path) -> AnyEvent | None:
    """The last readable event, found from the file's end: cheap on a file of any size.

    None where there is none in the last 4 MiB or the file cannot be read.
    """
    with suppress(OSError):
        for end in _ends(path):
            for line in reversed(end.split(b"\n")):
                with suppress(*_MALFORMED):
                    return event_of_line(line)
    return None


def _ends(path: Path) -> Iterator[bytes]:
    """The end of the file, a longer one, and that of the segment before it."""
    with suppress(FileNotFoundError), open_regular(path) as file:
        size = file.seek(0, 2)
        for tail in _TAILS:
            file.seek(max(0, size - tail))
            yield file.read(tail)
    yield last_bytes(path, _TAILS[-1])
