"""The segments of `events.jsonl`: the file stays bounded, and what is closed is compressed.

`events.jsonl` is the segment that is being written. Once it has 64 MiB it is closed: it becomes
`events-00001.jsonl`, and soon `events-00001.jsonl.zst` (Zstandard, RFC 8878). Readers take the
numbers in order and `events.jsonl` last, whatever is renamed or compressed meanwhile.

A compressed segment may be hostile: memory is bounded by its window, time by what a segment can
hold and by how well honest events are compressed.
"""

import io
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stresser.record.atomic_write import replacing
from stresser.record.regular_file import open_regular

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SEGMENT_BYTES = 64 << 20
"""A segment is closed once it is this long."""
_LARGEST_UNPACKED = 2 * SEGMENT_BYTES
"""One batch of events, 32 MiB at most, may go beyond the length of a segment."""
_MOST_SQUEEZED = 400
"""Times: events that differ in their times alone are compressed a hundred times."""
_ALWAYS_UNPACKED = 1 << 20
_PACKED = ".zst"
_WINDOW_LOG = 23
"""8 MiB: four times the window of the level that is written."""
_READ: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
_WRITE: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 3,
    zstd.CompressionParameter.checksum_flag: 1,
}
_CHUNK = 1 << 20
_BUFFER = 1 << 16
"""What is unpacked at once: of 64 workers as many segments are open."""
_ROOM_TO_PACK = 4
"""A segment is compressed where the disk has room for this part of it: what compressing takes must
not be what the next event lacks."""


class Segment:
    """One segment, open for reading."""

    def __init__(self, path: Path, file: BinaryIO, unpacked: "_Unpacked | None") -> None:
        self.name = path.name
        self.file = file
        """Its lines, unpacked."""
        self._unpacked = unpacked

    @property
    def plain_name(self) -> str:
        """Of a copy that is not compressed."""
        return self.name.removesuffix(_PACKED)

    @property
    def broken(self) -> str | None:
        """Why what comes next in it cannot be read, once that was met; None: nothing is wrong."""
        return self._unpacked.broken if self._unpacked else None


class MissingSegment:
    """A number between others that has no file."""

    def __init__(self, path: Path, first: int, last: int) -> None:
        self.name = _closed(path, first).name
        self.count = last - first + 1


class _Unpacked(io.RawIOBase):
    """What is in a compressed file, up to where it is damaged or beyond any segment."""

    def __init__(self, file: BinaryIO) -> None:
        self.broken: str | None = None
        self._file = file
        squeezed = os.fstat(file.fileno()).st_size * _MOST_SQUEEZED
        self._room = min(_LARGEST_UNPACKED, squeezed + _ALWAYS_UNPACKED)
        self._zstd = zstd.ZstdFile(file, options=_READ)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader hands over
        if self.broken is not None:
            return 0
        try:
            got = self._zstd.readinto(buffer)
        except (zstd.ZstdError, EOFError):
            self.broken = "is damaged"
            return 0
        self._room -= got
        if self._room < 0:
            self.broken = "is larger than any segment when unpacked"
            return 0
        return got

    def close(self) -> None:
        if not self.closed:
            self._zstd.close()
            self._file.close()
        super().close()


def has_segments(path: Path) -> bool:
    """Whether there is anything of the events file at `path`."""
    return path.exists() or bool(_numbers(path))


def open_segments(path: Path) -> Iterator[Segment | MissingSegment]:
    """Each segment of the events file at `path`, in order; each is closed when the next is taken.

    Raises:
        OSError: one cannot be read, or there is none.
    """
    done = 0
    while True:
        for number in [one for one in _numbers(path) if one > done]:
            if number > done + 1:
                yield MissingSegment(path, done + 1, number - 1)
            with _opened(_closed(path, number)) as segment:
                yield segment
            done = number
        try:
            file = open_regular(path)
        except FileNotFoundError:
            if done and max(_numbers(path), default=0) <= done:
                return  # the run crashed after it had closed the last one
            if not done and not _numbers(path):
                raise
            continue
        with file:
            if max(_numbers(path), default=0) > done:
                continue  # closed meanwhile: this may be the one after it
            yield Segment(path, file, None)
            return


def unpacked_sizes(path: Path) -> dict[str, int]:
    """About how many bytes each segment of the events file at `path` has when it is unpacked."""
    sizes = {path.name: path.stat().st_size} if path.exists() else {}
    for plain in (_closed(path, number) for number in _numbers(path)):
        sizes[plain.name] = plain.stat().st_size if plain.exists() else SEGMENT_BYTES
    return sizes


def last_bytes(path: Path, most: int) -> bytes:
    """The end of the last closed segment; empty where there is none.

    Raises:
        OSError: it cannot be read.
    """
    end = b""
    for number in _numbers(path)[-1:]:
        with _opened(_closed(path, number)) as segment:
            while chunk := segment.file.read(_CHUNK):
                end = (end + chunk)[-most:]
    return end


def next_closed(path: Path) -> Path:
    """What the segment that is being written is called when it is closed."""
    return _closed(path, max(_numbers(path), default=0) + 1)


def pack_closed(path: Path) -> None:
    """Compress each segment that is closed. A reader, or a crash, finds it whole at any moment.

    Raises:
        OSError: the disk is full, or nearly; the segment stays as it was.
    """
    for number in _numbers(path):
        plain = _closed(path, number)
        if plain.exists() and plain.stat().st_size <= _LARGEST_UNPACKED:
            _pack(plain)


def _pack(plain: Path) -> None:
    need = plain.stat().st_size // _ROOM_TO_PACK
    if shutil.disk_usage(plain.parent).free < need:
        raise OSError(None, "the disk is nearly full")
    packed = plain.with_name(plain.name + _PACKED)
    with (
        open_regular(plain) as source,
        replacing(packed) as target,
        zstd.ZstdFile(target, "wb", options=_WRITE) as file,
    ):
        shutil.copyfileobj(source, file, _CHUNK)
    plain.unlink()


@contextmanager
def _opened(plain: Path) -> Iterator[Segment]:
    try:
        file = open_regular(plain)
    except FileNotFoundError:
        packed = plain.with_name(plain.name + _PACKED)
        unpacked = _Unpacked(open_regular(packed))
        with io.BufferedReader(unpacked, _BUFFER) as lines:
            yield Segment(packed, lines, unpacked)
    else:
        with file:
            yield Segment(plain, file, None)


def _closed(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number:05d}{path.suffix}")


def _numbers(path: Path) -> list[int]:
    """Of the closed segments, in order."""
    name = re.compile(
        rf"{re.escape(path.stem)}-([0-9]{{5}}){re.escape(path.suffix)}(?:{re.escape(_PACKED)})?"
    )
    with suppress(OSError):
        found = (name.fullmatch(one.name) for one in path.parent.iterdir())
        return sorted({int(match[1]) for match in found if match})
    return []
