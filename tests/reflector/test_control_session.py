"""A control session by hand, over real TLS: what it tells, and to whom."""

import msgspec
import trio

from stresser.model.ending import Kind
from stresser.model.far_account import CONTROL_ATTEMPT, FarAccount, FarQuestion
from stresser.net.reflector_hello import HEADER, PREFIX, nonce_of
from stresser.net.sealed_lines import SealedLines
from tests.reflector.served import TOKEN, reset
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
