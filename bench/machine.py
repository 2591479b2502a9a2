"""Owns what the benchmarks ask of the machine: cores and file limits. Linux only."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager


def cores() -> list[int]:
    """The cores that this process may use, in order."""
    return sorted(os.sched_getaffinity(0))


def client_core() -> int:
    """The core that the measured client has for itself."""
    return cores()[0]


def server_core() -> int:
    """The core of the server and of whoever measures; on a machine of one core, the same one."""
    return cores()[min(1, len(cores()) - 1)]


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Bind this process to `core` for a while: a child started meanwhile stays there.

    sched_setaffinity(2) says that children inherit it. That binds a child from its first
    instruction on, without running Python between fork and exec.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
