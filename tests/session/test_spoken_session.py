"""Messages as a heartbeat: hours in virtual time, and what is concluded where no answer comes."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage

from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S, Duration
from stresser.scenario.plan import Activity, ActivityKind
from tests.fakes.certificates import server_context
from tests.fakes.peers import WebSocketPeer
from tests.fakes.world import in_virtual_time, life, world

Answer = Callable[[WebSocketPeer, Event], Awaitable[None]]


def messages(**keys):
    keys = {"text": "are you well? ${number}", "every": "15s", "timeout": "9s"} | keys
    every, timeout = Duration.parse(keys.pop("every")), Duration.parse(keys.pop("timeout"))
    return Activity(
        kind=ActivityKind.MESSAGES, name="messages", every=every, timeout=timeout, **keys
    )


def server(answer: Answer, *, pongs: bool = True):
    async def program(far):
        peer = await WebSocketPeer.accept(far, server_context())
        while (event := await peer.next_event()) is not None:
            if isinstance(event, Ping) and pongs:
                await peer.send(Pong(event.payload))
            elif isinstance(event, CloseConnection):
                await peer.send(event.response())
                return
            elif isinstance(event, TextMessage):
                await answer(peer, event)

    return program


async def echo(peer, event):
    await peer.send(TextMessage(event.data))


async def in_pieces(peer, event):
    await peer.send(TextMessage("something else"))
    for letter in event.data[:-1]:
        await peer.send(TextMessage(letter, message_finished=False))
    await peer.send(TextMessage(event.data[-1]))


@pytest.mark.parametrize("answer", [echo, in_pieces])
def test_an_hour_of_messages_each_answered_and_timed_as_pings_are(answer):
    made = life(server(answer), 3601, latency_s=0.02, activity=messages())
    ended = made.notebook.only_ended()
    assert (ended.pings, ended.pongs) == (240, 240)
    assert {round(ns / NS_PER_MS) for ns in made.notebook.values(Quantity.RTT)} == {40}
    assert ended.ending.kind is Kind.PLANNED
    assert ended.quiet_survived_ns == pytest.approx(15 * NS_PER_S, rel=0.01)
    assert made.around.bugs.count == 0


async def otherwise(peer, event):
    del event
    await peer.send(TextMessage("no such method"))


async def nothing(peer, event):
    del peer, event


@pytest.mark.parametrize(("answer", "last_text"), [(otherwise, "no such method"), (nothing, None)])
def test_who_ponged_behind_a_message_and_did_not_answer_it_refuses_it(answer, last_text):
    made = life(server(answer), 60, activity=messages())
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.phase) == (Kind.MESSAGE_REFUSAL, Phase.HELD)
    assert ended.ending.initiator is Initiator.ENDPOINT
    assert ended.ending.is_drop
    assert ended.ending.evidence.last_text == last_text
    assert (ended.pings, ended.pongs) == (1, 0)
    assert round(ended.ending.age_ns / NS_PER_S) == 24


def test_one_ping_asks_however_long_the_answer_is_late():
    peers: list[Any] = []

    def counted(peer, event):
        peers[:] = [peer]
        return nothing(peer, event)

    life(server(counted), 40, activity=messages(every="2s", timeout="30s"))
    assert len(peers[0].pings) == 1


def test_where_no_pong_comes_either_nothing_is_said_of_the_message():
    made = life(server(otherwise, pongs=False), 60, activity=messages())
    assert made.notebook.only_ended().ending.kind is not Kind.MESSAGE_REFUSAL


def test_an_answer_that_is_late_is_one():
    async def late(peer, event):
        await trio.sleep(8)
        await echo(peer, event)

    made = life(server(late), 70, activity=messages())
    ended = made.notebook.only_ended()
    assert (ended.pings, ended.pongs, ended.ending.kind) == (4, 4, Kind.PLANNED)


def test_a_silent_kill_is_bracketed_as_of_pings():
    """The path goes dark at 40 s: the message due at 45 s went into 15 s of silence."""

    async def story():
        async with world(server(echo)) as made:
            made.start(dataclasses.replace(made.route(activity=messages())))
            await trio.sleep_until(40)
            made.paths[0].hold_back()
            await trio.sleep_until(80)
            return made.notebook.only_ended()

    ended = in_virtual_time(story)
    assert ended.ending.kind is not Kind.MESSAGE_REFUSAL
    assert (ended.pings, ended.pongs) == (3, 2)
    assert round(ended.ending.silence_ns / NS_PER_S) == 15
    assert round(ended.ending.age_ns / NS_PER_S) == 54
