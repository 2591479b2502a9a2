"""Owns the counters that the benchmark server shares with whoever measures: a mapped file.

One writer, the server; many readers. Each counter is one aligned 64-bit word, so a reader
never sees half of one, and reading costs the server nothing.
"""

import mmap
from enum import IntEnum
from pathlib import Path
from typing import Self


class Counter(IntEnum):
    """The words of the file, in order. All but RESET_UTC_NS only grow."""

    ACCEPTED = 0
    """TCP connections accepted."""
    OPENED = 1
    """WebSocket upgrades completed."""
    CLOSED = 2
    """Upgraded sessions that ended, for whatever reason."""
    PINGS = 3
    """Pings answered."""
    RESETS_ASKED = 4
    """Sessions that reset requests of this server concerned, once the request is done."""
    RESET_UTC_NS = 5
    """When the last reset request began (Unix time, ns)."""


_SIZE = len(Counter) * 8


class Counters:
    """The words, mapped. Close it, or use it as a context manager."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Map `path`; `create` makes or empties it first.

        Raises:
            OSError: the file is not there or is too short to be mapped.
        """
        if create:
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.words = memoryview(self._map).cast("Q")

    def __getitem__(self, counter: Counter) -> int:
        return self.words[counter]

    @property
    def open_sessions(self) -> int:
        """Upgraded sessions that are open now."""
        return self.words[Counter.OPENED] - self.words[Counter.CLOSED]

    def close(self) -> None:
        """Unmap the file."""
        self.words.release()
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
