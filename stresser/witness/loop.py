"""The event loop as a witness: when it learned of things, and how late it was."""

from collections.abc import Callable, Sequence
from typing import Final

import trio
from trio.abc import Instrument

from stresser.model.units import NS_PER_S
from stresser.witness.clock import RunClock
from stresser.witness.fitness import Fitness
from stresser.witness.hangup import HangupWatch

COLLECT_SELDOM: Final = (3_000, 100, 50)
"""For `gc.set_threshold`, where thousands of sessions are held: they make few cycles and live long.
With Python's own (700, 10, 10) looking for garbage took a sixth of the CPU of a ramp, and stopped a
reflector under attack for 40 ms at a time. Each looks through 3,000 objects once; the second time,
through all that is young, comes seldom."""


class LoopStamp(Instrument):
    """Stamps the moment at which the loop came back from waiting for I/O.

    Hundreds of sessions that die at once are all in the same pass of the loop. Their tasks
    run one after another, milliseconds apart; the stamp is common to all of them and nearer
    to the packets. It is an upper bound of the time of everything the pass reports.
    """

    def __init__(
        self,
        clock: RunClock,
        hangups: HangupWatch | None = None,
        fitness: Fitness | None = None,
        then: Sequence[Callable[[], None]] = (),
        before: Callable[[float], None] | None = None,
    ) -> None:
        """`then` are called after each wait: what is due is done without waking a task.

        `before` gets the timeout of each, in seconds: it may wait itself.
        """
        self._clock = clock
        self._hangups = hangups
        self._fitness = fitness
        self._then = then
        self._before = before

    def before_io_wait(self, timeout: float) -> None:
        """Called by trio before each epoll."""
        if self._fitness is not None:
            self._fitness.left(timeout)
        if self._before is not None:
            self._before(timeout)

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002 - trio's signature
        """Called by trio after each epoll."""
        self._clock.woke_ns = self._clock.now_ns()
        if self._fitness is not None:
            self._fitness.came_back()
        if self._hangups is not None:
            self._hangups.look()
        for do in self._then:
            do()


async def watch_lag(
    clock: RunClock, report: Callable[[int, int], None], every_ns: int = NS_PER_S // 20
) -> None:
    """Report (due_ns, lag_ns) of a task that is due at each multiple of `every_ns`, for ever.

    Due times are absolute. A stall covers several of them: each is reported with the lag it
    would have had, so that a one-second stall is not one sample among many good ones.
    """
    due = clock.now_ns() + every_ns
    while True:
        await trio.sleep_until(clock.trio_time(due))
        now = clock.now_ns()
        while due <= now:
            report(due, now - due)
            due += every_ns
