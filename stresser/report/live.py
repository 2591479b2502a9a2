"""Shows a run while it goes on: a screen on a terminal, one line a minute elsewhere.

It must not disturb what it shows. In the event loop it only counts and, once a second, copies
what is shown; drawing and writing happen in a thread. A terminal that is slow, stopped by Ctrl-S
or closed costs pictures, never the run.
"""

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import trio
from rich.live import Live

from stresser.analysis.counts.run_tally import Tally
from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent
from stresser.model.quantity import Quantity
from stresser.model.units import escaped
from stresser.report.console import ReportConsole, stderr_console
from stresser.report.glimpse import Glimpse
from stresser.report.live_screen import LiveScreen, progress_line, rows_that_fit
from stresser.report.snapshot import MOST_ROWS, SHOWN_QUANTITIES, Snapshot, take_snapshot
from stresser.scenario.plan import Scenario
from stresser.witness.clock import RunClock

_FRAME_EVERY_S = 1.0
_LINE_EVERY_S = 60.0
_LAST_WORD_WITHIN_S = 2.0
_SWITCH_EVERY_S = 0.0005
_MOST_NOTES = 8
"""Of each sort: warnings, news."""
_LONGEST_NOTE = 300
_SHOWN = frozenset(SHOWN_QUANTITIES)


class LiveView:
    """An Observer with a `run` of its own. Start it in the run's nursery and cancel it last."""

    def __init__(
        self,
        scenario: Scenario,
        clock: RunClock,
        console: ReportConsole | None = None,
        *,
        frame_every_s: float = _FRAME_EVERY_S,
        line_every_s: float = _LINE_EVERY_S,
    ) -> None:
        self.tally = Tally()
        self._scenario = scenario
        self._clock = clock
        self._console = stderr_console() if console is None else console
        self._frame_every_s = frame_every_s
        self._line_every_s = line_every_s
        self._glimpses: dict[tuple[Quantity, Cohort | None], Glimpse] = {}
        self._warnings: dict[str, None] = {}
        self._news: dict[str, None] = {}
        self._unsaid: deque[str] = deque(maxlen=_MOST_NOTES)
        self._noted = trio.Event()
        # Of its own: trio's default limiter may be taken up by name look-ups.
        self._thread = trio.CapacityLimiter(1)
        self.is_lost = False
        """The terminal or pipe is gone; the run goes on unseen."""

    def event(self, event: AnyEvent) -> None:
        """Count an event."""
        self.tally.event(event)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """Count a duration, if it is one that is shown."""
        self.samples(quantity, cohort, (value_ns,))

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        """Count durations, if they are of those that are shown. About 0.3 us each."""
        if quantity not in _SHOWN:
            return
        glimpse = self._glimpses.get((quantity, cohort))
        if glimpse is None:
            glimpse = self._glimpses[quantity, cohort] = Glimpse()
        glimpse.add_all(values_ns)

    def warn(self, text: str) -> None:
        """Show a warning from now on; the latest few are kept, each once. From the loop only."""
        self._note("warning", self._warnings, text)

    def say(self, text: str) -> None:
        """Show how far the run is, where nothing is wrong; kept like warnings, not counted."""
        self._note("news", self._news, text)

    def _note(self, sort: str, kept: dict[str, None], text: str) -> None:
        line = escaped(text, _LONGEST_NOTE)
        if line in kept:
            return
        kept[line] = None
        while len(kept) > _MOST_NOTES:
            del kept[next(iter(kept))]
        quoted = line.replace('"', "'")
        self._unsaid.append(f'{sort}="{quoted}"')
        self._noted.set()

    def snapshot(self) -> Snapshot:
        """What is to be shown now."""
        asked = self._scenario.duration
        fits = rows_that_fit(self._console.height, MOST_ROWS)
        return take_snapshot(
            self.tally,
            self._glimpses,
            scenario=self._scenario.name,
            now_ns=self._clock.now_ns(),
            duration_ns=asked if asked is None else asked + self._clock.gaps_ns,
            warnings=list(self._warnings),
            news=list(self._news),
            most_rows=fits if self._is_screen else MOST_ROWS,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Show the run until cancelled; returns at once on a quiet console.

        Never raises because of the terminal.
        """
        task_status.started()
        if self._console.quiet:
            return
        if self._is_screen:
            await self._run_screen()
        else:
            await self._run_lines()

    @property
    def _is_screen(self) -> bool:
        return self._console.is_terminal and not self._console.is_dumb_terminal

    async def _run_screen(self) -> None:
        # The alternate screen is drawn anew as a whole, so it survives any change of size.
        live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with quick_thread_switches():
            await self._draw(live)

    async def _draw(self, live: Live) -> None:
        try:
            await self._in_thread(live.start)
            due = trio.current_time()
            while not self.is_lost:
                screen = LiveScreen(self.snapshot())
                await self._in_thread(partial(live.update, screen, refresh=True))
                due = max(due + self._frame_every_s, trio.current_time())
                await trio.sleep_until(due)
        finally:
            with self._last_word():
                await self._in_thread(live.stop)

    async def _run_lines(self) -> None:
        try:
            await self._write_progress("started")
            due = trio.current_time()
            while not self.is_lost:
                due = max(due + self._line_every_s, trio.current_time())
                await self._write_notes_until(due)
                await self._write_progress("running")
        finally:
            with self._last_word():
                await self._write_progress("ended")

    async def _write_notes_until(self, due: float) -> None:
        with trio.move_on_at(due):
            while not self.is_lost:
                await self._noted.wait()
                self._noted = trio.Event()
                while self._unsaid:
                    await self._write(self._unsaid.popleft())

    async def _write_progress(self, state: str) -> None:
        await self._write(progress_line(self.snapshot(), state))

    async def _write(self, line: str) -> None:
        def write() -> None:
            self._console.file.write(f"{line}\n")
            self._console.file.flush()

        await self._in_thread(write)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        """Do it where a blocked terminal blocks nothing; a lost one is noted."""
        if self.is_lost:
            return
        try:
            await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._thread)
        except (OSError, ValueError, UnicodeError):
            # EPIPE, EIO: the reader or the terminal is gone. ValueError: the file was closed.
            self.is_lost = True

    @contextlib.contextmanager
    def _last_word(self) -> Iterator[None]:
        """For the end of a run that is being cancelled: a moment to leave the screen in order."""
        with trio.CancelScope(deadline=trio.current_time() + _LAST_WORD_WITHIN_S, shield=True):
            yield


@contextlib.contextmanager
def quick_thread_switches() -> Iterator[None]:
    """While a thread draws or writes, the loop may wait this long for the interpreter.

    Drawing 20 cohorts takes 40 ms of a second. With Python's own 5 ms the loop's lag had its p99
    at 6 ms, with this at 2 ms.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_EVERY_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
