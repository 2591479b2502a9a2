"""A night of 2,000 sessions, 3 million heartbeats and 10,000 drops: how long does reading it take?

`python -m bench.night` writes the folder (a minute), then runs `stresser show`, `compare` and
`report` on it, each in a process of its own, and prints CPU time and peak memory beside the
limits. Exit code 1: a limit is missed. `--out DIR` keeps the folder.
"""

import argparse
import os
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


def measure(command: list[str]) -> Cost:
    """Run `stresser` with these arguments and watch what it takes."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "stresser", *command], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - started
    cpu_s = usage.ru_utime + usage.ru_stime
    return Cost(command[0], cpu_s, wall_s, usage.ru_maxrss / 1024, process.returncode)


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
