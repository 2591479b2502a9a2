"""What a worker that died left in its folder: its last events, and sessions without an end.

Blocks, for a thread. The folder is set right first, as if its process had closed it.
"""

from typing import NamedTuple

from stresser.classify.standing import make_ending
from stresser.model.ending import WORKER_DIED, Grade, Initiator, Kind, Phase
from stresser.model.events import (
    AnyEvent,
    RunEnded,
    RunResumed,
    RunStarted,
    SessionEnded,
    SessionOpened,
)
from stresser.record.events_file import EventsReader
from stresser.record.failure_runs import one_by_one
from stresser.record.folder import RunFolder
from stresser.record.histogram_log import last_end_ns
from stresser.record.repair import repair_record
from stresser.record.segments import has_segments
from stresser.witness.clock import RunClock

_OF_THE_RUN = (RunStarted, RunEnded, RunResumed)


class LeftBehind(NamedTuple):
    """What is in the folder of a worker that died. Times: run clock, ns."""

    untold: list[AnyEvent]
    """Events beyond those that the run's process had from it."""
    open: list[SessionOpened]
    """Sessions that have no ending."""
    alive_ns: int
    """The last sign of its life."""


def left_behind(folder: RunFolder, since_ns: int, sent: int) -> LeftBehind:
    """Of the part of the run that began at `since_ns`, of which it had sent so many lines.

    Raises:
        RunFolderError: the folder cannot be read or written.
    """
    repair_record(folder)
    untold: list[AnyEvent] = []
    held: dict[int, SessionOpened] = {}
    alive_ns = max(since_ns, last_end_ns(folder.histograms) or 0)
    number = 0
    for event in EventsReader(folder.events) if has_segments(folder.events) else ():
        if event.t_ns < since_ns:
            continue
        alive_ns = max(alive_ns, event.t_ns)
        number += 1
        if number > sent:
            untold.append(event)
        if isinstance(event, SessionOpened):
            held[event.session] = event
        elif isinstance(event, SessionEnded):
            held.pop(event.session, None)
    return LeftBehind(sessions_alone(untold), list(held.values()), alive_ns)


def sessions_alone(events: list[AnyEvent]) -> list[AnyEvent]:
    """Events of a worker's file, one by one, without those that the run's own file has."""
    return [event for event in one_by_one(events) if not isinstance(event, _OF_THE_RUN)]


def lost_session(
    opened: SessionOpened, how: str, alive_ns: int, seen_ns: int, clock: RunClock
) -> SessionEnded:
    """The end of a session whose process died: between `alive_ns` and `seen_ns`."""
    lived_until_ns = min(max(alive_ns, opened.t_ns), seen_ns)
    ending = make_ending(
        phase=Phase.HELD,
        kind=Kind.TOOL,
        failure=WORKER_DIED,
        initiator=Initiator.TOOL,
        grade=Grade.ERRNO,
        planned=False,
        age_ns=max(seen_ns - opened.t_ns, 0),
        idle_ns=None,
        alive_at_ns=lived_until_ns,
        dead_by_ns=seen_ns,
        detected_at_ns=seen_ns,
        raw=how,
    )
    return SessionEnded(
        t_ns=seen_ns,
        utc=clock.utc(seen_ns),
        endpoint=opened.endpoint,
        egress=opened.egress,
        activity=opened.activity,
        attempt=opened.attempt,
        session=opened.session,
        local=opened.local,
        remote=opened.remote,
        proxy=opened.proxy,
        ending=ending,
    )
