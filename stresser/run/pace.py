"""Lets attempts begin no faster than the scenario allows.

A service that is not ours is asked politely, and a handshake is not slowed down by a hundred
others of our own.
"""

from types import TracebackType

import trio

from stresser.model.cohort import Cohort
from stresser.scenario.plan import Sessions

_GRAIN_S = 0.001
"""Turns closer than epoll's own millisecond are taken together: one by one, each would cost a
pass of the loop, and in a fast ramp twice the CPU of the handshake itself."""


class Rate:
    """Evenly spaced turns, first come first served; an unused turn is not saved up."""

    def __init__(self, per_second: float) -> None:
        self._spacing_s = 1 / per_second
        self._next_s = -float("inf")
        self._queue = trio.Lock()

    async def take(self, earliest_s: float, within: "Rate | None" = None) -> float:
        """Wait for the next turn at or after a trio time, and for one of `within` as well.

        Returns the turn's time. Whoever waits for the wider rate keeps others of this rate
        waiting and no one else: turns are never reserved ahead.
        """
        turn = self._take_nowait(earliest_s, within)
        if turn is not None:
            return turn
        async with self._queue:
            turn = max(self._next_s, earliest_s)
            await trio.sleep_until(turn)
            if within is not None:
                turn = await within.take(turn)
            self.taken(turn)
            return turn

    def _take_nowait(self, earliest_s: float, within: "Rate | None") -> float | None:
        """The turn that is free now, if no one waits: waiting for nothing costs three wake-ups."""
        if not self.is_free(earliest_s) or (within is not None and not within.is_free(earliest_s)):
            return None
        self.taken(earliest_s)
        if within is not None:
            within.taken(earliest_s)
        return earliest_s

    def is_free(self, at_s: float) -> bool:
        """Whether a turn can be had at a trio time, and no one has waited for it longer."""
        return not self._queue.locked() and self._next_s <= at_s + _GRAIN_S

    def taken(self, turn_s: float) -> None:
        """Somebody has had a turn."""
        # On the schedule, so that waking late does not add up; but turns that a stall of ours
        # has missed are gone.
        now = trio.current_time()
        base = turn_s if now - turn_s < self._spacing_s else now
        self._next_s = max(self._next_s, base) + self._spacing_s


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

    def admit(self, cohort: Cohort) -> "_Admission":
        """Wait for one's turn; the place in flight is held until the attempt is over."""
        return _Admission(self._places(cohort), self._rate_of(cohort.endpoint), self._all)

    def _rate_of(self, endpoint: str) -> Rate:
        rate = self._rates.get(endpoint)
        if rate is None:
            rate = self._rates[endpoint] = Rate(self._sessions.attempts_per_second_per_endpoint)
        return rate

    def _places(self, cohort: Cohort) -> trio.Semaphore:
        pair = cohort.pair
        places = self._in_flight.get(pair)
        if places is None:
            places = self._in_flight[pair] = trio.Semaphore(self._sessions.handshakes_in_flight)
        return places


class _Admission:
    """A place in flight and a turn; `@asynccontextmanager` would take as long as a wake-up."""

    __slots__ = ("_of_all", "_places", "_rate")

    def __init__(self, places: trio.Semaphore, rate: Rate, of_all: Rate) -> None:
        self._places = places
        self._rate = rate
        self._of_all = of_all

    async def __aenter__(self) -> None:
        try:
            self._places.acquire_nowait()
        except trio.WouldBlock:
            await self._places.acquire()
        try:
            await self._rate.take(trio.current_time(), within=self._of_all)
        except BaseException:
            self._places.release()
            raise

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._places.release()
