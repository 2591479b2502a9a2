"""The first messages, with a server of an independent library: said, answered, refused."""

import dataclasses
from functools import partial

import pytest
import trio
from trio_websocket import ConnectionClosed
from wsproto.events import CloseConnection, TextMessage

from stresser.model.ending import Kind, Phase
from stresser.model.events import SessionOpened
from stresser.model.faults import DeadlinePassed, MessageRefused, PeerClosed
from stresser.model.units import NS_PER_MS, NS_PER_S, Duration
from stresser.net.fair_share import FairShare, Turns
from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.secrets import Secret
from stresser.scenario.wording import Wording
from stresser.session.attempt import Attempt
from stresser.session.opening import OpeningLine
from stresser.session.wanted import Wanted
from stresser.witness.clock import RunClock
from tests.fakes.certificates import server_context
from tests.fakes.loopback import loopback_route, loopback_server
from tests.fakes.peers import WebSocketPeer
from tests.fakes.world import in_virtual_time, world


def wanted(text=None, pointer=None):
    return Wanted(
        text=None if text is None else Wording(text),
        pointer=None if pointer is None else JsonPointer(pointer),
    )


def line(message=None, want=None, *, within="5s", in_json=False):
    said = Wording(message) if isinstance(message, str) else message
    within = Duration.parse(within)
    return OpeningLine(message=said, wanted=want, within=within, in_json=in_json)


async def at_the_server(heard, answers, request):
    """Give the answers, one list for each message that comes; a number is a close code."""
    connection = await request.accept()
    try:
        for answer in answers:
            if answer is not answers[0] or answers[0] is not SPEAKS_FIRST:
                heard.append(await connection.get_message())
            for one in answer if answer is not SPEAKS_FIRST else ("hello",):
                if isinstance(one, int):
                    await connection.aclose(one, "not you")
                    return
                await connection.send_message(one)
        while True:
            heard.append(await connection.get_message())
    except ConnectionClosed:
        pass


SPEAKS_FIRST = object()


def opened(lines, *answers):
    """What the server heard, and the attempt with what stopped it."""
    heard: list[str | bytes] = []

    async def story():
        with trio.fail_after(30):
            async with loopback_server(partial(at_the_server, heard, answers)) as port:
                route = dataclasses.replace(loopback_route(port), openings=tuple(lines))
                attempt = Attempt(1, route, RunClock())
                try:
                    await attempt.establish(0)
                except (MessageRefused, DeadlinePassed, PeerClosed) as exc:
                    return attempt, exc
                finally:
                    if attempt.tap is not None:
                        attempt.tap.close()
                return attempt, None

    return heard, *trio.run(story)


def test_messages_of_each_kind_are_said_and_their_answers_heard():
    secret = Wording('{"token":"${env:T}"}').with_secrets(lambda name: Secret(name, 'a"b'))
    lines = [
        line("hello", wanted("welcome")),
        line(secret, wanted("true", "/ok"), in_json=True),
        line(b"\0\1", wanted()),
    ]
    lines[1] = OpeningLine(
        message=secret, in_json=True, wanted=lines[1].wanted, within=lines[1].within
    )
    heard, attempt, stopped = opened(lines, ["ping", "welcome"], ['{"ok":true}'], [b"\2"])
    assert stopped is None
    assert heard == ["hello", '{"token":"a\\"b"}', b"\0\1"]
    assert list(attempt.phases_ns) == ["resolve", "connect", "tls", "upgrade", "open"]
    assert attempt.websocket.last_text == '{"ok":true}'


def test_the_endpoint_may_begin():
    heard, attempt, stopped = opened([line(None, wanted("hello"))], SPEAKS_FIRST)
    assert (heard, stopped) == ([], None)
    assert attempt.phases_ns["open"] == attempt.last_phase_ns


def test_where_nothing_is_awaited_nothing_is_waited_for():
    _, attempt, stopped = opened([line("a"), line("b")], [], [])
    assert stopped is None
    assert "open" in attempt.phases_ns


@pytest.mark.parametrize("code", [1008, 4004])
def test_an_answer_and_a_close_are_a_refusal_with_both(code):
    _, attempt, stopped = opened([line("me", wanted("ok"))], ['{"error":"who are you"}', code])
    assert isinstance(stopped, MessageRefused)
    assert (stopped.code, stopped.reason) == (code, "not you")
    assert attempt.phase is Phase.OPEN
    assert attempt.websocket.last_text == '{"error":"who are you"}'


def test_another_answer_and_nothing_more_is_a_refusal_at_the_deadline():
    _, attempt, stopped = opened([line("me", wanted("ok"), within="300ms")], ["no"])
    assert isinstance(stopped, MessageRefused)
    assert stopped.code is None
    assert attempt.websocket.last_text == "no"


def test_who_answers_a_ping_behind_the_message_and_not_the_message_refuses_it():
    _, attempt, stopped = opened([line("me", wanted("ok"), within="300ms")], [])
    assert isinstance(stopped, MessageRefused)
    assert attempt.phase is Phase.OPEN
    assert attempt.websocket.last_text is None


def mute(*answers):
    """A server that gives these answers, and then nothing, not even pongs."""

    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        for answer in answers:
            await peer.next_event()
            await peer.send(TextMessage(answer))
        await peer.swallow()

    return program


def failed(program, *lines):
    async def story():
        async with world(program) as made:
            made.start(dataclasses.replace(made.route(), openings=lines))
            await trio.sleep(60)
            return made.notebook.only_failed()

    return in_virtual_time(story)


def test_no_answer_at_all_is_a_timeout_of_this_phase():
    event = failed(mute(), line("me", wanted("ok"), within="3s"))
    assert (event.ending.kind, event.ending.phase) == (Kind.TIMEOUT, Phase.OPEN)
    assert round(event.ending.age_ns / NS_PER_S) == 3


def test_an_answer_that_is_late_is_one():
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        await peer.next_event()
        await trio.sleep(2.5)
        await peer.send(TextMessage("o", message_finished=False))
        await trio.sleep(0.2)
        await peer.send(TextMessage("k"))
        await peer.answer_pings()

    async def story():
        async with world(program) as made:
            openings = (line("me", wanted("ok"), within="3s"),)
            made.start(dataclasses.replace(made.route(), openings=openings))
            await trio.sleep(60)
            return [one for one in made.notebook.events if isinstance(one, SessionOpened)]

    [event] = in_virtual_time(story)
    assert round(event.phases_ns["open"] / NS_PER_MS) == 2700


def test_a_close_alone_is_what_it_is():
    _, attempt, stopped = opened([line("me", wanted("ok"))], [4001])
    assert isinstance(stopped, PeerClosed)
    assert attempt.phase is Phase.OPEN


def test_what_an_earlier_message_was_answered_refuses_no_later_one():
    event = failed(mute("a!"), line("a", wanted("a!")), line("b", wanted("b!"), within="3s"))
    assert (event.ending.kind, event.ending.phase) == (Kind.TIMEOUT, Phase.OPEN)


def test_what_comes_behind_the_answer_is_not_lost():
    async def story():
        behind = ["ready", *map(str, range(100)), 1001]
        with trio.fail_after(30):
            async with loopback_server(partial(at_the_server, [], [behind])) as port:
                openings = (line("me", wanted("ready")),)
                attempt = Attempt(
                    1, dataclasses.replace(loopback_route(port), openings=openings), RunClock()
                )
                await attempt.establish(0)
                pieces: list[str] = []
                assert attempt.websocket is not None
                assert attempt.tap is not None
                attempt.websocket.on_data = lambda piece, _: pieces.append(piece)
                with pytest.raises(PeerClosed):
                    await attempt.websocket.drain(lambda _: None, FairShare(Turns(), attempt.clock))
                attempt.tap.close()
                return pieces

    assert trio.run(story) == list(map(str, range(100)))


async def refuses(far):
    """A server that says who it heard, and hangs up by a close frame."""
    peer = await WebSocketPeer.accept(far, server_context())
    message = await peer.next_event()
    assert isinstance(message, TextMessage)
    await peer.send(TextMessage(f"who is {message.data}? \x1b[31m{'z' * 500}"))
    await peer.send(CloseConnection(1008, f"never {message.data}"))
    await peer.swallow()


def test_the_recorded_refusal_is_bounded_escaped_and_has_no_secret():
    secret = Wording("env:T").with_secrets(lambda name: Secret(name, "hunter2-hunter2"))

    async def story():
        async with world(refuses) as made:
            route = dataclasses.replace(
                made.route(),
                openings=(
                    OpeningLine(message=secret, wanted=wanted("ok"), within=Duration.parse("5s")),
                ),
                secrets=(Secret("T", "hunter2-hunter2"),),
            )
            made.start(route)
            await trio.sleep(60)
            return made.notebook.only_failed()

    ending = in_virtual_time(story).ending
    assert (ending.kind, ending.phase, ending.failure) == (
        Kind.MESSAGE_REFUSAL,
        Phase.OPEN,
        "message_refused",
    )
    assert (ending.code, ending.reason) == (1008, "never (masked)")
    assert ending.evidence.last_text.startswith("who is (masked)? \\x1b[31mzzz")
    assert len(ending.evidence.last_text) <= 256
    assert "hunter2" not in repr(ending)
