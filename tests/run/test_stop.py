"""Signals, as a process meets them."""

import signal
import subprocess
import sys
from functools import partial

import pytest
import trio

from stresser.run.stop import StopSignals

row = partial(pytest.param, marks=pytest.mark.slow)  # a process each

CHILD = """
import os
import sys

import trio

from stresser.run.stop import StopSignals


def say(text):
    print(text, flush=True)


def force():
    say("force")
    os._exit(130)


async def main():
    signals = StopSignals()
    async with trio.open_nursery() as nursery:
        stopped = trio.Event()

        def stop(reason):
            say(reason)
            stopped.set()

        await nursery.start(signals.obey, stop, force, say)
        say("ready")
        await stopped.wait()
        await trio.sleep_forever()  # a run that does not come to its end


trio.run(main)
"""


class Child:
    """A process that obeys signals and says what it does, line by line."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True
        )

    def __enter__(self):
        assert self.says() == "ready"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def says(self):
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def is_sent(self, number):
        self.process.send_signal(number)


@pytest.fixture
def child():
    with Child() as child:
        yield child


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGINT, signal.SIGTERM), row(signal.SIGTERM, signal.SIGINT)],
)
def test_the_first_stops_as_planned_and_the_second_at_once(child, first, second):
    child.is_sent(first)
    assert child.says() == f"signal {first.name}"
    assert child.process.poll() is None
    child.is_sent(second)
    assert child.says() == "force"
    assert child.process.wait(10) == 130


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP on this system")
def test_a_closed_terminal_is_noted_and_neither_stops_nor_counts(child):
    for _ in range(3):
        child.is_sent(signal.SIGHUP)
        assert child.says() == "SIGHUP: the terminal was closed; the run goes on"
    child.is_sent(signal.SIGINT)
    assert child.says() == "signal SIGINT"
    child.is_sent(signal.SIGHUP)
    assert child.says().startswith("SIGHUP")
    assert child.process.poll() is None


def test_afterwards_signals_are_as_before():
    async def story():
        before = signal.getsignal(signal.SIGTERM)
        async with trio.open_nursery() as nursery:
            await nursery.start(StopSignals().obey, print, print, print)
            assert signal.getsignal(signal.SIGTERM) is not before
            nursery.cancel_scope.cancel()
        return before is signal.getsignal(signal.SIGTERM)

    assert trio.run(story)


AFTER = """
import signal
import sys

import trio

from stresser.run.early_stop import heed_early
from stresser.run.stop import StopSignals

EARLY, BEFORE, AFTER = (int(number) for number in sys.argv[1:])


async def main(signals):
    signals.begin()
    for _ in range(BEFORE):
        signal.raise_signal(signal.SIGTERM)
    async with trio.open_nursery() as nursery:

        def stop(reason):
            print(reason, flush=True)

        await nursery.start(signals.obey, stop, sys.exit, print)
        nursery.cancel_scope.cancel()


if EARLY:
    heed_early()
with StopSignals() as signals:
    trio.run(main, signals)
    for _ in range(AFTER):
        signal.raise_signal(signal.SIGINT)
    print("summary", flush=True)
if EARLY:
    signal.raise_signal(signal.SIGINT)  # as Python winds up
"""


@pytest.mark.parametrize(
    ("early", "before", "after", "code", "said", "told"),
    [
        row(1, 0, 0, 0, "summary", ""),
        row(1, 0, 1, 0, "summary", "the run has ended and is being summed up"),
        (0, 0, 1, 0, "summary", "the run has ended and is being summed up"),
        row(1, 0, 2, 130, "", "stopped by force"),
        row(1, 1, 0, 0, "signal SIGTERM summary", ""),
        (1, 1, 1, 130, "signal SIGTERM", "stopped by force"),
        row(1, 2, 0, 130, "", "stopped by force"),
    ],
)
def test_signals_just_before_the_loop_listens_and_after_it(early, before, after, code, said, told):
    words = [sys.executable, "-c", AFTER, str(early), str(before), str(after)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, " ".join(done.stdout.split())) == (code, said)
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_is_over_leaves_the_handlers_of_others():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopSignals() as signals:
        signals.begin()
        assert signal.getsignal(signal.SIGTERM) not in before
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
