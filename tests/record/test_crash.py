"""Kill -9 at random moments under load: every folder reads, at most one second is missing."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stresser.model.quantity import Quantity
from stresser.record.reader import RunStatus, open_run
from tests.record.sample_events import COHORT, number_of

REPOSITORY = Path(__file__).parents[2]
EVERYDAY = range(3)
MANY = range(3, 36)
ONE_SECOND_NS = 1_000_000_000


def killed_run(parent, seed):
    """Record for a random time, kill; the folder and what the child said, [(time, count)]."""
    draw = random.Random(seed)  # noqa: S311 - a fixed seed, no secret
    lifetime_s = draw.uniform(0.05, 1.7)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.record.crash_child", str(parent)],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as child:
        assert child.stdout is not None
        folder = Path(child.stdout.readline().decode().strip())
        began = time.monotonic()
        said = [child.stdout.readline()]
        # The child speaks every millisecond or so: its lines are our clock.
        while time.monotonic() - began < lifetime_s:
            said.append(child.stdout.readline())
        child.kill()
        said += child.stdout.read().splitlines(keepends=True)
    whole = [line.split() for line in said if line.endswith(b"\n")]
    return folder, [(int(at), int(count)) for at, count in whole]


def check_nothing_but_the_last_second_is_missing(folder, said):
    run = open_run(folder)
    assert run.status is RunStatus.CRASHED
    numbers = [number_of(event) for event in run.events()]
    assert numbers == list(range(len(numbers)))
    last_ns, last_count = said[-1]
    due = max((count for at, count in said if at <= last_ns - ONE_SECOND_NS), default=0)
    assert due <= len(numbers) <= last_count + 20
    merged = run.histograms().get((Quantity.RTT, COHORT))
    counted = merged.count if merged else 0
    assert due <= counted <= last_count + 20
    # Only a tear at the very end is damage that a kill may do.
    assert all("torn" in sentence for sentence in run.damage)
    for chain in folder.glob("chains/[0-9a-f]*"):  # what was not renamed yet begins with a dot
        pem = run.chain(chain.stem)
        assert pem is not None
        assert pem.count(b"BEGIN") == pem.count(b"END CERTIFICATE-----\n") == 2
    if numbers or counted:
        assert run.crashed_at_utc is not None


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
@pytest.mark.parametrize("seed", EVERYDAY)
@pytest.mark.slow
def test_a_killed_run_reads_and_misses_at_most_a_second(tmp_path, seed):
    check_nothing_but_the_last_second_is_missing(*killed_run(tmp_path, seed))


@pytest.mark.scale
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
@pytest.mark.parametrize("seed", MANY)
def test_thirty_killed_runs_read_and_miss_at_most_a_second(tmp_path, seed):
    check_nothing_but_the_last_second_is_missing(*killed_run(tmp_path, seed))
