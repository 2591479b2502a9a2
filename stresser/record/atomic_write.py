"""Replaces a whole file at once: a reader sees the old text or the new, never a part.

Made for small files (manifest, summary, the current interval). What grows is `appender.py`'s.
"""

import contextlib
import os
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write beside `path`, then rename over it (rename(2) is atomic).

    With `durable` the data and the rename are on the disk when this returns; without, they
    survive the end of this process but not of the machine.

    Raises:
        OSError: the old file is still there and whole.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        _write_file(temporary, data, durable=durable)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        _sync_directory(path.parent)


def _write_file(path: Path, data: bytes, *, durable: bool) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(fd, data)
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Write all of it, however many calls that takes (write(2) may write less than asked).

    Raises:
        OSError: some of it may have been written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _sync_directory(path: Path) -> None:
    """A rename is durable once the directory is (fsync(2)); Windows has no such call."""
    if os.name != "posix":
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        # Some network file systems refuse fsync of a directory (EINVAL): the rename stands anyway.
        with contextlib.suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)
