"""Runs as several processes record them: the same story by N recorders, each in its own folder."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import trio
from trio.testing import MockClock

from stresser.model.cohort import Cohort
from stresser.model.events import (
    AddressesSeen,
    AnyEvent,
    AttemptFailed,
    ChainSeen,
    HopsSeen,
    RunEnded,
    SessionEnded,
    SessionOpened,
)
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.record.folder import RunFolder
from stresser.record.manifest import Manifest, Status, write_manifest
from stresser.record.reader import RecordedRun, open_run
from stresser.record.recorder import Recorder
from stresser.witness.clock import RunClock
from tests.analysis.story import SCENARIO, Story, gone_process, utc

ANCHOR_UNIX_NS = 1_795_392_000 * NS_PER_S  # 2026-11-23T00:00:00Z
_INTERVAL_NS = 10 * NS_PER_S


class Sample(NamedTuple):
    """A duration that a session measured."""

    t_ns: int
    session: int
    quantity: Quantity
    cohort: Cohort | None
    value_ns: int


def worker_of(event: AnyEvent, workers: int) -> int:
    """Whose event it is, from 1; 0: the run's own. Numbers go round."""
    if isinstance(event, SessionOpened | SessionEnded | HopsSeen):
        return (event.session - 1) % workers + 1
    if isinstance(event, AttemptFailed):
        return (event.attempt - 1) % workers + 1
    return 0


def recorded_by(
    workers: int,
    path: Path,
    events: Iterable[AnyEvent],
    samples: Iterable[Sample] = (),
    *,
    owner: Callable[[AnyEvent, int], int] = worker_of,
    manifest: Mapping[str, Any] | None = None,
) -> RecordedRun:
    """Write the folder of a run of so many workers, 1: as one process does; and open it.

    What a cohort met first, each worker meets for itself: chains are seen by all of them.
    """
    folder = RunFolder(path)
    path.mkdir(parents=True)
    fields = {"scenario": SCENARIO, "status": Status.COMPLETE} | dict(manifest or {})
    write_manifest(folder.manifest, _manifest(workers, fields))
    trio.run(_record, workers, folder, list(events), list(samples), owner, clock=MockClock())
    return open_run(path)


def _manifest(workers: int, fields: Mapping[str, Any]) -> Manifest:
    own: dict[str, Any] = {"stresser": "0.0.0", "started_utc": utc(0), "process": gone_process()}
    return Manifest(**(own | {"anchor_unix_ns": ANCHOR_UNIX_NS, "workers": workers} | dict(fields)))


async def _record(
    workers: int,
    folder: RunFolder,
    events: list[AnyEvent],
    samples: list[Sample],
    owner: Callable[[AnyEvent, int], int],
) -> None:
    clock = RunClock()
    clock.anchor_unix_ns = ANCHOR_UNIX_NS
    own = Recorder(folder, clock, _INTERVAL_NS)
    recorders = [own] * 2 if workers == 1 else [own, *_workers(workers, folder, clock)]
    for one in sorted([*events, *samples], key=lambda what: what.t_ns):
        await _until(one.t_ns, clock, recorders)
        if isinstance(one, Sample):
            recorder = recorders[(one.session - 1) % workers + 1]
            recorder.sample(one.quantity, one.cohort, one.value_ns)
        elif isinstance(one, AddressesSeen | ChainSeen) and workers > 1:
            for recorder in recorders[1:]:
                recorder.event(one)
        else:
            recorders[owner(one, workers)].event(one)
    is_closed = any(isinstance(event, RunEnded) for event in events)
    for recorder in reversed(recorders):
        recorder.close_now("its part is over") if is_closed else recorder.flush_now()


def _workers(workers: int, folder: RunFolder, clock: RunClock) -> Iterable[Recorder]:
    for number in range(1, workers + 1):
        folder.worker(number).path.mkdir(parents=True)
        yield Recorder(folder.worker(number), clock, _INTERVAL_NS, recorders=workers)


async def _until(t_ns: int, clock: RunClock, recorders: list[Recorder]) -> None:
    """What was collected is written when an interval ends, as a run does twice a second."""
    ends = range((clock.now_ns() // _INTERVAL_NS + 1) * _INTERVAL_NS, t_ns + 1, _INTERVAL_NS)
    for end_ns in [*ends, t_ns]:
        mock = trio.lowlevel.current_clock()
        assert isinstance(mock, MockClock)
        mock.jump(max(end_ns - clock.now_ns(), 0) / NS_PER_S)
        if end_ns != t_ns:
            for recorder in recorders:
                recorder.flush_now()


def samples_of(story: Story) -> list[Sample]:
    """A round trip for each session and event of it, of a length of its own."""
    return [
        Sample(event.t_ns, event.session, Quantity.RTT, event.cohort, 10**6 * (1 + number % 97))
        for number, event in enumerate(story.events)
        if isinstance(event, SessionOpened | SessionEnded)
    ]
