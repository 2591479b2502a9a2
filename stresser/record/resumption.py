"""Goes on in the folder of a run whose process has ended: what there is of it, and the lock.

Who goes on must be alone at it: the lock is the folder's own (flock(2)), is held as long as the
process lives, and is gone with it, however it ends.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stresser.model.errors import RunFolderError
from stresser.model.events import (
    AnyEvent,
    AttemptFailed,
    RunEnded,
    RunResumed,
    SessionEnded,
    SessionOpened,
)
from stresser.model.units import NS_PER_US
from stresser.record.folder import RunFolder, shown_path
from stresser.record.host_facts import this_process
from stresser.record.manifest import Manifest, Resumption, Status
from stresser.record.reader import RecordedRun, RunStatus, open_record
from stresser.record.worker_folders import odd_workers, worker_folders
from stresser.scenario.plan import Scenario
from stresser.scenario.secrets import masked

if sys.platform != "win32":
    import fcntl

_WHOLE = "duration"
"""The reason of a `run_ended` that came when the duration was over."""
_SPARE_ATTEMPTS = 10_000
"""What a crash left unwritten, a reflector may have recorded: those numbers are not used again."""


_WORKERS_END_S = 15.0
"""Beyond the time in which a session may be closed."""
_LOOK_EVERY_S = 0.05


class StillRunningError(RunFolderError):
    """Another process goes on with the run: neither may this one, nor begin a new one beside it."""


class Earlier(NamedTuple):
    """What a run had come to when its process ended. Times: nanoseconds since it began."""

    folder: RunFolder
    manifest: Manifest
    anchor_unix_ns: int
    """As the last event had it: a host that slept has moved it."""
    since_ns: int
    """Its last sign."""
    why: str
    """How it ended: `crashed`, or the words of its `run_ended`."""
    gaps_ns: int
    """Between its beginning and `since_ns`, in all."""
    attempts: int
    """The highest number of an attempt."""
    sessions: int
    """The highest number of a session."""
    unrecorded: int
    """Events that its last `run_ended` says are not recorded."""

    @property
    def next_attempt(self) -> int:
        """The number of the next attempt."""
        return self.attempts + _SPARE_ATTEMPTS

    @property
    def ran_ns(self) -> int:
        """For how long it ran, all parts together."""
        return self.since_ns - self.gaps_ns


def what_was_left(path: Path, scenario: Scenario) -> Earlier:
    """What there is to go on with; `scenario` is the one to be run now.

    Raises:
        StillRunningError: the run goes on.
        RunFolderError: it is another scenario's, has nothing left to do, or the
            folder is no run's own.
    """
    run = open_record(path)
    manifest = _checked(run, path)
    _wait_for_workers(run.folder, _WORKERS_END_S + scenario.timeouts.close.seconds)
    differs = _first_difference(manifest.scenario, masked(scenario), scenario)
    if differs is not None:
        raise RunFolderError(
            f"{shown_path(path)}: ran another scenario: {differs} differs; a run goes on with"
            " the scenario that it began with"
        )
    earlier = _scanned(run, manifest)
    asked_ns = scenario.duration
    if asked_ns is not None and (earlier.why == _WHOLE or earlier.ran_ns >= asked_ns):
        raise RunFolderError(f"{shown_path(path)}: ran for its whole duration: nothing is left")
    return earlier


def _checked(run: RecordedRun, path: Path) -> Manifest:
    folder, manifest = run.folder, run.manifest
    if run.is_reflectors:
        why = "is a reflector's record: `stresser reflect` begins a new one each time"
    elif manifest is None:
        why = "has no manifest that can be read, so what it ran is unknown"
    elif run.status is RunStatus.RUNNING:
        pid = manifest.process.pid
        raise StillRunningError(f"{shown_path(path)}: still goes on (process {pid})")
    elif odd := odd_workers(folder):
        why = f"is not as a run leaves it: {odd[0]}"
    elif folder.joined.exists():
        why = "was joined with a reflector's record: what is joined is complete"
    elif (path.resolve().parent.parent / "bundle.json").exists():
        why = "came out of a bundle: the run itself is what goes on"
    else:
        return manifest
    raise RunFolderError(f"{shown_path(path)}: {why}")


def _wait_for_workers(folder: RunFolder, within_s: float) -> None:
    """Where a run's process was killed, its workers end their sessions: until they have."""
    until = time.monotonic() + within_s
    for worker in worker_folders(folder).values():
        while not _is_free(worker):
            if time.monotonic() > until:
                raise StillRunningError(f"{shown_path(worker.path)}: still goes on")
            time.sleep(_LOOK_EVERY_S)


def _is_free(folder: RunFolder) -> bool:
    try:
        with _locked(folder):
            return True
    except StillRunningError:
        return False


def _first_difference(old: Any, new: Any, plan: Any, where: str = "") -> str | None:
    """The first key in which two scenarios differ, such as `sessions.count`.

    `plan` is `new` as it was decoded. A key that the version which began did not know yet has its
    default there: that is no difference.
    """
    differing: Iterator[str | None] = iter([None if old == new else where or "it"])
    if isinstance(old, dict) and isinstance(new, dict):
        unknown = _unsaid(plan) - old.keys()
        keys = [key for key in [*new, *(key for key in old if key not in new)]
                if key not in unknown]  # fmt: skip
        differing = (
            _first_difference(
                old.get(key), new.get(key), getattr(plan, key, None), f"{where}.{key}".lstrip(".")
            )
            for key in keys
        )
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        plans = plan if isinstance(plan, list) else [None] * len(new)
        differing = (
            _first_difference(*three, f"{where}[{number}]")
            for number, three in enumerate(zip(old, new, plans, strict=True))
        )
    return next((one for one in differing if one is not None), None)


def _unsaid(plan: Any) -> set[str]:
    """The keys of a table that have their default."""
    if not isinstance(plan, msgspec.Struct):
        return set()
    fields = msgspec.structs.fields(plan)
    return {one.name for one in fields if getattr(plan, one.name) == _default(one)}


def _default(field: msgspec.structs.FieldInfo) -> Any:
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


def _scanned(run: RecordedRun, manifest: Manifest) -> Earlier:
    attempts = sessions = since_ns = gaps_ns = 0
    anchor_unix_ns = manifest.anchor_unix_ns
    last: AnyEvent | None = None
    for event in run.events():
        since_ns = max(since_ns, event.t_ns)
        last = event
        if isinstance(event, SessionOpened | SessionEnded):
            sessions, attempts = max(sessions, event.session), max(attempts, event.attempt)
        elif isinstance(event, AttemptFailed):
            attempts = max(attempts, event.attempt)
        elif isinstance(event, RunResumed):
            gaps_ns += event.gap_ns
    if last is not None:
        anchor_unix_ns = _anchor_of(last, anchor_unix_ns)
    since_ns = max(since_ns, run.last_interval_ns or 0)
    return Earlier(
        folder=run.folder,
        manifest=manifest,
        anchor_unix_ns=anchor_unix_ns,
        since_ns=since_ns,
        why=last.reason if isinstance(last, RunEnded) else "crashed",
        gaps_ns=gaps_ns,
        attempts=attempts,
        sessions=sessions,
        unrecorded=last.unrecorded_events if isinstance(last, RunEnded) else 0,
    )


def _anchor_of(event: AnyEvent, otherwise: int) -> int:
    try:
        at = datetime.fromisoformat(event.utc).timestamp()
    except (ValueError, OverflowError, OSError):
        return otherwise
    return round(at * 1e6) * NS_PER_US - event.t_ns


def going_on(earlier: Earlier, t_ns: int, utc: str, version: str, workers: int = 1) -> Manifest:
    """The manifest of a run that goes on since `t_ns`, with so many workers now."""
    before = earlier.manifest
    resumption = Resumption(
        t_ns=t_ns,
        utc=utc,
        since_ns=earlier.since_ns,
        why=earlier.why,
        stresser=version,
        process=before.process,
        gap=before.gap,
        unrecorded_events=earlier.unrecorded,
    )
    return msgspec.structs.replace(
        before,
        status=Status.RUNNING,
        ended_utc=None,
        end_reason=None,
        verdict=None,
        gap=None,
        workers=max(before.workers, workers),
        process=this_process(),
        resumptions=[*before.resumptions, resumption],
    )


@contextmanager
def held_alone(folder: RunFolder) -> Iterator[None]:
    """Keep every other process from going on in this folder meanwhile.

    A worker holds its own folder so: where one outlives its run for a moment, it still writes.

    Raises:
        StillRunningError: another one is at it.
    """
    with _locked(folder):
        for worker in worker_folders(folder).values():
            with _locked(worker):
                pass
        yield


@contextmanager
def _locked(folder: RunFolder) -> Iterator[None]:
    if sys.platform == "win32":  # it has no flock: the manifest alone says that a run goes on
        yield
        return
    fd = os.open(folder.path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StillRunningError(f"{shown_path(folder.path)}: still goes on") from error
        except OSError:  # a file system without locks: the manifest alone says so
            pass
        yield
    finally:
        os.close(fd)
