"""What stands beside a search: as much as the endpoint can take, and no more."""

from dataclasses import replace

import pytest

from stresser.classify.idle_answers import Beside
from stresser.model.units import NS_PER_S
from stresser.net.reflector_hello import Introducer
from stresser.scenario.plan import Activity, ActivityKind
from stresser.scenario.secrets import Secret
from stresser.session.search_companions import companions
from tests.fakes.certificates import server_context
from tests.fakes.peers import websocket_server
from tests.fakes.world import in_virtual_time, world

FAR = Introducer(run="0" * 32, token=Secret("T", "t"), anchor_unix_ns=0)
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
        ("wss", None, set(Beside) - OF_REFLECTORS),
        ("tls", None, {Beside.TCP_KEEPALIVE}),
        ("wss", FAR, set(Beside)),
        ("tls", FAR, set(Beside) - OF_WEBSOCKETS),
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
