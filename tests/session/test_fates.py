"""Hundreds of sessions with random fates over hours: the books balance at the end."""

import errno
import os
import random
import ssl
from collections import Counter
from contextlib import suppress
from functools import cache

import pytest
import trio
from wsproto.events import CloseConnection, RejectConnection, Request, TextMessage

from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.scenario.plan import Reconnect, Timeouts
from tests.fakes.certificates import server_context
from tests.fakes.peers import TlsPeer, WebSocketPeer
from tests.fakes.world import heartbeat, in_virtual_time, seconds, silent, world

pytestmark = pytest.mark.slow


HOUR = 3600
SEATS = 40


def handshake_fates(dice):
    async def reset(far):
        await far.receive_some()
        far.path.reset()

    async def fin(far):
        far.send_fin()

    async def say_nothing(far):
        await far.receive_some()
        await trio.sleep_forever()

    async def go_dark(far):
        far.path.go_dark()
        await trio.sleep_forever()

    async def garbage(far):
        await far.send_all(dice.randbytes(200))
        await trio.sleep_forever()

    async def wrong_version(far):
        tls = TlsPeer(far, server_context("1.3" if dice.random() < 0.5 else "1.2"))
        with suppress(ssl.SSLError):
            await tls.handshake()
        far.send_fin()

    async def refuse(far):
        tls = TlsPeer(far, server_context())
        await tls.handshake()
        peer = WebSocketPeer(tls)
        if isinstance(await peer.next_event(), Request):
            await peer.send(RejectConnection(status_code=503))

    async def endless_head(far):
        tls = TlsPeer(far, server_context())
        await tls.handshake()
        await tls.write(b"HTTP/1.1 101 Switching Protocols\r\n" + b"x: y\r\n" * 20_000)
        await trio.sleep_forever()

    return [reset, fin, say_nothing, go_dark, garbage, wrong_version, refuse, endless_head]


def held_fates(dice):  # noqa: C901 - a list of small peers
    async def live(_peer):
        await trio.sleep_forever()

    async def reset(peer):
        peer.tls.far.path.reset()

    async def fin(peer):
        peer.tls.far.send_fin()

    async def close_notify(peer):
        await peer.tls.close_notify()

    async def close(peer):
        await peer.send(CloseConnection(code=dice.choice([1000, 1001, 1012, 4000])))

    async def go_dark(peer):
        peer.tls.far.path.go_dark()

    async def fall_silent(peer):
        await peer.swallow()

    async def flood(peer):
        for _ in range(20):
            await peer.send(TextMessage(data="x" * 10_000))

    async def garbage(peer):
        await peer.tls.far.send_all(b"\x17\x03\x03\x00\x20" + dice.randbytes(32))

    async def nonsense(peer):
        await peer.tls.write(dice.randbytes(64))

    return [live, reset, fin, close_notify, close, go_dark, fall_silent, flood, garbage, nonsense]


def peers_of(dice):
    """A server whose connections meet a fate each, drawn from `dice`."""

    async def program(far):
        if dice.random() < 0.3:
            await dice.choice(handshake_fates(dice))(far)
            return
        peer = await WebSocketPeer.accept(far, server_context())
        with trio.move_on_after(dice.expovariate(1 / 1800)):
            await peer.answer_pings()
        await dice.choice(held_fates(dice))(peer)
        with suppress(ssl.SSLError):
            await peer.swallow()

    async def hostile(far):
        with suppress(Exception):  # a server may do as it likes
            await program(far)

    return hostile


@cache
def play(seed):
    dice = random.Random(seed)  # noqa: S311 - a test that can be repeated

    async def story():
        async with world(peers_of(dice), latency_s=0.01) as made:

            async def connect(*args):
                if dice.random() < 0.1:
                    await trio.lowlevel.checkpoint()
                    number = dice.choice([errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EMFILE])
                    raise OSError(number, os.strerror(number))
                return await made.connect(*args)

            reconnect = Reconnect(initial=seconds(5), max=seconds(300))
            for seat in range(SEATS):
                route = made.route(
                    connect=connect,
                    activity=silent() if seat % 3 == 0 else heartbeat("60s", "10s"),
                    timeouts=Timeouts(close=seconds(2)),
                )
                made.start(route, reconnect=reconnect, at_s=dice.uniform(0, 60))
            await trio.sleep(2 * HOUR)
            made.stop()
            await trio.sleep(5)
            return made

    return in_virtual_time(story)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_attempt_and_every_session_has_exactly_one_ending(seed):
    made = play(seed)
    notebook, paths = made.notebook, made.paths
    opened, ended, failed = notebook.opened, notebook.ended, notebook.failed
    assert made.around.bugs.count == 0, made.around.bugs.reports
    assert made.finished == SEATS

    # One ending each; numbers are unique and none is missing.
    assert [e.session for e in opened] == sorted({e.session for e in opened})
    assert sorted(e.session for e in ended) == [e.session for e in opened]
    attempts = sorted(e.attempt for e in (*opened, *failed))
    assert attempts == list(range(1, len(attempts) + 1))
    assert len(opened) > SEATS  # there was something to count
    assert len(failed) > SEATS / 2

    # Nothing is left behind.
    assert (len(made.heartbeats), made.gate.inside) == (0, 0)
    assert [path for path in paths if path.kernel.open] == []

    births = {e.session: e for e in opened}
    for end in ended:
        birth = births[end.session]
        assert birth.attempt == end.attempt
        assert birth.t_ns <= end.t_ns
        assert end.ending.age_ns == end.ending.dead_by_ns - birth.t_ns
        assert (
            end.ending.alive_at_ns <= end.ending.dead_by_ns <= end.ending.detected_at_ns == end.t_ns
        )
        assert 0 <= end.pings - end.pongs <= 1
        assert (
            (end.ending.kind is Kind.PLANNED)
            == end.ending.planned
            == (end.ending.phase is Phase.CLOSING)
        )
    for end in failed:
        assert end.ending.phase not in (Phase.HELD, Phase.CLOSING)
    assert all(e.ending.kind is not Kind.UNKNOWN for e in (*ended, *failed)), [
        e.ending.raw for e in (*ended, *failed) if e.ending.kind is Kind.UNKNOWN
    ]
    assert {e.ending.initiator for e in failed if e.ending.kind is Kind.TOOL} == {Initiator.TOOL}

    # A session replaces at most one, and none twice; drops are sampled once.
    replaced = [e.replaces for e in opened if e.replaces is not None]
    assert len(replaced) == len(set(replaced))
    assert set(replaced) <= {e.session for e in ended if not e.ending.planned}
    drops = [e for e in ended if e.ending.is_drop]
    assert sorted(notebook.values(Quantity.AGE_AT_DROP)) == sorted(e.ending.age_ns for e in drops)
    assert len({e.ending.kind for e in drops}) >= 7, Counter(e.ending.kind for e in drops)


def test_the_bracket_of_every_silent_death_holds_the_true_moment():
    silent_deaths = 0
    for made in (play(1), play(2)):
        paths = {f"192.0.2.10:{path.local_port}": path for path in made.paths}
        for end in made.notebook.ended:
            if end.ending.kind is Kind.SILENCE:
                silent_deaths += 1
                truth_ns = paths[end.local].dark_since_s * NS_PER_S
                assert end.ending.alive_at_ns <= truth_ns <= end.ending.dead_by_ns
    assert silent_deaths >= 5
