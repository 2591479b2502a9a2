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


class Beating(Protocol):
    """What the scheduler calls."""

    def beat(self, now_ns: int) -> int | None:
        """Do what is due; the time of the next beat, None when there is none any more."""


class Heartbeats:
    """A heap of due times."""

    def __init__(self, clock: RunClock) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int, Beating]] = []
        self._order = count()
        self._sooner = trio.Event()

    def add(self, due_ns: int, session: Beating) -> None:
        """Call `session.beat` at `due_ns` for the first time."""
        if not self._heap or due_ns < self._heap[0][0]:
            self._sooner.set()
        heapq.heappush(self._heap, (due_ns, next(self._order), session))

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
            now = self._clock.now_ns()
            due, order, session = self._heap[0]
            if due > now:
                return
            again = session.beat(now)
            if again is None:
                heapq.heappop(self._heap)
            else:
                heapq.heapreplace(self._heap, (again, order, session))
