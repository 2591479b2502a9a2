"""Opens the files of a run folder for reading: regular files, and no links.

Whoever made the folder may be hostile: a link leads to somebody else's secrets, a FIFO never
answers, a device never ends.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO that nobody writes to opens at once
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_WHAT = "it is no regular file"


def open_regular(path: Path) -> BinaryIO:
    """The file at `path`, to be read as bytes.

    Raises:
        OSError: it is missing, cannot be read, or is a link, a folder, a FIFO, a device.
    """
    try:
        fd = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link; a socket
            raise OSError(error.errno, _WHAT) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, _WHAT)
    return open(fd, "rb")  # noqa: PTH123 - a descriptor has no path
