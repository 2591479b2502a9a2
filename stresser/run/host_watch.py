"""What befalls this host while workers hold a run's sessions: the run's process records it, once.

The workers see it too, as evidence of their own sessions, and do not record it (`worker.py`).
"""

import trio

from stresser.model.events import ClockStepped, HostSlept, Observer
from stresser.witness.clock import RunClock, SleepWitness
from stresser.witness.clock_steps import ClockSteps
from stresser.witness.path import PathWitness


class HostWatch:
    """Links, addresses, routes, resolvers, sleep and the wall clock. `run` is its task."""

    def __init__(self, clock: RunClock, observer: Observer) -> None:
        self._clock = clock
        self._observer = observer
        self._path = PathWitness(clock, observer.event)
        self._sleeps = SleepWitness()
        self._steps = ClockSteps()

    async def run(self) -> None:
        """Watch until cancelled."""
        self._path.open()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._path.run)
                while True:
                    await trio.sleep(1)
                    self._look()
        finally:
            self._path.close()

    def _look(self) -> None:
        clock, now = self._clock, self._clock.now_ns()
        slept = self._sleeps.check(now)
        if slept:
            # The monotonic clock stood still meanwhile.
            clock.anchor_unix_ns += slept
            self._observer.event(HostSlept(t_ns=now, utc=clock.utc(now), slept_ns=slept))
        step = self._steps.look()
        if step:
            self._observer.event(ClockStepped(t_ns=now, utc=clock.utc(now), step_ns=step))
