"""When host or tool were not fit to judge sessions: it notices, records, and can be asked.

The loop's stamp calls `left` and `came_back` around each wait for I/O. Between them the loop
sleeps until its timeout; from one wait to the next it works. Where either took too long the
window is known before the first task runs again: a session that finds its pong overdue after a
stop of ten seconds is judged with that stop known. The window lasts until the loop has read what
came meanwhile: a pong that waited in a socket is a proof of life dated after the stop.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator

from stresser.model.events import TesterLate
from stresser.model.unfit import LATE_NS, UNFIT_LAG_NS, WHO_IS_UNFIT, Unfit, UnfitCause
from stresser.model.units import NS_PER_S
from stresser.witness.clock import RunClock
from stresser.witness.cpu import CpuLedger, CpuReading, cause_of

_REMEMBERED = 1000
_NOTHING = CpuReading(0, None, 0, 0)


class Fitness:
    """The bad windows of one run, from `open` to `close`."""

    def __init__(self, clock: RunClock, report: Callable[[TesterLate], None]) -> None:
        self._clock = clock
        self._report = report
        self._ledger = CpuLedger()
        self._windows: deque[Unfit] = deque(maxlen=_REMEMBERED)
        self._fresh: Unfit | None = None
        """What came in this window is not read yet."""
        self._before = _NOTHING
        self._since = self._due = time.perf_counter_ns()
        """Of the time in which nothing was late: perf_counter, which no fake clock moves."""

    def open(self) -> None:
        """Begin, in the loop's own thread."""
        self._ledger.open()
        self._before = self._ledger.read()
        self._since = self._due = time.perf_counter_ns()

    def close(self) -> None:
        """Stop; the windows can still be asked for."""
        self._ledger.close()

    def tick(self) -> None:
        """Keep the accounts fresh: some twenty times a second, from a task."""
        # Not in a window that is bad already: then what came before it would be forgotten.
        if time.perf_counter_ns() - self._since < LATE_NS:
            self._before = self._ledger.read()

    def left(self, timeout_s: float) -> None:
        """The loop is going to wait for I/O, for so long at most."""
        now = time.perf_counter_ns()
        if self._fresh is not None:
            self._windows.append(self._until_now(self._fresh))
            self._fresh = None
        if now - self._since >= LATE_NS:
            self._judge(now - self._since, timer_was_due=False)
        self._due = now + int(timeout_s * NS_PER_S)

    def came_back(self) -> None:
        """The loop is back from waiting."""
        now = time.perf_counter_ns()
        if now - self._due >= LATE_NS:
            self._judge(now - self._due, timer_was_due=True)
        self._since = now

    def slept(self, since_ns: int, now_ns: int, slept_ns: int) -> None:
        """The host was suspended somewhere between two moments of the run."""
        cause = UnfitCause.SUSPENDED
        self._windows.append(Unfit(WHO_IS_UNFIT[cause], cause, since_ns, now_ns, slept_ns))

    def unfit_between(self, from_ns: int, until_ns: int) -> list[Unfit]:
        """The bad windows that touch this one (run clock), the present one included.

        Of the last thousand. Lateness counts from UNFIT_LAG_NS on, a suspend always.
        """
        windows = [*self._windows, *self._present()]
        return [one for one in windows if one.from_ns <= until_ns and one.until_ns >= from_ns]

    def _present(self) -> Iterator[Unfit]:
        if self._fresh is not None:
            yield self._until_now(self._fresh)
        late_ns = time.perf_counter_ns() - self._since
        if late_ns >= UNFIT_LAG_NS:  # the loop has not come to its next wait: it is late now
            yield self._unfit(late_ns, timer_was_due=False)

    def _until_now(self, window: Unfit) -> Unfit:
        return window._replace(until_ns=self._clock.now_ns())

    def _judge(self, late_ns: int, *, timer_was_due: bool) -> None:
        window = self._unfit(late_ns, timer_was_due=timer_was_due)
        self._before = self._ledger.read()
        if late_ns >= UNFIT_LAG_NS:
            if self._fresh is not None:
                self._windows.append(self._fresh)
            self._fresh = window
        self._report(
            TesterLate(
                t_ns=window.from_ns,
                utc=self._clock.utc(window.from_ns),
                late_ns=late_ns,
                cause=window.cause,
            )
        )

    def _unfit(self, late_ns: int, *, timer_was_due: bool) -> Unfit:
        cause = cause_of(late_ns, self._before, self._ledger.read(), timer_was_due=timer_was_due)
        now = self._clock.now_ns()
        return Unfit(WHO_IS_UNFIT[cause], cause, max(0, now - late_ns), now, late_ns)
