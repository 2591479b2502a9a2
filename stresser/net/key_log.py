"""The keys of TLS sessions, written down so that a capture of theirs can be read."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from stresser.net.tls import ClientContext


@contextlib.contextmanager
def keys_logged(contexts: Iterable[ClientContext], path: Path) -> Iterator[None]:
    """Meanwhile the keys of the contexts' sessions go to a new file that is its owner's alone.

    In the format that Wireshark reads (RFC 9850). OpenSSL appends each line by itself; that a
    disk is full it tells nobody.

    Raises:
        OSError: the file is there, or cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    fd, logged = os.open(path, flags, 0o600), tuple(contexts)
    try:
        # The descriptor's: what others may have put at that name meanwhile is not written to.
        own = Path(f"/dev/fd/{fd}")
        for context in logged:
            context.keylog_filename = str(own if own.exists() else path)
        yield
    finally:
        os.close(fd)
        for context in logged:
            context.keylog_filename = None
