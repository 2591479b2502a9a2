"""A control session: tells one run, while it goes on, what this reflector sees of its sessions."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import trio

from stresser.model.events import ReflectionHeld
from stresser.model.far_account import MOST_ASKED, FarAccount, FarQuestion
from stresser.net.sealed_lines import SealedLines
from stresser.reflector.accounts import Accounts
from stresser.witness.clock import RunClock

_TELL_EVERY_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.1
_SILENT_S: Final = 120.0
"""A tester asks once a second: one that asks no more has gone."""
_MOST_WAITING: Final = 10 * MOST_ASKED
_question = msgspec.json.Decoder(FarQuestion).decode
_encoded = msgspec.json.Encoder().encode


class ControlSession:
    """Of one run, over one connection."""

    def __init__(
        self,
        accounts: Accounts,
        run: str,
        lines: SealedLines,
        clock: RunClock,
        receive: Callable[[], Awaitable[bytes]],
        send: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """`receive` gives bytes as they come, `b""` at the end; `send` takes whole lines."""
        self._accounts = accounts
        self._run = run
        self._lines = lines
        self._clock = clock
        self._receive = receive
        self._send = send
        self._last = 0
        self._held: list[ReflectionHeld] = []
        self._news = trio.Event()
        self._question: tuple[int, int] | None = None

    async def run(self) -> None:
        """To its end.

        Raises:
            ProtocolViolation, msgspec.MsgspecError: the other side is no tester of ours.
            and what `receive` and `send` raise.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell)
            await self._hear()
            nursery.cancel_scope.cancel()

    async def _hear(self) -> None:
        while True:
            with trio.move_on_after(_SILENT_S) as waiting:
                data = await self._receive()
            if waiting.cancelled_caught or not data:
                return
            for payload in self._lines.opened(data):
                self._take(_question(payload))

    def _take(self, asked: FarQuestion) -> None:
        if self._question is None:
            self._last = asked.after.get(self._accounts.record, 0)
        self._question = asked.sent_ns, self._clock.now_ns()
        if len(self._held) < _MOST_WAITING:  # else it does not read what it asked for
            self._held += self._accounts.held(self._run, asked.attempts)  # as they are now
        self._news.set()

    async def _tell(self) -> None:
        due_s = trio.current_time()
        while True:
            while self._question is not None and (self._has_news or trio.current_time() >= due_s):
                due_s = trio.current_time() + _TELL_EVERY_S
                await self._send(self._lines.sealed(_encoded(self._account())))
            self._news = trio.Event()
            with trio.move_on_after(_LOOK_EVERY_S):
                await self._news.wait()

    @property
    def _has_news(self) -> bool:
        return bool(self._held) or self._last != self._accounts.last

    def _account(self) -> FarAccount:
        now_ns, question = self._clock.now_ns(), self._question
        held, self._held = self._held[:MOST_ASKED], self._held[MOST_ASKED:]
        told, self._last = self._accounts.since(self._run, self._last)
        return FarAccount(
            record=self._accounts.record,
            now_ns=now_ns,
            question_sent_ns=None if question is None else question[0],
            question_heard_ns=None if question is None else question[1],
            last=self._last,
            numbers=[number for number, _ in told],
            events=[event for _, event in told],
            held=held,
        )
