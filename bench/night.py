"""A night of 2,000 sessions, 3 million heartbeats and 10,000 drops: how long does reading it take?

`python -m bench.night` writes the folder (a minute), then runs `stresser show`, `compare` and
`report` on it, each in a process of its own, and prints CPU time and peak memory beside the
limits. Exit code 1: a limit is missed. `--out DIR` keeps the folder.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.night_folder import write_night
from bench.night_plan import BASELINE, CANDIDATE, NightPlan

LIMIT_S = 30.0
LIMIT_MB = 500.0


class Cost(NamedTuple):
    """What one command took."""

    command: str
    seconds: float
    """Of CPU, user and system: a busy machine does not change it much."""
    wall_s: float
    peak_mb: float
    code: int


_WATCHER = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""A process of its own: the peak that the kernel tells of a process counts what it was forked
from (getrusage(2)), and this one has just made a night."""


def measure(command: list[str]) -> Cost:
    """Run `stresser` with these arguments and watch what it takes."""
    started = time.perf_counter()
    watched = subprocess.run(
        [sys.executable, "-c", _WATCHER, sys.executable, "-m", "stresser", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    wall_s = time.perf_counter() - started
    code, cpu_s, peak_kib = watched.stdout.split()
    return Cost(command[0], float(cpu_s), wall_s, int(peak_kib) / 1024, int(code))


def main() -> int:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="keep the run folder here")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        run, truth = write_night(options.out or Path(scratch), NightPlan(), options.seed)
        sys.stdout.write(
            f"written in {time.perf_counter() - started:.0f} s: {truth.sessions:,} sessions,"
            f" {truth.drops:,} drops, incidents {truth.incidents}\n"
        )
        costs = [
            measure(["show", str(run)]),
            measure(["compare", str(run), "--egress", BASELINE, CANDIDATE]),
            measure(["report", str(run), "--out", str(Path(scratch) / "report.html")]),
        ]
    for cost in costs:
        sys.stdout.write(
            f"{cost.command:8} {cost.seconds:6.1f} s of CPU (limit {LIMIT_S:g}),"
            f" {cost.wall_s:.1f} s by the clock,"
            f" {cost.peak_mb:7.0f} MB (limit {LIMIT_MB:g}), exit code {cost.code}\n"
        )
    within = all(cost.seconds <= LIMIT_S and cost.peak_mb <= LIMIT_MB for cost in costs)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
