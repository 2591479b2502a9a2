"""Attempts of a seat: each phase timed, each deadline kept, a stop in each of them."""

import errno
import gc
import os
import weakref

import pytest
import trio

from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.scenario.plan import Reconnect, Timeouts
from tests.fakes.certificates import server_context
from tests.fakes.peers import TlsPeer, websocket_server
from tests.fakes.resolver import Resolver
from tests.fakes.world import COHORT, in_virtual_time, seconds, world


async def never(*_):
    await trio.sleep_forever()


async def refused(*_):
    await trio.lowlevel.checkpoint()
    raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def test_the_phases_of_attempts_are_timed_and_sampled():
    async def story():
        async with world(websocket_server(server_context("1.3")), latency_s=0.05) as made:
            made.start(made.route())
            made.start(made.route(scheme="tls"), at_s=1)
            made.start(made.route(connect=refused), at_s=2)
            await trio.sleep(10)
            return made

    made = in_virtual_time(story)
    wss, tls = made.notebook.opened
    ms_100 = pytest.approx(NS_PER_S // 10, abs=1000)
    # One round trip for TCP, one for TLS 1.3, one for the upgrade.
    assert {"resolve": 0, "connect": ms_100, "tls": ms_100, "upgrade": ms_100} == wss.phases_ns
    assert {"resolve": 0, "connect": ms_100, "tls": ms_100} == tls.phases_ns
    assert [ms_100] * 2 == made.notebook.values(Quantity.CONNECT)
    assert [ms_100] * 2 == made.notebook.values(Quantity.TLS)
    assert [ms_100] == made.notebook.values(Quantity.UPGRADE)
    assert made.notebook.values(Quantity.RESOLVE) == [0, 0, 0]  # the refused one as well
    assert {COHORT} == {cohort for _, cohort, _ in made.notebook.sampled}
    assert made.notebook.only_failed().phases_ns == {"resolve": 0}


async def silent_after_connect(far):
    await far.receive_some()
    await trio.sleep_forever()


async def silent_after_tls(far):
    tls = TlsPeer(far, server_context())
    await tls.handshake()
    await tls.read()
    await trio.sleep_forever()


HANGING = [
    (Phase.CONNECT, never, {"connect": never}),
    (Phase.TLS, silent_after_connect, {}),
    (Phase.UPGRADE, silent_after_tls, {}),
]


@pytest.mark.parametrize(("phase", "program", "route"), HANGING)
def test_our_deadline_of_each_phase(phase, program, route):
    limits = Timeouts(connect=seconds(3), tls=seconds(4), upgrade=seconds(5))

    async def story():
        async with world(program) as made:
            made.start(made.route(timeouts=limits, **route))
            await trio.sleep(60)
            return made

    made = in_virtual_time(story)
    event = made.notebook.only_failed()
    assert (phase, Kind.TIMEOUT, "generic_timeout_error") == (
        event.ending.phase,
        event.ending.kind,
        event.ending.failure,
    )
    assert event.ending.age_ns == getattr(limits, phase.value)
    assert all(not path.kernel.open for path in made.paths)


def test_our_deadline_for_the_resolver():
    class Hanging(Resolver):
        async def getaddrinfo(self, *args, **kwargs):
            del args, kwargs
            await trio.sleep_forever()

    async def story():
        trio.socket.set_custom_hostname_resolver(Hanging())
        async with world(never) as made:
            made.start(made.route(host="broker.test"))
            await trio.sleep(60)
            return made.notebook.only_failed()

    event = in_virtual_time(story)
    assert (event.ending.phase, event.ending.kind, event.remote) == (
        Phase.RESOLVE,
        Kind.TIMEOUT,
        None,
    )
    assert event.ending.age_ns == 5 * NS_PER_S


@pytest.mark.parametrize(("phase", "program", "route"), HANGING)
def test_a_stop_during_an_attempt_is_planned(phase, program, route):
    async def story():
        async with world(program) as made:
            made.start(made.route(**route), reconnect=Reconnect())
            await trio.sleep(2)
            made.stop()
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    event = made.notebook.only_failed()
    assert (phase, Kind.PLANNED, True, Initiator.PLAN, None) == (
        event.ending.phase,
        event.ending.kind,
        event.ending.planned,
        event.ending.initiator,
        event.ending.failure,
    )
    assert event.ending.age_ns == 2 * NS_PER_S
    assert (made.finished, made.gate.inside) == (1, 0)
    assert all(not path.kernel.open for path in made.paths)


async def reset_in_tls(far):
    far.path.reset()


async def fin_in_tls(far):
    far.send_fin()


async def garbage_in_tls(far):
    await far.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def reset_in_upgrade(far):
    tls = TlsPeer(far, server_context())
    await tls.handshake()
    await tls.read()
    far.path.reset()


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        (reset_in_tls, Kind.TCP_RESET),
        (fin_in_tls, Kind.TCP_FIN),
        (garbage_in_tls, Kind.PROTOCOL_ERROR),
        (reset_in_upgrade, Kind.TCP_RESET),
        (silent_after_tls, Kind.TIMEOUT),
    ],
)
def test_a_failed_attempt_leaves_no_cycle_to_the_garbage_collector(program, kind):
    """The collector is told to look seldom: what failed must go by itself."""
    taps = []

    async def story():
        async with world(program) as made:

            async def connect(*args):
                tap = await made.connect(*args)
                taps.append(weakref.ref(tap))
                return tap

            made.start(made.route(connect=connect))
            await trio.sleep(60)
            return made

    gc.collect()
    gc.disable()
    try:
        assert in_virtual_time(story).notebook.only_failed().ending.kind is kind
        assert [tap() for tap in taps] == [None]
    finally:
        gc.enable()
