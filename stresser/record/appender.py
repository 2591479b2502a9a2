"""One file that only grows, and the ways in which that fails: disk full, I/O error, file gone."""

import contextlib
import errno
import os
import threading
from pathlib import Path

_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""What fsync(2) says of a file that has no disk behind it."""


class AppendError(Exception):
    """An append failed; `__cause__` is the OSError. `kept` bytes of the data are in the file."""

    def __init__(self, path: Path, kept: int) -> None:
        super().__init__(path, kept)
        self.path = path
        self.kept = kept


class FileGoneError(OSError):
    """The file that is being written is no longer the one at its path."""


class Appender:
    """Appends whole lines. Used by one thread at a time, except for `sync`."""

    def __init__(self, path: Path, *, is_new: bool = False) -> None:
        """Create the file where it is missing.

        Raises:
            OSError: it cannot be opened for writing; `is_new`: something has its name already.
        """
        self.path = path
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        flags |= os.O_EXCL if is_new else 0
        self._fd = os.open(path, flags, 0o644)
        self._fd_lock = threading.Lock()

    def append(self, lines: bytes | bytearray, *, all_or_nothing: bool = False) -> None:
        """Append lines with as few calls as the kernel allows.

        Raises:
            AppendError: what was written of a torn line is cut off again; with `all_or_nothing`
                all of it is.
        """
        view = memoryview(lines)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            written = len(lines) - len(view)
            kept = 0 if all_or_nothing else lines.rfind(b"\n", 0, written) + 1
            self._cut_back(written - kept)
            raise AppendError(self.path, kept) from error

    def _cut_back(self, length: int) -> None:
        # A reader tolerates the torn line anyway, so a failure to cut it off may be ignored.
        with contextlib.suppress(OSError):
            end = os.lseek(self._fd, 0, os.SEEK_END)
            os.ftruncate(self._fd, end - length)

    def check_present(self) -> None:
        """See whether what is written still can be found: an unlinked file swallows all writes.

        Raises:
            FileGoneError: the file was deleted, or it or its folder was moved or replaced.
        """
        mine = os.fstat(self._fd)
        try:
            there = self.path.stat()
        except OSError as error:
            raise FileGoneError(error.errno, "the file was deleted or moved") from error
        if mine.st_nlink == 0 or (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino):
            raise FileGoneError(None, "another file is in its place")

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._fd).st_size

    def move(self, path: Path) -> None:
        """Give the file another name; what is open stays open.

        Raises:
            OSError: it has its old name.
        """
        self.path = self.path.rename(path)

    def sync(self) -> None:
        """Bring what was appended to the disk (fsync(2)). Safe beside an append or a close.

        Raises:
            OSError: the disk could not keep what it had accepted.
        """
        with self._fd_lock:
            if self._fd < 0:
                return
            fd = os.dup(self._fd)  # a close meanwhile must not put another file behind the number
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in _CANNOT_SYNC:
                raise
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close; what was appended stays with the kernel. Never raises."""
        with self._fd_lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)
