"""A night of 2,000 sessions, 3 million heartbeats and 10,000 drops: how long does reading it take?

`python -m bench.night` writes the folder (a minute), then runs `stresser show`, `compare`, `report`
and `report --bundle` on it, each in a process of its own, and prints CPU time and peak memory
beside the limits. Exit code 1: a limit is missed. `--out DIR` keeps the folder.

`--old TREE` names the checkout of an older build (`git worktree add TREE e40b05d`): `show` and
`report` run three times in either, one right after the other, and are held to half of its CPU time
(the median of the pairs) and to its memory.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.night_folder import write_night
from bench.night_plan import BASELINE, CANDIDATE, NightPlan

LIMIT_S = 30.0
LIMIT_MB = 500.0
PAIRS = 3
_HALF = 0.5
_HELD = 2
"""The first of the commands, a summary and a report, are held to that."""
_HERE = Path(__file__).parent.parent


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


def measure(command: Sequence[str], tree: Path = _HERE) -> Cost:
    """Run the `stresser` of a checkout with these arguments and watch what it takes."""
    started = time.perf_counter()
    watched = subprocess.run(
        [sys.executable, "-c", _WATCHER, sys.executable, "-m", "stresser", *command],
        capture_output=True,
        text=True,
        check=True,
        cwd=tree,  # where `-m` looks first
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    wall_s = time.perf_counter() - started
    code, cpu_s, peak_kib = watched.stdout.split()
    return Cost(command[0], float(cpu_s), wall_s, int(peak_kib) / 1024, int(code))


def main() -> int:
    """Write, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="keep the run folder here")
    parser.add_argument("--old", type=Path, help="the checkout of an older build")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        run, truth = write_night(options.out or Path(scratch), NightPlan(), options.seed)
        sys.stdout.write(
            f"written in {time.perf_counter() - started:.0f} s: {truth.sessions:,} sessions,"
            f" {truth.drops:,} drops, incidents {truth.incidents}\n"
        )
        commands = _commands(run.resolve(), Path(scratch))
        if options.old is not None:
            return 0 if _beside(commands[:_HELD], options.old.resolve()) else 1
        return 0 if _alone(commands) else 1


def _commands(run: Path, scratch: Path) -> list[list[str]]:
    return [
        ["show", str(run)],
        ["report", str(run), "--out", str(scratch / "report.html")],
        ["compare", str(run), "--egress", BASELINE, CANDIDATE],
        ["report", str(run), "--bundle", str(scratch / "bundle.zip")],
    ]


def _alone(commands: Sequence[Sequence[str]]) -> bool:
    """Each command once, beside the limits."""
    costs = [measure(command) for command in commands]
    for cost in costs:
        sys.stdout.write(
            f"{cost.command:8} {cost.seconds:6.1f} s of CPU (limit {LIMIT_S:g}),"
            f" {cost.wall_s:.1f} s by the clock,"
            f" {cost.peak_mb:7.0f} MB (limit {LIMIT_MB:g}), exit code {cost.code}\n"
        )
    return all(cost.seconds <= LIMIT_S and cost.peak_mb <= LIMIT_MB for cost in costs)


def _beside(commands: Sequence[Sequence[str]], old: Path) -> bool:
    """Each command in pairs, old and new; True: CPU time and memory are within the limits."""
    within, sums = True, [[0.0, 0.0] for _ in range(PAIRS)]
    for command in commands:
        pairs = [(measure(command, old), measure(command)) for _ in range(PAIRS)]
        for total, pair in zip(sums, pairs, strict=True):
            total[:] = (each + cost.seconds for each, cost in zip(total, pair, strict=True))
        shown = ", ".join(f"{before.seconds:.1f} -> {new.seconds:.1f}" for before, new in pairs)
        peaks = [max(cost.peak_mb for cost in costs) for costs in zip(*pairs, strict=True)]
        within = within and peaks[1] <= peaks[0]
        sys.stdout.write(f"{command[0]:8} {shown} s of CPU; {peaks[0]:.0f} -> {peaks[1]:.0f} MB\n")
    ratio = median(new / before for before, new in sums)
    sys.stdout.write(f"together {ratio:.2f} x the CPU time (limit {_HALF:g})\n")
    return within and ratio <= _HALF


if __name__ == "__main__":
    sys.exit(main())
