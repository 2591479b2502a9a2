"""Real workers as one: what is heard of them, how they stop, what is said of one that dies."""

import os
import shutil
import signal
import sys
from contextlib import asynccontextmanager

import pytest
import trio
from msgspec.structs import replace

from stresser.model.ending import Kind
from stresser.model.events import RunEnded, SessionEnded, SessionOpened, WorkerEnded
from stresser.model.quantity import Quantity
from stresser.record.folder import RunFolder
from stresser.record.manifest import Gap
from stresser.run import workers as workers_module
from stresser.run.fanout import Fanout
from stresser.run.worker_process import started_workers
from stresser.run.workers import Workers
from stresser.witness.clock import RunClock
from tests.fakes.loopback import loopback_server
from tests.fakes.notebook import Notebook
from tests.run.worker_orders import order, plan

pytestmark = [
    pytest.mark.slow,  # processes
    pytest.mark.skipif(sys.platform == "win32", reason="on Windows one process holds all"),
]
PATIENCE_S = 60


class Watched(Notebook):
    """Hears what the workers have recorded, and wakes who waits for some of it."""

    def __init__(self):
        super().__init__()
        self._more = trio.Event()

    def event(self, event):
        super().event(event)
        self._more.set()

    async def until(self, enough):
        with trio.fail_after(PATIENCE_S):
            while not enough(self):
                self._more = trio.Event()
                await self._more.wait()


class Parts:
    """Two workers at work."""

    def __init__(self, folder, processes, orders, duration_ns):
        self.folder = folder
        self.processes = processes
        self.recorded, self.watched = Notebook(), Watched()
        self.warned: list[str] = []
        clock = RunClock()
        self.workers = Workers(
            processes,
            [one(clock) for one in orders],
            clock,
            Fanout([self.recorded, self.watched]),
            self.watched,
            self.warned.append,
            duration_ns,
        )


@asynccontextmanager
async def two(folder, count=6):
    async with loopback_server() as port, started_workers(2) as processes:
        scenario = plan(port, count)
        orders = [
            lambda clock, one=process.number: order(scenario, folder, clock, one)
            for process in processes
        ]
        parts = Parts(folder, processes, orders, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(parts.workers.run)
            await parts.watched.until(lambda seen: len(seen.opened) >= count)
            yield parts


def test_all_is_watched_and_what_workers_record_is_not_recorded_twice(tmp_path):
    async def main():
        async with two(tmp_path) as parts:
            parts.workers.stop("enough")
            parts.workers.stop("too late")
        return parts

    parts = trio.run(main)
    seen = parts.watched
    assert parts.workers.reason == "enough"
    assert sorted(event.session for event in seen.opened) == [11, 12, 13, 14, 15, 16]
    assert {event.session for event in seen.ended} == {event.session for event in seen.opened}
    assert len(seen.values(Quantity.UPGRADE)) == 6
    assert seen.values(Quantity.RTT)
    assert not parts.recorded.opened
    assert not parts.recorded.ended
    assert not [event for event in seen.events if isinstance(event, RunEnded)]
    assert parts.workers.bugs == 0
    assert parts.warned == []
    assert parts.workers.gap_with(None) is None


class Broken(Watched):
    """A live view with a bug, after all have opened."""

    def event(self, event):
        super().event(event)
        if isinstance(event, SessionEnded):
            raise ZeroDivisionError("in the live view")


def test_a_bug_of_who_watches_is_counted_and_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.run.test_workers.Watched", Broken)

    async def main():
        async with two(tmp_path) as parts:
            parts.workers.stop("enough")
        return parts

    parts = trio.run(main)
    assert len(parts.watched.ended) == 6
    assert parts.workers.bugs == 6
    assert "in the live view" in parts.workers.bug_reports[0]
    assert parts.workers.reason == "enough"


def test_the_duration_ends_all(tmp_path):
    async def main():
        async with loopback_server() as port, started_workers(2) as processes:
            scenario = plan(port)
            orders = [
                lambda clock, one=process.number: order(scenario, tmp_path, clock, one)
                for process in processes
            ]
            parts = Parts(tmp_path, processes, orders, 200_000_000)
            with trio.fail_after(PATIENCE_S):
                await parts.workers.run()
        return parts

    assert trio.run(main).workers.reason == "duration"


def test_where_all_have_ended_the_run_says_what_the_workers_say(tmp_path):
    async def main():
        async with started_workers(2) as processes:
            nobodys = plan(port=9)
            scenario = replace(nobodys, sessions=replace(nobodys.sessions, reconnect=False))
            orders = [
                lambda clock, one=process.number: order(scenario, tmp_path, clock, one)
                for process in processes
            ]
            parts = Parts(tmp_path, processes, orders, None)
            with trio.fail_after(PATIENCE_S):
                await parts.workers.run()
        return parts

    parts = trio.run(main)
    assert parts.workers.reason == "every session has ended and none is to be replaced"


def test_of_one_that_dies_the_sessions_end_here_and_each_once(tmp_path):
    async def main():
        async with two(tmp_path, count=10) as parts:
            os.kill(parts.processes[0].pid, signal.SIGKILL)
            seen = parts.watched
            await seen.until(lambda it: len(it.ended) >= 5)
            assert not parts.processes[1].has_ended()
            parts.workers.stop("enough")
        return parts

    parts = trio.run(main)
    [died] = [event for event in parts.recorded.events if isinstance(event, WorkerEnded)]
    assert (died.worker, died.workers, died.how, died.sessions) == (1, 2, "killed by SIGKILL", 5)
    lost = parts.recorded.ended
    assert sorted(event.session for event in lost) == [11, 13, 15, 17, 19]
    assert {event.ending.kind for event in lost} == {Kind.TOOL}
    assert {event.ending.dead_by_ns for event in lost} == {died.t_ns}
    of_both = [event.session for event in parts.watched.ended]
    assert sorted(of_both) == list(range(11, 21))
    assert [event.session for event in parts.watched.opened].count(11) == 1
    assert any("worker 1 died (killed by SIGKILL)" in text for text in parts.warned)
    assert parts.workers.bugs == 0


def test_one_that_cannot_begin_is_a_bug_with_its_last_words(tmp_path):
    async def main():
        async with loopback_server() as port, started_workers(2) as processes:
            scenario = plan(port)

            def broken(clock):
                made = order(scenario, tmp_path, clock, 1)
                shutil.rmtree(made.folder)
                return made

            orders = [broken, lambda clock: order(scenario, tmp_path, clock, 2)]
            parts = Parts(tmp_path, processes, orders, None)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(parts.workers.run)
                await parts.watched.until(
                    lambda seen: any(isinstance(event, WorkerEnded) for event in seen.events)
                )
                parts.workers.stop("enough")
        return parts

    parts = trio.run(main)
    assert parts.workers.bugs == 1
    assert "worker 1: ended with exit code 1" in parts.workers.bug_reports[0]
    assert "FileNotFoundError" in parts.workers.bug_reports[0]


def test_one_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(workers_module, "_ENDS_WITHIN_S", -4.5)  # of timeouts.close, 5 s

    async def main():
        async with two(tmp_path) as parts:
            os.kill(parts.processes[1].pid, signal.SIGSTOP)
            parts.workers.stop("enough")
        return parts

    parts = trio.run(main)
    assert any("worker 2 does not end, and is killed" in text for text in parts.warned)
    [died] = [event for event in parts.recorded.events if isinstance(event, WorkerEnded)]
    assert (died.worker, died.how) == (2, "said nothing more, and was ended")
    assert {event.session for event in parts.watched.ended} == set(range(11, 17))


def test_by_force_all_are_gone_at_once(tmp_path):
    async def main():
        async with two(tmp_path) as parts:
            os.kill(parts.processes[1].pid, signal.SIGSTOP)
            parts.workers.force()
            assert all(process.has_ended() for process in parts.processes)

    trio.run(main)
    folder = RunFolder(tmp_path)
    for worker in (1, 2):
        assert folder.worker(worker).events.read_bytes().endswith(b"\n")


def test_gaps_of_all_are_one():
    def gap(since_ns, events, samples):
        return Gap(
            what="full", path=f"/{since_ns}", since_t_ns=since_ns, since_utc=f"at {since_ns}",
            events=events, samples=samples,
        )  # fmt: skip

    async def main():
        workers = Workers([], [], RunClock(), Notebook(), Notebook(), print, None)
        workers._gaps = [gap(5, 1, 10), gap(3, 2, 20)]
        together = workers.gap_with(gap(9, 4, 40))
        assert together is not None
        assert (together.since_t_ns, together.path) == (3, "/3")
        assert (together.events, together.samples) == (7, 70)

    trio.run(main)


def test_where_nobody_is_left_the_run_ends(tmp_path):
    async def main():
        async with two(tmp_path) as parts:
            for process in parts.processes:
                os.kill(process.pid, signal.SIGKILL)
        return parts

    parts = trio.run(main)
    assert parts.workers.reason == "every worker has died"
    assert len([one for one in parts.recorded.events if isinstance(one, SessionEnded)]) == 6
    assert all(isinstance(one, SessionOpened) for one in parts.watched.opened)
