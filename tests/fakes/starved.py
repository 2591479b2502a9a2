"""How long processes were ready to run while others had the CPU: no lateness of theirs."""

import os
from pathlib import Path


def ran_and_waited_ns(pid: int) -> tuple[int, int]:
    """How long a process had the CPU, and how long it was ready and others had it.

    Of its first thread (proc(5), schedstats). Zeros: it is over, or this is not Linux.
    """
    try:
        ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except (OSError, ValueError):
        return 0, 0
    return int(ran), int(waited)


class Starved:
    """Since it was made, of this process and others."""

    def __init__(self, *pids: int) -> None:
        self._pids = (os.getpid(), *pids)
        self._before_ns = self._waited_ns()

    def _waited_ns(self) -> int:
        return sum(ran_and_waited_ns(pid)[1] for pid in self._pids)

    @property
    def seconds(self) -> float:
        """What a bound on their lateness is to be widened by."""
        return (self._waited_ns() - self._before_ns) / 1e9
