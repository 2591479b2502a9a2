"""A control session by hand, over real TLS: what it tells, and to whom."""

from functools import partial

import msgspec
import trio
from trio.testing import MockClock

from stresser.model.ending import Kind
from stresser.model.far_account import CONTROL_ATTEMPT, MOST_ASKED, FarAccount, FarQuestion
from stresser.net.reflector_hello import HEADER, PREFIX, nonce_of
from stresser.net.sealed_lines import SealedLines
from stresser.reflector.accounts import Accounts
from stresser.reflector.control_session import ControlSession
from stresser.witness.clock import RunClock
from tests.reflector.served import TOKEN, reset
from tests.reflector.test_accounts import RUN, looked, opened
from tests.reflector.test_connection import guest, in_loop, websocket


class Control:
    def __init__(self, stream, hello, token=TOKEN):
        self.stream = stream
        self.lines = SealedLines(token, nonce_of(hello), is_tester=True)

    async def ask(self, **question):
        sent = msgspec.json.encode(FarQuestion(sent_ns=77, **question))
        await self.stream.send_all(self.lines.sealed(sent))

    async def told(self, holds):
        """Accounts until one holds."""
        while True:
            for payload in self.lines.opened(await self.stream.receive_some(65536)):
                account = msgspec.json.decode(payload, type=FarAccount)
                if holds(account):
                    return account


async def control(served):
    stream, hello = await served.tls(), served.hello(CONTROL_ATTEMPT)
    await stream.send_all(PREFIX + hello.encode() + b"\n")
    return Control(stream, hello)


def named(*names):
    return lambda account: (
        [type(one).__name__ for one in (*account.events, *account.held)] == list(names)
    )


@in_loop
async def test_openings_endings_and_what_is_held_are_told(served):
    one = await control(served)
    first = await guest(served, 1)
    await one.ask()
    opened = await one.told(named("ReflectionOpened"))
    assert (opened.record, opened.question_sent_ns) == (served.reception.accounts.record, 77)
    assert opened.question_heard_ns <= opened.now_ns
    await one.ask(attempts=[1, 2])
    [held] = (await one.told(named("ReflectionHeld"))).held
    assert (held.attempt, held.bytes_sent, held.info is not None) == (1, 4, True)
    reset(first.transport_stream)
    [ended] = (await one.told(named("ReflectionEnded"))).events
    assert (ended.attempt, ended.kind) == (1, Kind.TCP_RESET)
    assert [event.attempt for event in served.opened()] == [1]  # itself is no session
    assert served.reception.guests == 1


@in_loop
async def test_who_comes_back_hears_the_rest(served):
    one = await control(served)
    await guest(served, 1)
    await one.ask()
    told = await one.told(named("ReflectionOpened"))
    await one.stream.aclose()
    await guest(served, 2)
    again = await control(served)
    await again.ask(after={told.record: told.last})
    [opened] = (await again.told(lambda account: account.events)).events
    assert opened.attempt == 2


@in_loop
async def test_it_speaks_by_messages_after_an_upgrade(served):
    hello = served.hello(CONTROL_ATTEMPT)
    async with trio.open_nursery() as nursery:
        connection = await websocket(served, nursery, [(HEADER.encode(), hello.encode())])
        lines = SealedLines(TOKEN, nonce_of(hello), is_tester=True)
        asked = msgspec.json.encode(FarQuestion(sent_ns=1))
        await connection.send_message(lines.sealed(asked))
        [payload] = lines.opened(await connection.get_message())
        assert msgspec.json.decode(payload, type=FarAccount).question_sent_ns == 1
        nursery.cancel_scope.cancel()


@in_loop
async def test_a_line_that_the_token_does_not_prove_ends_it(served):
    one = await control(served)
    await one.stream.send_all(b"f" * 64 + b' {"sent_ns":1}\n')
    assert await one.stream.receive_some(100) == b""
    assert served.reception.hellos_refused["a control session spoke out of turn"] == 1


@in_loop
async def test_who_asks_nothing_is_told_nothing_and_keeps_nobody_busy(served):
    await control(served)
    first = await guest(served, 1)  # an echo comes: the loop is not taken up
    await first.aclose()
    [ended] = await served.ended()
    assert ended.attempt == 1


class Alone:
    """A control session without a connection, and what it has said."""

    def __init__(self, *heard: FarQuestion) -> None:
        accounts = Accounts()
        accounts.opened(opened(1), partial(looked, 1))
        theirs = SealedLines(TOKEN, "nonce", is_tester=True)
        self._heard = [theirs.sealed(msgspec.json.encode(one)) for one in heard]
        self._theirs = theirs
        self.said: list[FarAccount] = []
        lines = SealedLines(TOKEN, "nonce", is_tester=False)
        self.session = ControlSession(accounts, RUN, lines, RunClock(), self._receive, self._send)

    async def _receive(self) -> bytes:
        if not self._heard:
            await trio.sleep_forever()
        return self._heard.pop(0)

    async def _send(self, data: bytes) -> None:
        for payload in self._theirs.opened(data):
            self.said.append(msgspec.json.decode(payload, type=FarAccount))


def in_virtual_time(story):
    return trio.run(story, clock=MockClock(autojump_threshold=0))


def test_who_asks_no_more_has_gone_and_was_told_once_a_second_until_then():
    async def story() -> tuple[float, list[FarAccount]]:
        began_s, alone = trio.current_time(), Alone(FarQuestion(sent_ns=1))
        await alone.session.run()
        return trio.current_time() - began_s, alone.said

    took_s, said = in_virtual_time(story)
    assert round(took_s) == 120
    assert 100 <= len(said) <= 122


def test_of_who_asks_and_asks_so_much_is_kept_and_so_much_said_at_once():
    async def story() -> tuple[int, list[FarAccount]]:
        alone = Alone()
        for _ in range(50):
            alone.session._take(FarQuestion(sent_ns=1, attempts=[1] * MOST_ASKED))
        kept = len(alone.session._held)
        await alone.session.run()
        return kept, alone.said

    kept, said = in_virtual_time(story)
    assert kept == 10 * MOST_ASKED
    assert max(len(one.held) for one in said) == MOST_ASKED
    assert sum(len(one.held) for one in said) == kept
