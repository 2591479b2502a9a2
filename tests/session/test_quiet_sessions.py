"""Quiet sessions, waited for together: whatever a server does, they end as each would by itself."""

import socket
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from stresser.model.ending import Kind
from stresser.model.events import AnyEvent, SessionEnded
from stresser.model.quantity import Quantity
from stresser.net.dial import Binding, dial
from stresser.net.resolve import Address
from stresser.net.tap import Tap
from stresser.session.held import HeldSession, HeldState
from stresser.session.quiet_sessions import QuietSessions
from stresser.session.quiet_wait import QuietWait
from stresser.session.run_context import RunContext
from stresser.witness.fitness import Fitness
from stresser.witness.hangup import HangupWatch
from stresser.witness.loop import LoopStamp
from tests.fakes.notebook import Notebook
from tests.fakes.world import World, heartbeat, world
from tests.session.quiet_servers import (
    Script,
    Server,
    a_flood,
    a_late_pong,
    a_pong_that_waits_for_us,
    alert,
    close_frame,
    close_notify,
    fin,
    half_a_pong,
    messages,
    no_frame,
    no_more_pongs,
    only_pongs_nobody_asked_for,
    pings_of_its_own,
    pong_and_close_in_one_record,
    pong_and_close_in_one_segment,
    pong_and_fin_at_once,
    pong_and_half_a_frame,
    pong_and_reset_at_once,
    pongs_nobody_asked_for,
    reset,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")

PATIENCE_S = 30
ENDINGS: list[tuple[Script, Kind, dict[str, int]]] = [
    (fin, Kind.TCP_FIN, {"pongs": 3}),
    (reset, Kind.TCP_RESET, {"pongs": 3}),
    (pong_and_fin_at_once, Kind.TCP_FIN, {"pongs": 1}),
    (pong_and_reset_at_once, Kind.TCP_RESET, {}),  # a reset may overtake the pong
    (close_frame, Kind.WS_CLOSE, {"pongs": 2, "code": 1001}),
    (pong_and_close_in_one_record, Kind.WS_CLOSE, {"pongs": 1, "code": 1001}),
    (pong_and_close_in_one_segment, Kind.WS_CLOSE, {"pongs": 1, "code": 1001}),
    (close_notify, Kind.TLS_CLOSE_NOTIFY, {"pongs": 2}),
    (alert, Kind.PROTOCOL_ERROR, {"pongs": 2}),
    (no_frame, Kind.PROTOCOL_ERROR, {"pongs": 1}),
    (half_a_pong, Kind.TCP_FIN, {"pongs": 4}),
    (pong_and_half_a_frame, Kind.TCP_FIN, {"pongs": 4, "messages": 1}),
    (messages, Kind.TCP_FIN, {"pongs": 6, "messages": 12}),
    (pings_of_its_own, Kind.TCP_FIN, {"pongs": 3}),
    (pongs_nobody_asked_for, Kind.TCP_FIN, {"pongs": 3}),
    (a_late_pong, Kind.TCP_FIN, {"pongs": 4}),
    (a_pong_that_waits_for_us, Kind.TCP_FIN, {"pongs": 4}),
    (no_more_pongs, Kind.UNRESPONSIVE, {"pings": 3, "pongs": 2}),
    (only_pongs_nobody_asked_for, Kind.UNRESPONSIVE, {"pings": 2, "pongs": 1}),
    (a_flood, Kind.TCP_FIN, {"pongs": 1, "messages": 4 * 1024}),
]


class Watching(Notebook):
    """Keeps what it is told, and notices an ending and each pong."""

    def __init__(self) -> None:
        super().__init__()
        self.has_ended = trio.Event()
        self.more = trio.Event()

    def event(self, event: AnyEvent) -> None:
        super().event(event)
        if isinstance(event, SessionEnded):
            self.has_ended.set()

    def sample(self, *sample: Any) -> None:
        super().sample(*sample)
        self.more.set()

    async def pongs(self, count: int) -> None:
        with trio.fail_after(PATIENCE_S):
            while len(self.values(Quantity.RTT)) < count:
                self.more = trio.Event()
                await self.more.wait()


class Life:
    """One session over loopback to a server with a script, and those who wait for it."""

    def __init__(self, script: Script, *, together: bool, in_place: bool = False) -> None:
        """`together`: not its own task waits for it; `in_place`: but no other task either."""
        self.script = script
        self.together = together
        self.in_place = in_place
        self.notebook: Watching
        self.quiet: QuietSessions | None = None
        self.made: World

    async def play(self, during: Callable[["Life"], Awaitable[None]]) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        stamp: LoopStamp | None = None
        port = listener.socket.getsockname()[1]

        async def connect(_address: Address, binding: Binding, clock: Any, hangups: Any) -> Tap:
            address = Address(socket.AF_INET, ("127.0.0.1", port))
            return Tap(await dial(address, binding), clock, hangups)

        async def unused(_far: object) -> None:
            raise AssertionError("no memory path is dialled")

        async with world(unused) as made, trio.open_nursery() as nursery:
            self.made, self.notebook = made, Watching()
            made.notebook = made.around.observer = self.notebook
            hangups = made.around.hangups = HangupWatch(made.clock)
            if self.together:
                self.quiet = made.around.quiet = QuietSessions.open(hangups)
                assert self.quiet is not None
                if self.in_place:
                    stamp = waiting_in_place(made.around, hangups)
                    trio.lowlevel.add_instrument(stamp)
                else:
                    nursery.start_soon(self.quiet.run)
            nursery.start_soon(self._serve, listener)
            made.start(made.route(connect=connect, activity=heartbeat("100ms", "1200ms")))
            with trio.fail_after(PATIENCE_S):
                await during(self)
            nursery.cancel_scope.cancel()
        if stamp is not None:
            trio.lowlevel.remove_instrument(stamp)
        hangups.close()
        if self.quiet is not None:
            self.quiet.close()

    async def _serve(self, listener: trio.SocketListener) -> None:
        async with listener:
            stream = await listener.accept()
        async with stream:
            await self.script(await Server.accept(stream))
            await trio.sleep_forever()

    @property
    def session(self) -> HeldSession:
        (session,) = self.made.heartbeats._sessions.values()
        assert isinstance(session, HeldSession)
        return session


def waiting_in_place(around: RunContext, hangups: HangupWatch) -> LoopStamp:
    fitness = Fitness(around.clock, around.observer.event)
    wait = QuietWait.begin(around, hangups, fitness)
    assert wait is not None
    return LoopStamp(around.clock, hangups, fitness, [wait.after], wait.before)


async def until_ended(life: Life) -> None:
    await life.notebook.has_ended.wait()


def ended(script: Script, *, together: bool, in_place: bool = False) -> SessionEnded:
    life = Life(script, together=together, in_place=in_place)
    trio.run(life.play, until_ended)
    assert life.made.around.bugs.reports == []
    return life.notebook.only_ended()


def told(event: SessionEnded) -> tuple[Any, ...]:
    """What an ending says that does not depend on how fast the machine was."""
    ending, evidence = event.ending, event.ending.evidence
    facts = (
        ending.kind,
        ending.failure,
        ending.phase,
        ending.initiator,
        ending.grade,
        ending.planned,
        ending.proved,
        ending.code,
        ending.reason,
        ending.alert,
        ending.is_drop,
        ending.raw,
    )
    return *facts, evidence.why, event.messages


@pytest.mark.parametrize(
    ("script", "kind", "counts"), ENDINGS, ids=[row[0].__name__ for row in ENDINGS]
)
def test_an_ending_is_the_same_whoever_waits(script, kind, counts):
    waiters = ({"together": False}, {"together": True}, {"together": True, "in_place": True})
    with ThreadPoolExecutor(len(waiters)) as beside_each_other:  # each waits more than it works
        lives = [beside_each_other.submit(ended, script, **one) for one in waiters]
    alone, together, in_place = (life.result() for life in lives)
    assert told(in_place) == told(together) == told(alone)
    for event in (in_place, together, alone):
        ending = event.ending
        assert ending.kind is kind
        said: dict[str, int | None] = {
            "pings": event.pings,
            "pongs": event.pongs,
            "messages": event.messages,
        }
        said["code"] = ending.code
        assert {name: said[name] for name in counts} == counts
        assert 0 <= ending.alive_at_ns <= ending.dead_by_ns <= ending.detected_at_ns
        assert event.held_back_ns == 0 or script is a_flood


def test_a_flood_is_held_back_whoever_waits():
    for together in (True, False):
        assert ended(a_flood, together=together).held_back_ns > 0


# What a session's own task does meanwhile


class Steps(trio.abc.Instrument):
    """Counts how often the tasks that keep a session open were run."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += "_keep_open" in task.name


async def answers(server: Server) -> None:
    await server.peer.answer_pings()


def test_while_pongs_come_a_sessions_own_task_sleeps():
    steps = Steps()

    async def look(life: Life) -> None:
        await life.notebook.pongs(1)
        trio.lowlevel.add_instrument(steps)
        await life.notebook.pongs(6)
        assert life.quiet is not None
        assert len(life.quiet) == 1
        trio.lowlevel.remove_instrument(steps)

    trio.run(Life(answers, together=True).play, look)
    assert steps.count == 0
    trio.run(Life(answers, together=False).play, partial(_count, steps))
    assert steps.count >= 5


async def _count(steps: Steps, life: Life) -> None:
    await life.notebook.pongs(1)
    trio.lowlevel.add_instrument(steps)
    await life.notebook.pongs(6)
    trio.lowlevel.remove_instrument(steps)


def test_a_quiet_session_is_stopped_as_planned():
    async def stop(life: Life) -> None:
        await life.notebook.pongs(2)
        life.made.stop()
        await life.notebook.has_ended.wait()

    life = Life(answers, together=True)
    trio.run(life.play, stop)
    event = life.notebook.only_ended()
    assert (event.ending.kind, event.ending.evidence.close) == (Kind.PLANNED, "answered")
    assert life.quiet is not None
    assert len(life.quiet) == 0


def test_a_quiet_session_that_is_broken_off_ends():
    async def break_off(life: Life) -> None:
        await life.notebook.pongs(2)
        life.session.break_off(ZeroDivisionError("of ours"))
        await life.notebook.has_ended.wait()

    life = Life(answers, together=True)
    trio.run(life.play, break_off)
    assert life.notebook.only_ended().ending.kind is Kind.TOOL
    assert len(life.made.around.bugs.reports) == 1


def test_a_bug_met_while_all_are_looked_at_is_that_sessions(monkeypatch):
    def broken(_self):
        raise ZeroDivisionError("of ours")

    async def until_it_ended(life: Life) -> None:
        monkeypatch.setattr(HeldSession, "_answered", broken)
        await life.notebook.has_ended.wait()

    life = Life(answers, together=True)
    trio.run(life.play, until_it_ended)
    assert life.notebook.only_ended().ending.kind is Kind.TOOL
    assert len(life.made.around.bugs.reports) == 1


def test_what_was_interrupted_before_it_waits_does_not_wait():
    async def look(life: Life) -> None:
        await life.notebook.pongs(1)
        session, quiet = life.session, life.quiet
        assert quiet is not None
        session.tap.interrupted = True
        with pytest.raises(trio.ClosedResourceError):
            await quiet.wait(session)
        assert session.state is HeldState.QUIET

    trio.run(Life(answers, together=True).play, look)
