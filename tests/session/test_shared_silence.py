"""All that goes through an egress is silent at once, in virtual time: until its tunnel goes."""

import pytest
import trio

from stresser.classify.idle_answers import Beside, answer_of_silence, beside
from stresser.model.ending import Initiator, Kind, Proof
from stresser.model.path_change import PathChange
from stresser.model.units import NS_PER_S, Duration
from stresser.scenario.plan import Activity, ActivityKind
from stresser.session.local_route import LocalRoutes
from stresser.session.shared_silence import search_egress
from tests.fakes.certificates import server_context
from tests.fakes.peers import websocket_server
from tests.fakes.tunnel_host import TunnelHost
from tests.fakes.world import COHORT, in_virtual_time, world

UP_TO_S = 30
TOGETHER = beside(COHORT, Beside.TOGETHER)


def searched(limit_s=None, *, together=True, change=PathChange.LINK_REMOVED):
    """Through a tunnel that its gateway ends when nothing has passed for so long."""
    activity = Activity(kind=ActivityKind.IDLE_SEARCH, name="idle_search", together=together,
                        up_to=Duration(UP_TO_S * NS_PER_S))  # fmt: skip
    said: list[str] = []

    async def gateway(made, host):
        while True:
            await trio.sleep(1)
            passed_s = max((max(one.client_sent_s, one.client_received_s) for one in made.paths),
                           default=0)  # fmt: skip
            if trio.current_time() >= passed_s + limit_s:
                break
        host.goes(made.clock.now_ns(), change)
        for path in made.paths:
            path.kernel.probes, path.kernel.never_leaves = 4, True
            path.go_dark()

    async def story():
        async with world(websocket_server(server_context())) as made:
            host = TunnelHost()
            made.around.path = host  # type: ignore[assignment]  # all that is asked of one
            made.around.local_routes = LocalRoutes(host)  # type: ignore[arg-type]  # as above
            if limit_s is not None:
                made._nursery.start_soon(gateway, made, host)
            route = made.route(activity=activity)
            await search_egress([route], made.around, said.append)
            return made, trio.current_time()

    made, took_s = in_virtual_time(story)
    assert made.around.bugs.count == 0, made.around.bugs.reports
    return made, took_s, said


def test_a_tunnel_that_carries_nothing_goes_and_the_search_is_over_soon():
    made, took_s, said = searched(20)
    [ended] = [one.ending for one in made.notebook.ended if one.cohort == TOGETHER]
    assert (ended.kind, ended.initiator) == (Kind.FOUND_DEAD, Initiator.HOST)
    answer = answer_of_silence(ended)
    assert answer is not None
    assert 20 <= answer.value / NS_PER_S <= 21.1
    assert took_s <= UP_TO_S + 20 + 8
    assert said[-1] == "vpn: nothing passes through it from now on, up to 30 s"
    # While they pinged, it was kept.
    others = {one.ending.kind for one in made.notebook.ended if one.cohort != TOGETHER}
    assert others == {Kind.PLANNED}


@pytest.mark.parametrize("limit_s", [None, 90])
def test_one_that_lives_is_asked_after_the_longest_silence(limit_s):
    made, took_s, _ = searched(limit_s)
    [ended] = [one.ending for one in made.notebook.ended if one.cohort == TOGETHER]
    assert (ended.kind, ended.proved) == (Kind.PLANNED, Proof.ALIVE)
    assert 2 * UP_TO_S <= took_s <= 2 * UP_TO_S + 8


def test_a_change_that_takes_nothing_ends_no_silence():
    _, took_s, _ = searched(20, change=PathChange.MTU_CHANGED)
    assert took_s >= 2 * UP_TO_S


def test_unless_it_is_asked_for_the_search_ends_by_itself():
    made, took_s, _ = searched(20, together=False)
    assert not [one for one in made.notebook.ended if one.cohort == TOGETHER]
    assert took_s <= UP_TO_S + 8
