"""One worker of three is killed under load, at any moment: the run goes on, and nothing is missing.

`STRESSER_KILLS`: how many, 30 at the most (a kill takes some seconds).
"""

import os
import random
import signal
import sys
from collections import Counter

import pytest

from stresser.model.ending import Kind, NoDrop
from stresser.model.events import SessionEnded, SessionOpened, WorkerEnded
from stresser.record.folder import RunFolder
from stresser.record.process_record import ProcessRecord
from stresser.record.reader import RunStatus
from tests.cli.run_process import Run
from tests.cli.worker_runs import (
    check_complete,
    checked_whole,
    log_of,
    opened_by,
    pids_of,
    wait_until_gone,
    workers_text,
)
from tests.fuzz.damage import SEED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(0),
    pytest.mark.skipif(sys.platform == "win32", reason="on Windows one process holds all"),
]
KILLS = min(int(os.environ.get("STRESSER_KILLS", "5")), 30)
WORKERS = 3
TEXT = workers_text(WORKERS, duration=None, count=40).replace('every = "300ms"', 'every = "100ms"')
"""Of the 80 sessions 40 die each 0.7 s, and are opened again."""


@pytest.mark.parametrize("number", range(KILLS))
def test_a_worker_that_is_killed_costs_its_own_sessions_alone(number, tmp_path):
    dice = random.Random(f"{SEED}/worker/{number}")  # noqa: S311 - dice
    victim = dice.randint(1, WORKERS)
    run = Run(tmp_path, TEXT)
    try:
        pids = pids_of(run)
        at_least = dice.choice([0, 1, 20, 60])  # sessions that have opened: starting, ramp, load
        run.wait_for(lambda: opened_by(run, victim) >= at_least)
        os.kill(pids[victim - 1], signal.SIGKILL)
        run.wait_for(lambda: f"worker {victim} died" in log_of(run))
        others = [one for one in range(1, WORKERS + 1) if one != victim]
        had = {one: opened_by(run, one) for one in others}
        run.wait_for(lambda: all(opened_by(run, one) >= had[one] + 20 for one in others))
    finally:
        run.process.send_signal(signal.SIGINT)
        code, _, errors = run.finish()

    assert code == 3, errors  # the endings of `tool`, or sessions that never opened
    assert f"worker {victim} died (killed by SIGKILL)" in errors
    assert "Traceback" not in errors
    wait_until_gone(pids)
    recorded = checked_whole(run.folder)
    assert recorded.status is RunStatus.COMPLETE
    for one in others:
        check_complete(run.folder, one)
    check_the_dead(run, recorded, victim)


def check_the_dead(run, recorded, victim):
    """Of its sessions each has one end, its own or that which was told in its place."""
    events = list(recorded.events())
    [died] = [event for event in events if isinstance(event, WorkerEnded)]
    assert (died.worker, died.workers) == (victim, WORKERS)
    own = ProcessRecord(RunFolder(run.folder).worker(victim), victim)
    written = list(own.workers_events())
    opened = {event.session for event in written if isinstance(event, SessionOpened)}
    ended = {event.session for event in written if isinstance(event, SessionEnded)}
    lost = [e for e in events if isinstance(e, SessionEnded) and e.ending.kind is Kind.TOOL]
    assert {event.session for event in lost} == opened - ended
    assert died.sessions == len(lost)
    assert {event.ending.no_drop for event in lost} <= {NoDrop.TOOL}
    everyone = Counter(event.session for event in events if isinstance(event, SessionEnded))
    assert everyone.keys() == {e.session for e in events if isinstance(e, SessionOpened)}
    assert set(everyone.values()) <= {1}
