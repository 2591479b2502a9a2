"""What one reflector recorded of one run, on the run's own clock: which session was which.

Fed from a reflector's folder (`stresser join`) or by a control session while the run goes on.
"""

from typing import Final, NamedTuple

from stresser.model.events import (
    AnyEvent,
    FarEndSeen,
    ReflectionEnded,
    ReflectionHeld,
    ReflectionOpened,
    SessionEnded,
    SessionOpened,
)
from stresser.model.far_end import FarEnd
from stresser.statistics.clock_alignment import ClockAlignment, OffsetBound

_BEFORE_ACCEPT: Final = frozenset({"resolve", "connect", "proxy_connect", "proxy_tls"})
"""Phases that end before the reflector can have accepted."""


class _Opened(NamedTuple):
    opened_ns: int
    handshake_ns: int
    """From when the reflector can have accepted to the opening."""


class FarRecord:
    """Of a run, by its id. Times in it: the reflector's clock."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._alignment = ClockAlignment()
        self._here: dict[int, _Opened] = {}
        self.opened: dict[int, ReflectionOpened] = {}
        """By attempt."""
        self.held: dict[int, ReflectionHeld] = {}
        """As they were when they had ended here and were still held there."""
        self.ended: dict[int, ReflectionEnded] = {}
        self.until_ns = 0
        """The record is known until then."""

    def event(self, event: AnyEvent | ReflectionHeld) -> None:
        """One event of the reflector's, in order."""
        self.until_ns = max(self.until_ns, event.t_ns)
        if not isinstance(event, ReflectionOpened | ReflectionHeld) or event.run != self._run_id:
            return
        if isinstance(event, ReflectionOpened):
            self.opened[event.attempt] = event
            self._align(event.attempt)
        elif isinstance(event, ReflectionEnded):
            self.ended[event.attempt] = event
        else:
            self.held[event.attempt] = event

    def opened_here(self, event: SessionOpened) -> None:
        """A session of the run: it was accepted there while its handshake went on here."""
        shaking = sum(ns for name, ns in event.phases_ns.items() if name not in _BEFORE_ACCEPT)
        self._here[event.attempt] = _Opened(event.t_ns, shaking)
        self._align(event.attempt)

    def bound(self, bound: OffsetBound) -> None:
        """A moment that both saw."""
        self._alignment.add(bound)

    def forget(self, attempt: int) -> None:
        """All is said of it."""
        for known in (self._here, self.opened, self.held, self.ended):
            known.pop(attempt, None)

    def _align(self, attempt: int) -> None:
        here, there = self._here.get(attempt), self.opened.get(attempt)
        if here is not None and there is not None:
            ahead_ns = there.accepted_ns - here.opened_ns
            self.bound(OffsetBound(here.opened_ns, ahead_ns, ahead_ns + here.handshake_ns))

    def seen(self, event: SessionEnded) -> FarEndSeen | None:
        """What it says of a session that has ended here; None: nothing.

        What had passed is what had passed when this end gave it up, where the reflector was asked.
        """
        there, stopped = self.opened.get(event.attempt), self.ended.get(event.attempt)
        offset = self._alignment.at(event.ending.dead_by_ns)
        if there is None or offset is None:
            return None
        passed = self.held.get(event.attempt, stopped)

        def here(t_ns: int) -> int:
            return max(0, t_ns - offset.ns)

        known_until_ns = self.until_ns if passed is None else passed.t_ns
        if stopped is not None:
            known_until_ns = stopped.t_ns
        end = FarEnd(
            within_ns=offset.within_ns,
            kind=None if stopped is None else stopped.kind,
            at_ns=None if stopped is None else here(stopped.t_ns),
            known_until_ns=here(known_until_ns),
            peer=there.peer,
            bytes_received=0 if passed is None else passed.bytes_received,
            bytes_sent=0 if passed is None else passed.bytes_sent,
            last_in_ns=None if passed is None else here(passed.last_in_ns),
            last_out_ns=None
            if passed is None or passed.last_out_ns is None
            else here(passed.last_out_ns),
            unacked=None if passed is None or passed.info is None else passed.info.unacked,
        )
        return FarEndSeen(t_ns=event.t_ns, utc=event.utc, session=event.session, far_end=end)
