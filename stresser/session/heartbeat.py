"""One scheduler that pings for all sessions, on absolute due times.

A task of its own for each session's pings would double their memory and wake-ups
(docs/measurements.md). The scheduler never awaits a send: one peer that does not read must
not make the others' pings late.
"""

import heapq
import math
from itertools import count
from typing import Protocol

import trio

from stresser.witness.clock import RunClock

_BEATS_A_PASS = 32
"""After so many beats the loop may look at its sockets again."""
_WORTH_CLEARING = 64
_TICKET_BITS = 40
NEVER_NS = 1 << 62
"""Later than any due time."""
_TICKET = (1 << _TICKET_BITS) - 1


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
        self._heap: list[int] = []
        """Each a due time and a ticket in one number: two are compared four times as fast."""
        self._sessions: dict[int, Beating] = {}
        self._order = count()
        self._waiting = trio.CancelScope()
        """Where `run` waits for the next due time."""

    def __len__(self) -> int:
        """How many sessions are beating."""
        return len(self._sessions)

    def add(self, due_ns: int, session: Beating) -> int:
        """Call `session.beat` at `due_ns` for the first time. Returns a ticket for `remove`."""
        ticket = next(self._order)
        self._sessions[ticket] = session
        entry = due_ns << _TICKET_BITS | ticket
        heapq.heappush(self._heap, entry)
        if self._heap[0] == entry:
            self._set_deadline()
        return ticket

    def remove(self, ticket: int) -> None:
        """Forget a session now: until its next due time it would keep its TLS state alive."""
        self._sessions.pop(ticket, None)
        if len(self._heap) > 2 * len(self._sessions) + _WORTH_CLEARING:
            self._heap = [entry for entry in self._heap if entry & _TICKET in self._sessions]
            heapq.heapify(self._heap)

    @property
    def due_ns(self) -> int:
        """When the next beat is due."""
        return self._heap[0] >> _TICKET_BITS if self._heap else NEVER_NS

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            await self._wait()
            self.beat_due()

    async def _wait(self) -> None:
        with trio.CancelScope() as self._waiting:
            self._set_deadline()
            await trio.sleep_forever()

    def _set_deadline(self) -> None:
        if self._heap:
            self._waiting.deadline = self._clock.trio_time(self._heap[0] >> _TICKET_BITS)
        else:
            self._waiting.deadline = math.inf

    def beat_due(self) -> None:
        """Beat all that are due: `run` does, at the latest.

        Whoever is called whenever the loop comes back from waiting does it without waking `run`,
        which would cost as much as a beat.
        """
        if self.beat_some():
            self._set_deadline()

    def beat_some(self) -> bool:
        """Beat as many as a pass may; whether any was due. `run` is not told."""
        heap, sessions, clock = self._heap, self._sessions, self._clock
        for number in range(_BEATS_A_PASS):
            if not heap:
                return number > 0
            entry = heap[0]
            due, ticket = entry >> _TICKET_BITS, entry & _TICKET
            now = clock.now_ns()
            if now < due:
                # As the deadline was: rounding could make it a nanosecond early for ever.
                if due - now > 1 or clock.trio_time(due) > trio.current_time():
                    return number > 0
                now = due
            session = sessions.get(ticket)
            again = None if session is None else self._beat(session, now)
            if again is None:
                heapq.heappop(heap)
                sessions.pop(ticket, None)
            else:
                heapq.heapreplace(heap, again << _TICKET_BITS | ticket)
        return True

    def _beat(self, session: Beating, now_ns: int) -> int | None:
        try:
            return session.beat(now_ns)
        except Exception as exc:  # noqa: BLE001 - a bug ends this session, not everybody's pings
            session.break_off(exc)
            return None
