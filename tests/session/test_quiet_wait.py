"""The wait in the loop's place: pings and pongs without trio, and trio as soon as it is needed."""

import socket
import sys
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
import trio
import trio.testing

from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.net.tap import Tap
from stresser.session.heartbeat import Heartbeats
from stresser.session.internal_errors import Bugs
from stresser.session.quiet_sessions import QuietSessions
from stresser.session.quiet_wait import QuietWait
from stresser.session.run_context import RunContext
from stresser.witness.clock import RunClock
from stresser.witness.fitness import Fitness
from stresser.witness.hangup import HangupWatch
from stresser.witness.loop import LoopStamp
from tests.fakes.notebook import Notebook
from tests.fakes.world import OpenGate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")

PATIENCE_S = 30
EVERY_NS = 5 * NS_PER_MS


class Echoing:
    """A session that beats by sending a byte, which comes back at once, and stays quiet."""

    def __init__(self, clock: RunClock) -> None:
        self.tap = cast("Tap", self)
        self.sock, self.far = socket.socketpair()
        self.sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
        self.interrupted = False
        self.clock = clock
        self.heard: list[int] = []
        self.on_heard: Callable[[], object] = list
        self.stays_quiet = True

    def beat(self, now_ns: int) -> int:
        self.far.send(b"!")
        return now_ns + EVERY_NS

    def break_off(self, exc: Exception) -> None:
        raise exc

    def receive_quietly(self) -> bytes | None:
        came = self.sock.recv(64)
        self.heard.append(self.clock.woke_ns)
        self.on_heard()
        return None if self.stays_quiet else came

    def close(self) -> None:
        self.sock.close()
        self.far.close()


class Passes(trio.abc.Instrument):
    """Counts how often trio itself goes on."""

    count = 0

    def after_io_wait(self, _timeout: float) -> None:
        self.count += 1


class Waiting:
    """A loop in whose place is waited, and one session."""

    def __init__(self) -> None:
        self.clock = RunClock()
        self.hangups = HangupWatch(self.clock)
        quiet = QuietSessions.open(self.hangups)
        assert quiet is not None
        self.quiet, self.bugs = quiet, Bugs()
        self.late: list[int] = []
        self.fitness = Fitness(self.clock, lambda late: self.late.append(late.late_ns))
        self.heartbeats = Heartbeats(self.clock)
        self.session = Echoing(self.clock)
        self.passes = Passes()

    def around(self) -> RunContext:
        return RunContext(
            clock=self.clock,
            observer=Notebook(),
            gate=OpenGate(),
            heartbeats=self.heartbeats,
            quiet=self.quiet,
            bugs=self.bugs,
        )

    async def play(self, story: Callable[["Waiting"], Awaitable[None]]) -> None:
        wait = QuietWait.begin(self.around(), self.hangups, self.fitness)
        assert wait is not None
        self.fitness.open()
        stamp = LoopStamp(self.clock, self.hangups, self.fitness, [wait.after], wait.before)
        trio.lowlevel.add_instrument(stamp)
        trio.lowlevel.add_instrument(self.passes)
        with trio.fail_after(PATIENCE_S):
            await story(self)
        trio.lowlevel.remove_instrument(stamp)
        self.fitness.close()
        self.quiet.close()
        self.hangups.close()
        self.session.close()


def played(story: Callable[[Waiting], Awaitable[None]]) -> Waiting:
    async def play() -> Waiting:
        made = Waiting()
        await made.play(story)
        return made

    return trio.run(play)


async def until_heard(made: Waiting, count: int) -> None:
    enough = trio.Event()

    def look() -> None:
        if len(made.session.heard) >= count:
            enough.set()

    made.session.on_heard = look
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.quiet.wait, made.session)
        made.heartbeats.add(made.clock.now_ns() + EVERY_NS, made.session)
        await enough.wait()
        nursery.cancel_scope.cancel()


def test_pings_and_pongs_go_on_without_a_pass_of_trios():
    passes = []

    async def story(made: Waiting) -> None:
        await until_heard(made, 1)
        before = made.passes.count
        await until_heard(made, 41)
        passes.append(made.passes.count - before)

    made = played(story)
    assert passes[0] < 10  # parked, woken, cancelled: none of them is for one of the forty
    assert made.bugs.reports == []


def test_each_pong_has_a_stamp_of_its_own():
    made = played(lambda made: until_heard(made, 20))
    stamps = made.session.heard
    assert stamps == sorted(set(stamps))
    assert stamps[-1] - stamps[0] >= 15 * EVERY_NS


def test_a_task_that_sleeps_wakes_in_time_though_nothing_else_has_an_event():
    async def story(made: Waiting) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.quiet.wait, made.session)
            await trio.sleep(0.05)
            nursery.cancel_scope.cancel()

    assert played(story).session.heard == []


def test_what_trio_waits_for_is_heard():
    async def story(made: Waiting) -> None:
        ours, far = trio.socket.socketpair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.quiet.wait, made.session)
            await trio.testing.wait_all_tasks_blocked()
            made.session.on_heard = lambda: far._sock.send(b"for a task")  # type: ignore[attr-defined] # it does not await
            made.session.far.send(b"!")
            assert await ours.recv(64) == b"for a task"
            nursery.cancel_scope.cancel()
        ours.close()
        far.close()

    assert len(played(story).session.heard) == 1


def test_a_session_that_is_woken_goes_on_at_once():
    async def story(made: Waiting) -> None:
        made.session.stays_quiet = False
        made.heartbeats.add(made.clock.now_ns() + EVERY_NS, made.session)
        assert await made.quiet.wait(made.session) == b"!"

    assert len(played(story).session.heard) == 1


@pytest.mark.parametrize("is_busy", [False, True], ids=["in the wait", "after trio's own"])
def test_a_bug_in_it_is_noted_and_the_loop_goes_on(is_busy):
    async def story(made: Waiting) -> None:
        def broken() -> bool:
            raise ZeroDivisionError("of ours")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.quiet.wait, made.session)
            await trio.testing.wait_all_tasks_blocked()
            made.heartbeats.beat_some = broken  # type: ignore[method-assign] # a bug
            made.heartbeats.add(made.clock.now_ns(), made.session)
            while not made.bugs.count:  # noqa: ASYNC110 - passes of the loop are what it is about
                await trio.sleep(0 if is_busy else 0.01)
            nursery.cancel_scope.cancel()
            del made.heartbeats.beat_some

    made = played(story)
    assert made.bugs.count >= 1
    assert "ZeroDivisionError: of ours" in made.bugs.reports[0]


def test_work_that_takes_long_in_it_is_noticed():
    async def story(made: Waiting) -> None:
        def slow() -> None:
            began = made.clock.now_ns()
            while made.clock.now_ns() - began < NS_PER_S // 4:
                pass
            done.set()

        done = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.quiet.wait, made.session)
            await trio.testing.wait_all_tasks_blocked()
            made.session.on_heard = slow
            made.session.far.send(b"!")
            await done.wait()
            nursery.cancel_scope.cancel()

    assert max(played(story).late) >= NS_PER_S // 4


def test_where_time_is_not_the_systems_tasks_wait():
    async def story() -> QuietWait | None:
        made = Waiting()
        wait = QuietWait.begin(made.around(), made.hangups, made.fitness)
        made.quiet.close()
        made.hangups.close()
        made.session.close()
        return wait

    assert trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0)) is None
