"""The live view on terminals and pipes that are there, slow, or gone."""

import contextlib
import os
import pty
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from stresser.model.events import RunResumed
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, Duration
from stresser.report.console import ReportConsole
from stresser.report.live import LiveView
from stresser.scenario.plan import Endpoint, Scenario
from stresser.witness.clock import RunClock
from tests.analysis.story import VPN, idle_kill_story, seconds, utc

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
SCENARIO = Scenario(
    name="made-up",
    duration=Duration(seconds(60)),
    endpoints=[Endpoint(name="broker", url="wss://broker.example.net/")],
)


class Reader(threading.Thread):
    """Collects what is written to a pipe or a pseudo-terminal, and waits for words in it."""

    def __init__(self, fd: int) -> None:
        super().__init__(daemon=True)
        self._fd = fd
        self._news = threading.Condition()
        self.text = ""
        self.start()

    def run(self) -> None:
        while chunk := self._read():
            with self._news:
                self.text += chunk.decode()
                self._news.notify_all()

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, 65536)
        except OSError:
            return b""

    async def saw(self, pattern: str) -> None:
        def wait() -> bool:
            with self._news:
                return self._news.wait_for(lambda: re.search(pattern, self.text), 20) is not None

        with trio.fail_after(25):
            assert await trio.to_thread.run_sync(wait), self.text


def view_on(file: Any, *, terminal: bool, **options: float) -> LiveView:
    console = ReportConsole(file=file, force_terminal=terminal, width=90, height=40)
    view = LiveView(SCENARIO, RunClock(), console, **options)
    for event in idle_kill_story().events:
        view.event(event)
    return view


@pytest.fixture
def pipe():
    read_fd, write_fd = os.pipe()
    with os.fdopen(write_fd, "w") as file:
        yield Reader(read_fd), file
    os.close(read_fd)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as file:
        yield Reader(ours), file
    os.close(ours)


async def shown_until(view: LiveView, done: Callable[[], Any]) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(view.run)
        await done()
        nursery.cancel_scope.cancel()


def test_lines_from_start_to_end(pipe):
    reader, file = pipe

    async def main() -> None:
        view = view_on(file, terminal=False, line_every_s=0.05)

        async def done() -> None:
            await reader.saw("state=running .*drops_tcp_reset=20")
            view.warn('disk\n"full"')
            view.say('between "12 s" and 13 s')
            await reader.saw("news=")

        await shown_until(view, done)
        await reader.saw("state=ended")

    trio.run(main)
    lines = reader.text.splitlines()
    assert lines[0].startswith("state=started scenario=made-up ")
    assert r"""warning="disk\n'full'" """.strip() in lines
    assert """news="between '12 s' and 13 s\"""" in lines
    assert lines[-1].startswith("state=ended")
    assert lines[-1].endswith("warnings=1")
    assert "\x1b" not in reader.text


@pytest.mark.slow
def test_one_line_a_minute(tmp_path):
    path = tmp_path / "out"

    async def main(file: Any) -> None:
        with trio.move_on_after(60 + 30):
            await view_on(file, terminal=False).run()

    clock = trio.testing.MockClock(rate=40)  # the last word's two seconds are 50 ms then
    with path.open("w") as file:
        trio.run(main, file, clock=clock)
    states = re.findall(r"state=(\w+)", path.read_text())
    assert states == ["started", "running", "ended"]


def test_a_screen_is_drawn_and_left_in_order(terminal):
    reader, file = terminal

    async def main() -> None:
        view = view_on(file, terminal=True, frame_every_s=0.05)
        view.sample(Quantity.RTT, VPN, 12 * NS_PER_MS)
        view.sample(Quantity.SEND_LAG, VPN, 12 * NS_PER_MS)
        view.warn("file limit is [bold]1024[/bold]")
        await shown_until(view, lambda: reader.saw("11.9ms"))
        await reader.saw(re.escape("\x1b[?1049l"))

    trio.run(main)
    assert "\x1b[?1049h" in reader.text
    assert "[bold]1024[/bold]" in reader.text
    assert reader.text.rindex("\x1b[?25h") > reader.text.rindex("\x1b[?25l")


@pytest.mark.parametrize("terminal", [True, False], ids=["screen", "lines"])
def test_a_reader_that_goes_away_costs_nothing_but_the_view(monkeypatch, terminal):
    monkeypatch.setenv("TERM", "xterm-256color")

    async def main() -> None:
        read_fd, write_fd = os.pipe()
        file = os.fdopen(write_fd, "w")
        os.close(read_fd)
        view = view_on(file, terminal=terminal, line_every_s=0.01, frame_every_s=0.01)
        with trio.fail_after(20):
            await view.run()
        assert view.is_lost
        view.warn("nobody reads this")
        view.event(idle_kill_story().events[0])
        with pytest.raises(BrokenPipeError):
            file.close()

    trio.run(main)


def test_a_terminal_that_hangs_up_costs_nothing_but_the_view(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")

    async def main() -> None:
        ours, theirs = pty.openpty()
        file = os.fdopen(theirs, "w")
        view = view_on(file, terminal=True, frame_every_s=0.01)
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                await nursery.start(view.run)
                await trio.to_thread.run_sync(os.read, ours, 10)
                os.close(ours)
        assert view.is_lost
        with contextlib.suppress(OSError):  # what it still holds has nowhere to go
            file.close()

    trio.run(main)


def _fill(write_fd: int) -> None:
    os.set_blocking(write_fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_fd, b"x" * 65536)
    os.set_blocking(write_fd, True)


@pytest.mark.slow
def test_a_pipe_that_nobody_reads_blocks_neither_the_run_nor_its_end():
    async def main() -> None:
        read_fd, write_fd = os.pipe()
        _fill(write_fd)
        file = os.fdopen(write_fd, "w")
        view = view_on(file, terminal=False)
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                await nursery.start(view.run)
                await trio.testing.wait_all_tasks_blocked(0.05)
                nursery.cancel_scope.cancel()
        await Reader(read_fd).saw("state=started")  # the abandoned thread has finished
        file.close()
        os.close(read_fd)

    trio.run(main)


@pytest.mark.parametrize("sort", ["warnings", "news"])
def test_notes_are_kept_once_each_and_bounded(tmp_path, sort):
    async def main() -> None:
        with (tmp_path / "out").open("w") as file:
            view = view_on(file, terminal=False)
            for n in range(100):
                note = view.warn if sort == "warnings" else view.say
                note(f"note {n // 2} " + "x" * 10_000)
            kept = getattr(view.snapshot(), sort)
            assert len(kept) == 8
            assert kept[-1].startswith("note 49 ")
            assert max(map(len, kept)) <= 300

    trio.run(main)


def test_nothing_is_written_outside_of_run(tmp_path):
    path: Path = tmp_path / "out"

    async def main() -> None:
        with path.open("w") as file:
            view_on(file, terminal=False).snapshot()

    trio.run(main)
    assert path.read_text() == ""


def test_what_is_left_of_a_run_that_was_resumed_twice():
    """The clock knows both gaps; the view has met the later one alone."""

    async def main() -> None:
        clock = RunClock()
        view = LiveView(SCENARIO, clock, ReportConsole(quiet=True))
        resumed = RunResumed(
            t_ns=seconds(90), utc=utc(seconds(90)), since_ns=seconds(70), why="crashed"
        )
        view.event(resumed)
        clock.gaps_ns = seconds(30) + resumed.gap_ns
        assert view.snapshot().duration_ns == seconds(60 + 30 + 20)

    trio.run(main)


def test_a_quiet_console_shows_nothing(tmp_path):
    path: Path = tmp_path / "out"

    async def main() -> None:
        with path.open("w") as file:
            console = ReportConsole(file=file, force_terminal=True, quiet=True)
            with trio.fail_after(20):
                await LiveView(SCENARIO, RunClock(), console).run()

    trio.run(main)
    assert path.read_text() == ""
