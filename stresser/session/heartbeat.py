"""One scheduler that pings for all sessions, on absolute due times.

A task of its own for each session's pings would double their memory and wake-ups
(docs/measurements.md). The scheduler never awaits a send: one peer that does not read must
not make the others' pings late.
"""

import heapq
from itertools import count
from typing import Protocol

import trio

from stresser.witness.clock import RunClock

_BEATS_A_PASS = 32
"""After so many beats the loop may look at its sockets again."""
_WORTH_CLEARING = 64


class Beating(Protocol):
    """What the scheduler calls. Neither may add or remove sessions."""

    def beat(self, now_ns: int) -> int | None:
        """Do what is due; the time of the next beat, None when there is none any more."""

    def break_off(self, exc: Exception) -> None:
        """`beat` raised this: it is not called again."""


class Heartbeats:
    """A heap of due times, and the sessions that they belong to."""

    def __init__(self, clock: RunClock) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int]] = []
        self._sessions: dict[int, Beating] = {}
        self._order = count()
        self._sooner = trio.Event()

    def __len__(self) -> int:
        """How many sessions are beating."""
        return len(self._sessions)

    def add(self, due_ns: int, session: Beating) -> int:
        """Call `session.beat` at `due_ns` for the first time. Returns a ticket for `remove`."""
        if not self._heap or due_ns < self._heap[0][0]:
            self._sooner.set()
        ticket = next(self._order)
        self._sessions[ticket] = session
        heapq.heappush(self._heap, (due_ns, ticket))
        return ticket

    def remove(self, ticket: int) -> None:
        """Forget a session now: until its next due time it would keep its TLS state alive."""
        self._sessions.pop(ticket, None)
        if len(self._heap) > 2 * len(self._sessions) + _WORTH_CLEARING:
            self._heap = [entry for entry in self._heap if entry[1] in self._sessions]
            heapq.heapify(self._heap)

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            await self._wait()
            self._beat_due()

    async def _wait(self) -> None:
        self._sooner = trio.Event()
        if not self._heap:
            await self._sooner.wait()
            return
        deadline = self._clock.trio_time(self._heap[0][0])
        with trio.move_on_at(deadline):
            await self._sooner.wait()

    def _beat_due(self) -> None:
        for _ in range(_BEATS_A_PASS):
            if not self._heap:
                return
            due, ticket = self._heap[0]
            # Compared as the deadline was: rounding could make it a nanosecond early for ever.
            if self._clock.trio_time(due) > trio.current_time():
                return
            again = self._beat(ticket, max(due, self._clock.now_ns()))
            if again is None:
                heapq.heappop(self._heap)
                self._sessions.pop(ticket, None)
            else:
                heapq.heapreplace(self._heap, (again, ticket))

    def _beat(self, ticket: int, now_ns: int) -> int | None:
        session = self._sessions.get(ticket)
        if session is None:
            return None
        try:
            return session.beat(now_ns)
        except Exception as exc:  # noqa: BLE001 - a bug ends this session, not everybody's pings
            session.break_off(exc)
            return None
