"""What stands beside a search: as much as the endpoint can take, and no more."""

from dataclasses import replace

import pytest

from stresser.classify.idle_answers import Beside
from stresser.model.units import NS_PER_S
from stresser.net.reflector_hello import Introducer
from stresser.scenario.plan import Activity, ActivityKind
from stresser.scenario.secrets import Secret
from stresser.session.route import Beat, timers_for
from stresser.session.search_companions import companions, silent_together
from tests.fakes.certificates import server_context
from tests.fakes.peers import websocket_server
from tests.fakes.world import in_virtual_time, world

FAR = Introducer(run="0" * 32, token=Secret("T", "t"), anchor_unix_ns=0)
ALL = set(Beside) - {Beside.TOGETHER}
"""Those come when the search is over."""
OF_REFLECTORS = {Beside.DOWN, Beside.ONE_BYTE, Beside.BIG_MESSAGE}
OF_WEBSOCKETS = {Beside.BUSY, Beside.UP}
SEARCH = Activity(kind=ActivityKind.IDLE_SEARCH, name="search")


def beside_search(scheme, introducer=None):
    async def story():
        async with world(websocket_server(server_context())) as made:
            route = replace(made.route(activity=SEARCH, scheme=scheme), introducer=introducer)
            return {one.what: one for one in companions(route)}

    return in_virtual_time(story)


@pytest.mark.parametrize(
    ("scheme", "introducer", "wanted"),
    [
        ("wss", None, ALL - OF_REFLECTORS),
        ("tls", None, {Beside.TCP_KEEPALIVE}),
        ("wss", FAR, ALL),
        ("tls", FAR, ALL - OF_WEBSOCKETS),
    ],
)
def test_nothing_is_sent_that_an_endpoint_may_not_know(scheme, introducer, wanted):
    found = beside_search(scheme, introducer)
    assert found.keys() == wanted
    for what, one in found.items():
        assert one.route.cohort.activity.endswith(f"-{what}")
        assert one.route.activity.every <= NS_PER_S or what == Beside.DOWN
        beat = one.route.beat
        if introducer is None and beat is not None:
            assert (beat.is_message, beat.size <= 125) == (False, True)
        sends_down = one.route.introducer is not None and one.route.introducer.down_ms
        assert bool(sends_down) == (what == Beside.DOWN)


def message(size):
    return Beat(size, is_message=True)


WHAT_THEY_DO = {
    # what each second or tenth of one, with which beat, how many, and whether they come back
    Beside.BUSY: (ActivityKind.HEARTBEAT, 1.0, None, 3, True),
    Beside.UP: (ActivityKind.HEARTBEAT, 1.0, Beat(), 2, False),
    Beside.TCP_KEEPALIVE: (ActivityKind.KEEPALIVE, 1.0, None, 2, False),
    Beside.DOWN: (ActivityKind.SILENT, None, None, 2, False),
    Beside.ONE_BYTE: (ActivityKind.HEARTBEAT, 1.0, message(1), 2, False),
    Beside.BIG_MESSAGE: (ActivityKind.HEARTBEAT, 1.0, message(16_384), 2, False),
    Beside.HEAVY: (ActivityKind.HEARTBEAT, 0.1, message(2048), 1, True),
    Beside.HALF_HEAVY: (ActivityKind.HEARTBEAT, 0.2, message(2048), 1, True),
}


def test_what_each_of_them_does():
    for what, one in beside_search("wss", FAR).items():
        kind, every_s, beat, sessions, comes_back = WHAT_THEY_DO[what]
        activity = one.route.activity
        assert (activity.kind, one.route.beat) == (kind, beat), what
        assert every_s is None or activity.every.seconds == every_s, what
        assert (one.sessions, one.comes_back) == (sessions, comes_back), what
        assert one.route.timers == timers_for(activity), what


def test_half_as_heavy_is_half_as_many_bytes_in_the_same_time():
    found = beside_search("wss")
    rates = [found[what].route.beat.size / found[what].route.activity.every
             for what in (Beside.HEAVY, Beside.HALF_HEAVY)]  # fmt: skip
    assert rates[0] == 2 * rates[1]
    assert [what for what, one in found.items() if one.comes_back] == [
        Beside.BUSY,
        Beside.HEAVY,
        Beside.HALF_HEAVY,
    ]


def test_those_that_are_silent_together_send_nothing():
    async def story():
        async with world(websocket_server(server_context())) as made:
            return silent_together(made.route(activity=SEARCH))

    route = in_virtual_time(story)
    assert route.cohort.activity.endswith("-together")
    assert (route.activity.kind, route.beat, route.heartbeat) == (ActivityKind.SILENT, None, False)
