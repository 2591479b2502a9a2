"""Waits in the event loop's place while nothing but pings and pongs happens.

A pass of trio's loop costs more than the pong that it was made for. So before trio waits for its
epoll, this waits for that epoll and for all quiet sessions at once: pongs are taken, and pings that
fall due are sent, until trio has something to do. That is, until trio's epoll has an event, a task
was woken, or the time is over for which trio wanted to wait. All that is done in between a task may
not do meanwhile: tasks run when trio goes on.
"""

import select
from typing import Self

from stresser.model.units import NS_PER_S
from stresser.session.quiet_sessions import EVENTS_A_LOOK, QuietSessions
from stresser.session.run_context import RunContext
from stresser.witness.fitness import Fitness
from stresser.witness.hangup import HangupWatch
from stresser.witness.trio_inside import LoopInside, loop_inside, system_clock_ahead_s


class QuietWait:
    """What `LoopStamp` calls around each wait of trio's. One for a run; Linux."""

    def __init__(
        self,
        around: RunContext,
        quiet: QuietSessions,
        hangups: HangupWatch,
        fitness: Fitness,
        inside: LoopInside,
    ) -> None:
        self._clock, self._heartbeats, self._bugs = around.clock, around.heartbeats, around.bugs
        self._quiet, self._hangups, self._fitness = quiet, hangups, fitness
        self._runnable, self._wake = inside.runnable, inside.wake
        self._loop_has_events = inside.events, select.EPOLLIN
        self._has_hangups = hangups.fileno(), select.EPOLLIN
        for descriptor, flags in (self._loop_has_events, self._has_hangups):
            quiet.epoll.register(descriptor, flags)
        self._has_looked = False
        """Nothing has been waited for since the quiet sessions were looked at."""

    @classmethod
    def begin(cls, around: RunContext, hangups: HangupWatch, fitness: Fitness) -> Self | None:
        """None: tasks wait, without an epoll and where time is not what the system's clock says."""
        inside = loop_inside()
        if around.quiet is None or inside is None or system_clock_ahead_s() is None:
            return None
        return cls(around, around.quiet, hangups, fitness, inside)

    def before(self, timeout_s: float) -> None:
        """Wait in trio's place; returns when trio has something to do, and will not wait."""
        if timeout_s <= 0 or not (len(self._quiet) or len(self._heartbeats)):
            return
        self._has_looked = True
        try:
            is_awake = self._wait(self._clock.now_ns() + int(timeout_s * NS_PER_S))
        except Exception as exc:  # noqa: BLE001 - no session did it, and trio would drop us for it
            self._bugs.note(exc)
            is_awake = False
        self._fitness.left(0)
        if not is_awake:
            self._wake()

    def after(self) -> None:
        """Read and beat where trio did not let us wait."""
        if self._has_looked:
            self._has_looked = False
            return
        try:
            self._quiet.read()  # a pong that is here is read before one is missed
            self._heartbeats.beat_some()
        except Exception as exc:  # noqa: BLE001 - as above
            self._bugs.note(exc)

    def _wait(self, until_ns: int) -> bool:
        """True: trio's epoll has an event."""
        clock, quiet, heartbeats = self._clock, self._quiet, self._heartbeats
        now_ns = clock.now_ns()
        while not self._runnable and now_ns < until_ns:
            left_s = max(0, min(until_ns, heartbeats.due_ns) - now_ns) / NS_PER_S
            self._fitness.left(left_s)
            events = quiet.epoll.poll(left_s, EVENTS_A_LOOK)
            clock.woke_ns = clock.now_ns()
            self._fitness.came_back()
            if self._has_hangups in events:
                self._hangups.look()
            quiet.take(events)
            now_ns = clock.now_ns()
            if heartbeats.due_ns <= now_ns:
                heartbeats.beat_some()
                now_ns = clock.now_ns()
            if self._loop_has_events in events:
                return True
        return False
