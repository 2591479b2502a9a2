"""One control session: asks a reflector through one egress, and is opened anew whenever it ends.

It goes the way of the sessions: the same binding, proxy, TLS, and upgrade where they have one.
"""

from typing import Any, Final, Protocol

import msgspec
import trio

from stresser.model.far_account import CONTROL_ATTEMPT, FarAccount, FarQuestion
from stresser.model.faults import Fault, ProtocolViolation
from stresser.net.fair_share import FairShare, Turns
from stresser.net.reflector_hello import Introducer, nonce_of
from stresser.net.sealed_lines import SealedLines
from stresser.session.attempt import Attempt
from stresser.session.internal_errors import Bugs
from stresser.session.route import Route
from stresser.witness.clock import RunClock

_ASK_EVERY_S: Final = 1.0
_TOGETHER_S: Final = 0.05
"""Sessions end together: one question asks for all of them."""
_SILENT_S: Final = 10.0
"""A reflector tells something once a second."""
_LONGEST_WAIT_S: Final = 10.0
_encoded = msgspec.json.Encoder().encode
_account = msgspec.json.Decoder(FarAccount).decode


class Asker(Protocol):
    """Who knows what to ask, and takes what is told."""

    def after(self) -> dict[str, int]:
        """The last event heard of each record."""

    def wanted(self) -> list[int]:
        """Attempts whose sessions have ended here."""

    def heard(self, account: FarAccount, at_ns: int) -> None:
        """An account came."""


class FarLink:
    """Through one egress to one endpoint. `run` is its background task."""

    def __init__(self, route: Route, clock: RunClock, bugs: Bugs, asker: Asker) -> None:
        """`route`: of any of the cohorts."""
        self._route = route
        self._clock = clock
        self._bugs = bugs
        self._asker = asker
        self._news = trio.Event()
        self.is_open = False
        self.failure: str | None = None
        """Why it ended last."""

    def wake(self) -> None:
        """There is something to ask."""
        self._news.set()

    async def run(self) -> None:
        """Keep it open, for ever."""
        failures = 0
        while True:
            was_open = await self._live(failures)
            failures = 0 if was_open else failures + 1
            await trio.sleep(min(2.0 ** min(failures, 8) / 2, _LONGEST_WAIT_S))

    async def _live(self, nth: int) -> bool:
        """Whether it opened."""
        entries = self._route.entries
        taken = self._route if entries is None else self._route.through_entry(entries.order()[0])
        attempt = Attempt(CONTROL_ATTEMPT, taken, self._clock)
        was_open = False
        try:
            await attempt.establish(nth)
            was_open = True
            await self._converse(attempt)
        except* (Fault, OSError, trio.BrokenResourceError) as gone:
            self.failure = str(gone.exceptions[0])[:200]
        except* Exception as bug:  # noqa: BLE001 - a bug here is no session's
            self._bugs.note(bug)
        finally:
            self.is_open = False
            _part(attempt)
        return was_open

    async def _converse(self, attempt: Attempt) -> None:
        introducer = self._route.introducer
        if introducer is None or attempt.hello is None:
            raise ValueError("the route leads to no reflector")
        lines = _lines_of(introducer, attempt.hello)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ask, attempt, lines)
            with trio.move_on_after(_SILENT_S) as patience:
                await self._listen(attempt, lines, patience)
            self.failure = "nothing came for 10 s"
            nursery.cancel_scope.cancel()

    async def _ask(self, attempt: Attempt, lines: SealedLines) -> None:
        after = self._asker.after()
        while True:
            self._news = trio.Event()
            _send(attempt, lines, self._question(after))
            after = {}
            with trio.move_on_after(_ASK_EVERY_S):
                await self._news.wait()
            await trio.sleep(_TOGETHER_S)

    def _question(self, after: dict[str, int]) -> FarQuestion:
        wanted = self._asker.wanted()
        return FarQuestion(sent_ns=self._clock.now_ns(), after=after, attempts=wanted)

    async def _listen(
        self, attempt: Attempt, lines: SealedLines, patience: trio.CancelScope
    ) -> None:
        def take(data: bytes) -> None:
            for payload in lines.opened(data):
                self._asker.heard(_account_in(payload), self._clock.now_ns())
                self.is_open = True
                patience.deadline = trio.current_time() + _SILENT_S

        def take_piece(data: Any, _: object) -> None:
            if not isinstance(data, str):
                take(bytes(data))

        if attempt.websocket is not None:
            attempt.websocket.on_data = take_piece
            await attempt.websocket.drain(lambda _: None, FairShare(Turns(), self._clock))
        while attempt.stream is not None:
            take(await attempt.stream.receive_some())


def _lines_of(introducer: Introducer, hello: str) -> SealedLines:
    return SealedLines(introducer.token, nonce_of(hello), is_tester=True)


def _account_in(payload: bytes) -> FarAccount:
    try:
        return _account(payload)
    except msgspec.MsgspecError as error:
        raise ProtocolViolation("reflector", f"no account: {error}", payload) from error


def _send(attempt: Attempt, lines: SealedLines, question: FarQuestion) -> None:
    if attempt.stream is None or attempt.stream.backlog:
        return  # what waits already is not taken: the path is dead, or slow
    line = lines.sealed(_encoded(question))
    if attempt.websocket is None:
        attempt.stream.send_nowait(line)
    else:
        attempt.websocket.message_nowait(line)


def _part(attempt: Attempt) -> None:
    if attempt.websocket is not None:
        attempt.websocket.close_nowait()
    if attempt.stream is not None:
        attempt.stream.close_notify_nowait()
    if attempt.tap is not None:
        attempt.tap.close()
