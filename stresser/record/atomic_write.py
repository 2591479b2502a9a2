"""Replaces a whole file at once: a reader sees the old text or the new, never a part.

Made for small files (manifest, summary, the current interval) and bundles. What grows is
`appender.py`'s.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PRIVATE = 0o600
_OTHERS_MAY_READ = 0o044


def write_atomically(
    path: Path, data: bytes, *, durable: bool = True, is_private: bool = False
) -> None:
    """Write beside `path`, then rename over it (rename(2) is atomic).

    With `durable` the data and the rename are on the disk when this returns; without, they
    survive the end of this process but not of the machine.

    Raises:
        OSError: the old file is still there and whole.
    """
    with replacing(path, durable=durable, is_private=is_private) as file:
        write_all(file.fileno(), data)


def write_new(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file that must not be there yet; with `force`, replace it.

    Raises:
        OSError, ValueError: `why_not` has the words; FileExistsError also where one came meanwhile.
    """
    if force:
        write_atomically(path, data)
        return
    with path.open("xb") as file:
        file.write(data)


def why_not(error: OSError | ValueError) -> str:
    """Why a file that the user named cannot be opened."""
    return error.strerror or str(error) if isinstance(error, OSError) else "that is no file's name"


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True, is_private: bool = False) -> Iterator[BinaryIO]:
    """A file to write to; it takes the place of `path` when the block has ended well.

    Until then it has a name that nobody can guess, is made by us or not at all, and is readable by
    its owner alone. Afterwards whoever may read the folder may read it, unless it `is_private`.

    Raises:
        OSError: it cannot be made or written; an old file is still there and whole.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    fd = os.open(temporary, flags | getattr(os, "O_NOFOLLOW", 0), _PRIVATE)
    try:
        with open(fd, "w+b") as file:  # noqa: PTH123 - a descriptor has no path
            yield file
            file.flush()
            if not is_private and os.name == "posix":
                os.fchmod(
                    fd, _PRIVATE | (stat.S_IMODE(path.parent.stat().st_mode) & _OTHERS_MAY_READ)
                )
            if durable:
                os.fsync(fd)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_directory(path.parent)


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Write all of it, however many calls that takes (write(2) may write less than asked).

    Raises:
        OSError: some of it may have been written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_directory(path: Path) -> None:
    """Make what was renamed in it durable (fsync(2)); Windows has no such call.

    Raises:
        OSError: it cannot be opened.
    """
    if os.name != "posix":
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        # Some network file systems refuse fsync of a directory (EINVAL): the rename stands anyway.
        with contextlib.suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)
