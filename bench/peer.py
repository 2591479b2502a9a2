"""Owns the server as its users see it: start, where it listens, what it counts, resets, stop."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.certificate import CertificateFiles, write_certificates
from bench.counters import Counter, Counters
from bench.machine import on_core, server_core

ADDRESSES = [f"127.0.0.{host}" for host in range(1, 9)]
"""Where the server listens: several, so that the ports of one address pair never run out."""
ROOT = Path(__file__).resolve().parent.parent
"""The checkout, from which every command of the benchmark runs."""
OUT = ROOT / "bench" / "out"
"""Where what was measured is kept (git-ignored)."""
_START_S = 20.0
_POLL_S = 0.0005


class BenchError(Exception):
    """The work was not done; the text says which part of it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server."""

    pid: int
    port: int
    ca: Path
    counters: Counters
    orders: IO[bytes]

    def reset(self, count: int) -> None:
        """Reset the `count` oldest sessions at once, and wait until the server has done it.

        Raises:
            BenchError: it did not, within 10 s.
        """
        wanted = self.counters[Counter.RESETS_ASKED] + count
        self.orders.write(b"reset %d\n" % count)
        self.orders.flush()
        wait_until(lambda: self.counters[Counter.RESETS_ASKED] >= wanted, 10, "the resets")

    def wait_empty(self, within_s: float = 60) -> None:
        """Wait until no session is open.

        Raises:
            BenchError: some still are.
        """
        wait_until(lambda: self.counters.open_sessions == 0, within_s, "the server to be empty")


def wait_until(true: Callable[[], bool], within_s: float, what: str) -> None:
    """Poll each half millisecond: the counters are memory and wake nobody.

    Raises:
        BenchError: it was not true in time.
    """
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {within_s:g} s in vain for {what}")
        time.sleep(_POLL_S)


@contextmanager
def running_server(folder: Path) -> Iterator[Peer]:
    """Start the server with certificates and counters in `folder`, and stop it at the end.

    It runs on `server_core()`.

    Raises:
        BenchError: it did not start.
    """
    files = write_certificates(folder, ADDRESSES)
    with (
        Counters(folder / "counters", create=True) as counters,
        _started(folder, files) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line.strip().isdigit():
                raise BenchError("the server did not start (is picows installed?)")
            yield Peer(process.pid, int(line), files.ca, counters, process.stdin)
        finally:
            process.stdin.close()
            _stop(process)


def _started(folder: Path, files: CertificateFiles) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.server", "--counters", str(folder / "counters")]
    command += ["--chain", str(files.chain), "--key", str(files.key)]
    with on_core(server_core()):
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_START_S)
    except subprocess.TimeoutExpired:
        process.kill()
