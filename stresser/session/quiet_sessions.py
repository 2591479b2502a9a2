"""Waits for the sessions in which nothing happens but pongs, in place of their own tasks.

To wake a task costs ten times what a pong does. So the sockets of quiet sessions are in one epoll,
which is itself waited for (epoll(7); by `run`, or by `quiet_wait.py`); what has come to them is
read, decrypted and compared with the pong that is due, one session after the other. A session's own
task stays parked where it is in its nursery. Whatever else comes (other frames, the rest of
something, an end, a bug) wakes it, with what was read, and it goes on as if it had read that
itself.
"""

import select
from functools import partial
from typing import Any, Protocol, Self

import trio

from stresser.model.clocks import Hangups
from stresser.net.tap import Tap

EVENTS_A_LOOK = 64
"""Then hang-ups are dated, before the next sockets are read."""


class Quiet(Protocol):
    """A session that may be waited for here."""

    @property
    def tap(self) -> Tap:
        """Its socket."""

    def receive_quietly(self) -> bytes | None:
        """Read the socket once; None: it stays quiet. Otherwise what its task has to look at.

        Raises:
            BlockingIOError: there was nothing.
            whatever its task has to hear of instead.
        """


class QuietSessions:
    """The epoll, and the tasks that are parked. One for a run; Linux."""

    def __init__(self, epoll: "select.epoll", hangups: Hangups) -> None:
        self.epoll = epoll
        """Where the sockets of all quiet sessions are."""
        self._hangups = hangups
        self._parked: dict[int, tuple[trio.lowlevel.Task, Quiet]] = {}
        self._came: dict[int, bytes | Exception] = {}
        """What tasks that were woken have not yet taken."""

    @classmethod
    def open(cls, hangups: Hangups) -> Self | None:
        """None: this system has no epoll, and each session's own task waits."""
        return cls(select.epoll(), hangups) if hasattr(select, "epoll") else None

    def __len__(self) -> int:
        """How many sessions are quiet now."""
        return len(self._parked)

    def close(self) -> None:
        """Give the epoll descriptor back. No one may be waiting."""
        self.epoll.close()

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await trio.lowlevel.wait_readable(self.epoll)
            self.read()

    async def wait(self, session: Quiet) -> bytes:
        """Until something comes that is not the pong awaited; `b""`: it is not yet read.

        Raises:
            trio.ClosedResourceError: the session was interrupted.
            what `receive_quietly` raises.
        """
        if session.tap.interrupted:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError
        descriptor = session.tap.sock.fileno()
        self._watch(descriptor)
        self._parked[descriptor] = trio.lowlevel.current_task(), session
        await trio.lowlevel.wait_task_rescheduled(partial(self._leave, descriptor))
        self._hangups.look()  # hundreds may be woken at once: others hang up meanwhile
        came = self._came.pop(descriptor)
        if isinstance(came, Exception):
            raise came
        return came

    def interrupt(self, session: Quiet) -> None:
        """End its waiting, if it waits here, with trio.ClosedResourceError."""
        descriptor = session.tap.sock.fileno()
        if descriptor in self._parked:
            self._wake(descriptor, trio.ClosedResourceError())

    def _watch(self, descriptor: int) -> None:
        # Edge-triggered: a pong needs no call beside the read. What came while the task read for
        # itself is reported again, by the change.
        mask = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
        try:
            self.epoll.modify(descriptor, mask)
        except FileNotFoundError:  # the first time; a socket that is closed leaves by itself
            self.epoll.register(descriptor, mask)

    def _leave(self, descriptor: int, _raise_cancel: Any) -> trio.lowlevel.Abort:
        self._unpark(descriptor)
        return trio.lowlevel.Abort.SUCCEEDED

    def _unpark(self, descriptor: int) -> trio.lowlevel.Task:
        self.epoll.modify(descriptor, select.EPOLLET)  # its own task waits for what comes next
        return self._parked.pop(descriptor)[0]

    def read(self) -> None:
        """Read all that is readable now, each once: `run` does, when it is woken.

        Whoever is called whenever the loop comes back from waiting does it before anything is
        judged by what has not come.
        """
        left = max(len(self._parked), 1)
        while left > 0:
            events = self.epoll.poll(0, EVENTS_A_LOOK)
            self.take(events)
            left -= len(events)
            if len(events) < EVENTS_A_LOOK:
                return
            self._hangups.look()

    def take(self, events: "list[tuple[int, int]]") -> None:
        """Read the sockets that the epoll says are readable, each once."""
        parked = self._parked
        for descriptor, flags in events:
            found = parked.get(descriptor)
            if found is not None:
                self._look(descriptor, flags, found[1])

    def _look(self, descriptor: int, flags: int, session: Quiet) -> None:
        data: bytes | None
        try:
            data = session.receive_quietly()
        except BlockingIOError:
            data = None
        except Exception as exc:  # noqa: BLE001 - its own task tells a fault from a bug
            self._wake(descriptor, exc)
            return
        if data is None and flags != select.EPOLLIN:
            data = b""  # behind the pong the end has come, too
        if data is not None:
            self._wake(descriptor, data)

    def _wake(self, descriptor: int, came: bytes | Exception) -> None:
        self._came[descriptor] = came
        trio.lowlevel.reschedule(self._unpark(descriptor))
