"""Joins a run with a reflector's record of it: which session was which, and what its clock said."""

from datetime import datetime
from typing import NamedTuple

from stresser.model.errors import RunFolderError
from stresser.model.events import (
    AnyEvent,
    FarEndSeen,
    ReflectionEnded,
    ReflectionOpened,
    SessionEnded,
    SessionOpened,
)
from stresser.model.far_end import FarEnd
from stresser.model.units import NS_PER_S
from stresser.record.folder import shown_path
from stresser.record.reader import RecordedRun
from stresser.statistics.clock_alignment import ClockAlignment, OffsetBound

_BEFORE_ACCEPT = frozenset({"resolve", "connect", "proxy_connect", "proxy_tls"})
"""Phases that end before the reflector can have accepted."""


class Joined(NamedTuple):
    """What came of it."""

    seen: list[FarEndSeen]
    sessions: int
    """Sessions of the run that ended."""
    within_ns: int
    """How far the two clocks may be apart after alignment, at the worst."""


class _Opened(NamedTuple):
    session: int
    opened_ns: int
    handshake_ns: int
    """From when the reflector can have accepted to the opening."""


class _Reflections:
    """What a reflector recorded of one run. As `EventCollector`."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self.opened: dict[int, ReflectionOpened] = {}
        self.ended: dict[int, ReflectionEnded] = {}
        self.until_ns = 0

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        self.until_ns = max(self.until_ns, event.t_ns)
        if isinstance(event, ReflectionOpened) and event.run == self._run_id:
            self.opened[event.attempt] = event
        elif isinstance(event, ReflectionEnded) and event.run == self._run_id:
            self.ended[event.attempt] = event


def both_ends_of(run: RecordedRun, reflector: RecordedRun) -> Joined:
    """What the reflector saw of each session of the run that has ended.

    Raises:
        RunFolderError: a folder cannot be read, or the two have no session in common.
    """
    run_id = None if run.manifest is None else run.manifest.run_id
    if run_id is None:
        raise RunFolderError(f"{shown_path(run.path)}: the run has no run_id in its manifest")
    far = _Reflections(run_id)
    for event in reflector.events():
        far.event(event)
    if not far.opened:
        raise RunFolderError(
            f"{shown_path(reflector.path)}: no session of {shown_path(run.path)} named itself to"
            " this reflector: is its endpoint's reflector token the reflector's own?"
        )
    far.until_ns = max(far.until_ns, _last_sign_ns(reflector))
    opened, ended = _sessions(run)
    alignment = ClockAlignment(_bounds(opened, far))
    seen = [told for event in ended if (told := _seen(event, far, alignment)) is not None]
    return Joined(seen, len(ended), max((one.far_end.within_ns for one in seen), default=0))


def _last_sign_ns(reflector: RecordedRun) -> int:
    """A night in which nobody comes or goes has no events, and is known all the same."""
    sign, anchor_ns = reflector.last_sign(), reflector.anchor_unix_ns
    if sign is None or anchor_ns is None:
        return 0
    try:
        return round(datetime.fromisoformat(sign.utc).timestamp() * NS_PER_S) - anchor_ns
    except (ValueError, OverflowError, OSError):
        return 0


def _sessions(run: RecordedRun) -> tuple[dict[int, _Opened], list[SessionEnded]]:
    opened, ended = {}, []
    for event in run.events():
        if isinstance(event, SessionOpened):
            shaking = sum(ns for name, ns in event.phases_ns.items() if name not in _BEFORE_ACCEPT)
            opened[event.attempt] = _Opened(event.session, event.t_ns, shaking)
        elif isinstance(event, SessionEnded):
            ended.append(event)
    return opened, ended


def _bounds(opened: dict[int, _Opened], far: _Reflections) -> list[OffsetBound]:
    """The reflector accepted each session while its handshake went on here."""
    return [
        OffsetBound(
            here.opened_ns,
            there.accepted_ns - here.opened_ns,
            there.accepted_ns - here.opened_ns + here.handshake_ns,
        )
        for attempt, there in far.opened.items()
        if (here := opened.get(attempt)) is not None
    ]


def _seen(event: SessionEnded, far: _Reflections, alignment: ClockAlignment) -> FarEndSeen | None:
    there, stopped = far.opened.get(event.attempt), far.ended.get(event.attempt)
    offset = alignment.at(event.ending.dead_by_ns)
    if there is None or offset is None:
        return None

    def here(t_ns: int) -> int:
        return max(0, t_ns - offset.ns)

    end = FarEnd(
        within_ns=offset.within_ns,
        known_until_ns=here(far.until_ns if stopped is None else stopped.t_ns),
        peer=there.peer,
    )
    if stopped is not None:
        end = FarEnd(
            within_ns=offset.within_ns,
            kind=stopped.kind.value,
            at_ns=here(stopped.t_ns),
            known_until_ns=end.known_until_ns,
            peer=there.peer,
            bytes_received=stopped.bytes_received,
            bytes_sent=stopped.bytes_sent,
            last_in_ns=here(stopped.last_in_ns),
            last_out_ns=None if stopped.last_out_ns is None else here(stopped.last_out_ns),
            unacked=None if stopped.info is None else stopped.info.unacked,
        )
    return FarEndSeen(t_ns=event.t_ns, utc=event.utc, session=event.session, far_end=end)
