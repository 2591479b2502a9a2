"""Lets attempts begin no faster than the scenario allows.

A service that is not ours is asked politely, and a handshake is not slowed down by a hundred
others of our own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from stresser.model.cohort import Cohort
from stresser.model.scenario import Sessions


class Rate:
    """Evenly spaced turns, first come first served; an unused turn is not saved up."""

    def __init__(self, per_second: float) -> None:
        self._spacing_s = 1 / per_second
        self._next_s = -float("inf")
        self._queue = trio.Lock()

    async def take(self, earliest_s: float, within: "Rate | None" = None) -> float:
        """Wait for the next turn at or after a trio time, and for one of `within` as well.

        Returns the turn's time. Whoever waits for the wider rate keeps others of this rate
        waiting and nobody else: turns are never reserved ahead.
        """
        async with self._queue:
            turn = max(self._next_s, earliest_s)
            await trio.sleep_until(turn)
            if within is not None:
                turn = await within.take(turn)
            # On the schedule, so that waking late does not add up; but turns that a stall of
            # ours has missed are gone.
            now = trio.current_time()
            self._next_s = (turn if now - turn < self._spacing_s else now) + self._spacing_s
            return turn


class Pace:
    """The gate of a run (see `session.surroundings.Gate`).

    Handshakes in flight are counted for each endpoint and egress apart: behind a dead one
    they all wait for their timeouts, and the others must not wait with them.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._all = Rate(sessions.attempts_per_second)
        self._rates: dict[str, Rate] = {}
        self._in_flight: dict[tuple[str, str], trio.Semaphore] = {}

    @asynccontextmanager
    async def admit(self, cohort: Cohort) -> AsyncIterator[None]:
        """Wait for one's turn; the place in flight is held until the attempt is over."""
        async with self._places(cohort):
            await self._rate_of(cohort.endpoint).take(trio.current_time(), within=self._all)
            yield

    def _rate_of(self, endpoint: str) -> Rate:
        rate = self._rates.get(endpoint)
        if rate is None:
            rate = self._rates[endpoint] = Rate(self._sessions.attempts_per_second_per_endpoint)
        return rate

    def _places(self, cohort: Cohort) -> trio.Semaphore:
        way = (cohort.endpoint, cohort.egress)
        places = self._in_flight.get(way)
        if places is None:
            places = self._in_flight[way] = trio.Semaphore(self._sessions.handshakes_in_flight)
        return places
