"""Runs of several workers, as a user starts them: what they wrote, and who they are."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from stresser.model.events import AnyEvent, AttemptFailed, SessionEnded, SessionOpened
from stresser.model.quantity import Quantity
from stresser.record.folder import RunFolder
from stresser.record.process_record import ProcessRecord
from stresser.record.reader import RecordedRun, open_run
from tests.cli.run_process import PATIENCE_S, Run, scenario_text


def workers_text(workers: "int | str" = 2, **others: Any) -> str:
    """The short scenario of the other tests, held by so many processes."""
    return scenario_text(**others).replace("[sessions]", f"[sessions]\nworkers = {workers!r}", 1)


def pids_of(run: Run) -> list[int]:
    """The workers' process ids, in the order of their numbers."""
    run.wait_for(lambda: "workers started" in log_of(run))
    lines = (json.loads(line) for line in run.log().splitlines())
    [pids] = [line["pids"] for line in lines if line["event"] == "workers started"]
    return list(pids)


def log_of(run: Run) -> str:
    """Of a run that may not have a folder yet."""
    try:
        return run.log()
    except (OSError, StopIteration):
        return ""


def opened_by(run: Run, worker: int) -> int:
    """How many sessions a worker's file has, as it stands."""
    try:
        record = ProcessRecord(RunFolder(run.folder).worker(worker), worker)
        return sum(isinstance(event, SessionOpened) for event in record.workers_events())
    except (OSError, StopIteration):
        return 0


def wait_until_all_open(run: Run, workers: int, each: int) -> None:
    run.wait_for(lambda: all(opened_by(run, one) >= each for one in range(1, workers + 1)))


def is_gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not all(is_gone(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker is left"
        time.sleep(0.01)


def checked_whole(folder: Path) -> RecordedRun:
    """The run reads, and each session and attempt in it is there once, with one ending."""
    run = open_run(folder)
    events = list(run.events())
    list(run.intervals())
    assert run.damage == []
    opened = [event for event in events if isinstance(event, SessionOpened)]
    ended = [event for event in events if isinstance(event, SessionEnded)]
    assert len({event.session for event in opened}) == len(opened)
    assert len({event.session for event in ended}) == len(ended)
    assert len({event.attempt for event in opened}) == len(opened)
    return run


def check_complete(folder: Path, worker: int) -> None:
    """A worker's own record: each session that opened has its end, each phase its sample."""
    events = check_samples(folder, worker)
    opened = {event.session for event in events if isinstance(event, SessionOpened)}
    assert opened == {event.session for event in events if isinstance(event, SessionEnded)}


def check_samples(folder: Path, worker: int) -> list[AnyEvent]:
    """A worker's own record: each phase of an attempt has its sample. Its events."""
    record = ProcessRecord(RunFolder(folder).worker(worker), worker)
    events = list(record.events())
    attempts = [event for event in events if isinstance(event, SessionOpened | AttemptFailed)]
    counted: Counter[Quantity] = Counter()
    for interval in record.intervals():
        counted[interval.key[0]] += interval.counts.count
    for phase in (Quantity.CONNECT, Quantity.TLS, Quantity.UPGRADE):
        assert counted[phase] == sum(phase.value in event.phases_ns for event in attempts)
    assert record.damage == []
    return events
