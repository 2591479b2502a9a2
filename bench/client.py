"""Owns a measured client's process: start on its core, watch from outside, stop politely."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench.machine import client_core, on_core
from bench.peer import ROOT, BenchError, wait_until

_STOP_S = 120.0
_CPUCLOCK_SCHED = 2  # linux/posix-timers.h: user and system time of the whole process, in ns
_TAIL_CHARACTERS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a client is asked to do."""

    folder: Path
    """For its files, and its standard output and error."""
    port: int
    ca: Path
    addresses: list[str]
    """One endpoint each; sessions are spread evenly."""
    sessions: int
    every_s: float
    """Seconds between the pings of one session; the first is due this long after its opening."""
    ramp_s: float = 0
    """Starts are spread evenly over this; 0: as fast as handshakes in flight allow."""


Command = Callable[[Job], list[str]]
"""Writes what the client needs into the job's folder and says how to start it."""


class Client:
    """A running client, seen from outside. All its threads count, and processes that it started."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def cpu_s(self) -> float:
        """User and system seconds since its start."""
        # clock_getcpuclockid(3): Python offers it for threads alone, the number is the kernel's ABI
        clocks = ((~pid << 3) | _CPUCLOCK_SCHED for pid in self._processes())
        return sum(time.clock_gettime_ns(clock) for clock in clocks) / 1e9

    def memory(self) -> dict[str, int]:
        """Resident and proportional memory in KiB (proc_pid_smaps_rollup(5))."""
        files = (Path(f"/proc/{pid}/smaps_rollup") for pid in self._processes())
        sizes = [parse_smaps_rollup(file.read_text()) for file in files]
        return {name: sum(size[name] for size in sizes) for name in sizes[0]}

    def _processes(self) -> list[int]:
        """Its own and those that it started (proc_pid_task(5), where the kernel lists them)."""
        lists = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [self.pid, *(int(pid) for listed in lists for pid in listed.read_text().split())]

    def wait_until(self, true: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for it as long as the client lives.

        Raises:
            BenchError: it was not true in time, or the client is gone.
        """
        wait_until(lambda: self._lives(what) and true(), within_s, what)

    def watch(self, seconds: float, what: str) -> None:
        """Let time pass in which the client must live.

        Raises:
            BenchError: the client is gone.
        """
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        self._lives(what)

    def stop(self) -> int:
        """SIGTERM; the exit code.

        Raises:
            BenchError: it did not end within two minutes.
        """
        self._process.send_signal(signal.SIGTERM)
        return self.wait_end(_STOP_S)

    def wait_end(self, within_s: float) -> int:
        """Wait until it ends by itself; the exit code.

        Raises:
            BenchError: it did not.
        """
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise BenchError(f"the client did not end within {within_s:g} s") from None

    def errors(self) -> str:
        """The end of what it printed on standard error."""
        return (self._folder / "stderr").read_text(errors="replace")[-_TAIL_CHARACTERS:]

    def _lives(self, what: str) -> bool:
        code = self._process.poll()
        if code is None:
            return True
        raise BenchError(
            f"the client ended with code {code} while waiting for {what}:\n{self.errors()}"
        )


@contextmanager
def running_client(command: Command, job: Job, *, everywhere: bool = False) -> Iterator[Client]:
    """Start a client on `client_core()`, or `everywhere`; kill it at the end if it still runs."""
    arguments = command(job)
    with (
        (job.folder / "stdout").open("wb") as out,
        (job.folder / "stderr").open("wb") as err,
        nullcontext() if everywhere else on_core(client_core()),
    ):
        process = subprocess.Popen(
            arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
    with process:
        try:
            yield Client(process, job.folder)
        finally:
            process.kill()


def parse_smaps_rollup(text: str) -> dict[str, int]:
    """`Rss` and `Pss` in KiB.

    Raises:
        KeyError: the text has no such line.
    """
    sizes = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in {"Rss", "Pss"}:
            sizes[name] = int(rest.split()[0])
    return {"rss_kib": sizes["Rss"], "pss_kib": sizes["Pss"]}
