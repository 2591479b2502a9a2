"""A real worker, spoken to as a run's process does: what it holds, what it writes, how it ends."""

import os
import platform
import shutil
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager

import pytest
import trio

from stresser.model.events import RunEnded, SessionEnded, SessionOpened
from stresser.model.quantity import Quantity
from stresser.record.event_lines import event_of_line
from stresser.record.folder import RunFolder
from stresser.record.process_record import ProcessRecord
from stresser.record.resumption import StillRunningError, held_alone
from stresser.run.preflight import local_port_range
from stresser.run.worker_messages import ForceWord, Goodbye, Progress, Ready, StopWord
from stresser.run.worker_process import started_workers
from stresser.run.worker_share import WorkerShare
from stresser.witness.clock import RunClock
from tests.fakes.loopback import loopback_server
from tests.run.worker_orders import order, plan

pytestmark = [
    pytest.mark.slow,  # processes
    pytest.mark.skipif(sys.platform == "win32", reason="on Windows one process holds all"),
]
PATIENCE_S = 60


class Heard:
    """What a worker has said so far."""

    def __init__(self, worker):
        self.worker = worker
        self.events = []
        self.durations = []
        self.goodbye = None
        self.lines = 0

    async def until(self, enough):
        """Listen until it is enough, or the worker is gone."""
        with trio.fail_after(PATIENCE_S):
            while not enough(self):
                message = await self.worker.link.receive()
                if message is None:
                    return
                self.take(message)

    def take(self, message):
        match message:
            case Progress():
                assert message.lines_before == self.lines
                lines = message.lines.splitlines()
                self.lines += len(lines)
                self.events += [event_of_line(line) for line in lines]
                self.durations += message.durations
            case Goodbye():
                self.goodbye = message
            case _:
                assert message == Ready()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def at_work(folder, worker=1, count=4, workers=2):
    """A worker whose sessions are open, and what it has said."""
    async with loopback_server() as port, started_workers(1) as [process]:
        clock = RunClock()
        scenario = plan(port, count, workers)
        await process.link.send(order(scenario, folder, clock, worker))
        heard = Heard(process)
        own = len(range(worker - 1, count, workers))
        await heard.until(lambda it: len(it.of(SessionOpened)) >= own)
        yield process, heard, clock


def record(folder, worker=1):
    return ProcessRecord(RunFolder(folder).worker(worker), worker)


def test_it_holds_its_part_and_ends_as_planned(tmp_path):
    async def main():
        async with at_work(tmp_path, worker=2, count=5) as (process, heard, clock):
            await heard.until(lambda it: any(d.quantity is Quantity.RTT for d in it.durations))
            with pytest.raises(StillRunningError), held_alone(RunFolder(tmp_path).worker(2)):
                pass
            await process.link.send(StopWord(reason="enough"))
            await heard.until(lambda it: it.goodbye)
            assert await process.gone() == "ended with exit code 0"
            return heard, clock.now_ns()

    heard, ended_ns = trio.run(main)
    assert heard.goodbye == Goodbye(reason="enough")
    assert [event.session for event in heard.of(SessionOpened)] == [12, 14]
    assert [event.attempt for event in heard.of(SessionOpened)] == [102, 104]
    assert all(event.ending.planned for event in heard.of(SessionEnded))
    if tuple(map(int, platform.release().split(".")[:2])) >= (6, 3):
        low, high = WorkerShare(2, 2).ports(*local_port_range())
        ports = [int(event.local.rpartition(":")[2]) for event in heard.of(SessionOpened)]
        assert all(low <= port <= high for port in ports)
    assert all(0 < event.t_ns < ended_ns for event in heard.events)  # on the run's clock
    written = list(record(tmp_path, 2).events())
    assert written == heard.events  # all that it wrote it said, and no more
    assert written[-1].reason == "enough"
    said: Counter[Quantity] = Counter()
    for durations in heard.durations:
        said[durations.quantity] += len(durations.values_ns)
    recorded: Counter[Quantity] = Counter()
    for interval in record(tmp_path, 2).intervals():
        recorded[interval.key[0]] += interval.counts.count
    assert said == recorded
    assert said[Quantity.UPGRADE] == 2
    assert said[Quantity.RTT] > 0


def test_signals_are_not_for_it(tmp_path):
    async def main():
        async with at_work(tmp_path) as (process, heard, _):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(process.pid, number)
            before = len(heard.durations)
            await heard.until(lambda it: len(it.durations) > before + 4)
            assert heard.goodbye is None
            assert not heard.of(SessionEnded)
            assert not process.has_ended()

    trio.run(main)


def test_alone_it_is_gone_at_once_as_a_run_whose_one_process_was_killed(tmp_path):
    """The lab is going too: what ended with it would be drops that are none."""

    async def main():
        async with at_work(tmp_path) as (process, _, _):
            process.link.close()
            with trio.fail_after(PATIENCE_S):
                assert await process.gone() == "ended with exit code 130"

    trio.run(main)
    events = list(record(tmp_path).events())
    assert not any(isinstance(event, SessionEnded) for event in events)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "the run's process is gone"
    with held_alone(RunFolder(tmp_path).worker(1)):
        pass


def test_by_force_it_is_gone_at_once_and_its_folder_reads(tmp_path):
    async def main():
        async with at_work(tmp_path) as (process, _, _):
            process.link.send_now(ForceWord())
            with trio.fail_after(PATIENCE_S):
                assert await process.gone() == "ended with exit code 130"

    trio.run(main)
    own = record(tmp_path)
    events = list(own.events())
    assert len([event for event in events if isinstance(event, SessionOpened)]) == 2
    assert not [event for event in events if isinstance(event, SessionEnded)]
    assert "stopped by force" in events[-1].reason
    assert own.damage == []


def test_what_it_cannot_begin_is_said_where_it_is_read(tmp_path):
    async def main():
        async with started_workers(1) as [process], trio.open_nursery() as nursery:
            nursery.start_soon(process.read_errors)
            wrong = order(plan(1), tmp_path, RunClock())
            shutil.rmtree(wrong.folder)
            await process.link.send(wrong)
            assert await process.link.receive() is None
            assert await process.gone() == "ended with exit code 1"
            assert process.met_a_bug
            assert "FileNotFoundError" in process.last_words

    trio.run(main)
