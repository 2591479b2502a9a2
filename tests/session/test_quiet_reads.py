"""The epoll of quiet sessions by itself: who is read when, woken with what, and dated when."""

import select
import socket
import sys
from collections.abc import Callable
from typing import cast

import pytest
import trio
import trio.testing

from stresser.net.tap import Tap
from stresser.session.quiet_sessions import QuietSessions
from stresser.witness.clock import RunClock
from stresser.witness.hangup import HangupWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")

PATIENCE_S = 30


class Reader:
    """A session that takes whatever comes for something that its own task has to see."""

    def __init__(self, sock: socket.socket) -> None:
        self.tap = cast("Tap", self)
        self.sock = sock
        self.interrupted = False

    def receive_quietly(self) -> bytes:
        return self.sock.recv(64)


def test_what_comes_while_a_sessions_own_task_reads_wakes_nobody_else():
    async def story() -> None:
        ours, far = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the socket module's signature
        quiet = QuietSessions.open(HangupWatch(RunClock()))
        assert quiet is not None
        with ours, far:
            for word in (b"one", b"two"):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_heard, quiet, Reader(ours), word)
                    await trio.testing.wait_all_tasks_blocked()
                    far.send(word)
                    quiet.read()
                far.send(b"for its own task")
                assert select.select([quiet.epoll], [], [], 0)[0] == []
                assert ours.recv(64) == b"for its own task"
        quiet.close()

    trio.run(story)


async def _heard(quiet: QuietSessions, reader: Reader, word: bytes) -> None:
    assert await quiet.wait(reader) == word


class Hand:
    """A clock that a test moves, and a socket that is watched and hangs up when it says so."""

    def __init__(self) -> None:
        self.t_ns = self.woke_ns = 1
        self.hangups = HangupWatch(cast("RunClock", self))
        self.watched, self.far = socket.socketpair()
        self.hangups.add(self.watched.fileno())

    def now_ns(self) -> int:
        return self.t_ns

    def dated(self) -> int | None:
        """When the hang-up was dated; `t_ns` by now, if nobody has done it yet."""
        return self.hangups.seen_ns(self.watched.fileno())

    def close(self) -> None:
        self.hangups.close()
        self.watched.close()
        self.far.close()


def test_who_hangs_up_while_others_are_woken_is_dated_when_these_go_on():
    hand = Hand()

    async def story() -> None:
        ours, far = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - as above
        quiet = QuietSessions.open(hand.hangups)
        assert quiet is not None
        with ours, far:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_heard, quiet, Reader(ours), b"word")
                await trio.testing.wait_all_tasks_blocked()
                far.send(b"word")
                quiet.read()
                hand.far.close()
            hand.t_ns = 2
        quiet.close()

    trio.run(story)
    assert hand.dated() == 1
    hand.close()


class Flooded(Reader):
    """Is sent more each time it reads, a few times; it stays quiet all the same."""

    def __init__(self, on_read: Callable[[], None]) -> None:
        ours, self.far = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - as above
        super().__init__(ours)
        self._on_read = on_read
        self.reads = 0

    def receive_quietly(self) -> None:  # type: ignore[override] # it is a Quiet as well
        self.sock.recv(64)
        self.reads += 1
        self._on_read()
        if self.reads < FLOODS:
            self.far.send(b"more")


FLOODS = 5
A_LOOK = 64


def flooded(sessions: int, on_read: Callable[[], None], hand: Hand) -> list[Flooded]:
    """So many that are read at once."""

    async def story() -> list[Flooded]:
        readers = [Flooded(on_read) for _ in range(sessions)]
        quiet = QuietSessions.open(hand.hangups)
        assert quiet is not None
        async with trio.open_nursery() as nursery:
            for one in readers:
                nursery.start_soon(quiet.wait, one)
            await trio.testing.wait_all_tasks_blocked()
            for one in readers:
                one.far.send(b"first")
            quiet.read()
            nursery.cancel_scope.cancel()
        quiet.close()
        for one in readers:
            one.sock.close()
            one.far.close()
        return readers

    return trio.run(story)


def test_each_is_read_once_at_a_time_however_much_comes():
    hand = Hand()
    readers = flooded(A_LOOK, lambda: None, hand)
    hand.close()
    assert [one.reads for one in readers] == [1] * A_LOOK


def test_who_hangs_up_while_hundreds_are_read_is_dated_amid_them():
    hand, reads = Hand(), iter(range(10_000))

    def on_read() -> None:
        number = next(reads)
        if number == 0:
            hand.far.close()
        hand.t_ns = 1 if number < A_LOOK else 2

    flooded(A_LOOK + 1, on_read, hand)
    assert next(reads) > A_LOOK
    assert hand.dated() == 1
    hand.close()


def test_what_came_before_a_session_waits_is_read_at_once():
    async def story() -> None:
        ours, far = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - as above
        quiet = QuietSessions.open(HangupWatch(RunClock()))
        assert quiet is not None
        with ours, far:
            far.send(b"early")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(quiet.run)
                with trio.fail_after(PATIENCE_S):
                    await _heard(quiet, Reader(ours), b"early")
                nursery.cancel_scope.cancel()
        quiet.close()

    trio.run(story)
