"""The search of one way in virtual time, against boxes that forget, reset, or do nothing."""

from typing import NamedTuple

import pytest
import trio

from stresser.classify.idle_answers import Beside, answer_of_silence, beside
from stresser.model.asked_value import AskedValue
from stresser.model.ending import Kind
from stresser.model.units import NS_PER_S, Duration
from stresser.scenario.plan import Activity, ActivityKind
from stresser.session.idle_search import search_idle
from stresser.statistics.asked_limits import AskedLimit, limit_of_asked, outlasts_one_moment
from tests.fakes.certificates import server_context
from tests.fakes.notebook import Notebook
from tests.fakes.peers import tls_server, websocket_server
from tests.fakes.world import COHORT, in_virtual_time, world

SERVERS = {"wss": websocket_server, "tls": tls_server}


class Searched(NamedTuple):
    """A search that is over."""

    notebook: Notebook
    took_s: float
    said: list[str]
    answers: list[AskedValue]

    @property
    def limit(self) -> AskedLimit:
        return limit_of_asked(self.answers)


def _last_passed_s(path):
    return max(path.client_sent_s, path.client_received_s)


def searched(limit_s, *, up_to="10m", scheme="wss", says=False, forgets_all_at_s=None, share=1):
    """A search through a box that ends what is quiet for `limit_s`.

    `forgets_all_at_s`: once it forgets all flows, or every so manieth.
    """
    activity = Activity(
        kind=ActivityKind.IDLE_SEARCH, name="idle_search", up_to=Duration.parse(up_to)
    )
    said: list[str] = []

    async def box(path):
        """Looks at the bytes that pass, in either direction."""
        due_s = trio.current_time() + limit_s
        while trio.current_time() < due_s:
            await trio.sleep_until(due_s)
            due_s = _last_passed_s(path) + limit_s
        if says:
            path.reset()
        else:
            path.forgotten = True

    async def forget_all(paths):
        await trio.sleep(forgets_all_at_s)
        for path in paths[::share]:
            path.forgotten = True

    async def story():
        async with world(SERVERS[scheme](server_context())) as made:
            if forgets_all_at_s is not None:
                made._nursery.start_soon(forget_all, made.paths)

            async def connect(*args):
                tap = await made.connect(*args)
                if limit_s is not None:
                    made._nursery.start_soon(box, made.paths[-1])
                return tap

            route = made.route(activity=activity, scheme=scheme, connect=connect)
            with trio.move_on_after(3600):
                await search_idle(route, made.around, said.append)
            return made, trio.current_time()

    made, took_s = in_virtual_time(story)
    assert made.around.bugs.count == 0, made.around.bugs.reports
    own = [event.ending for event in made.notebook.ended if event.cohort == COHORT]
    answers = [answer for ending in own if (answer := answer_of_silence(ending)) is not None]
    return Searched(made.notebook, took_s, said, answers)


@pytest.mark.parametrize("scheme", SERVERS)
@pytest.mark.parametrize("says", [False, True], ids=["forgets", "resets"])
@pytest.mark.parametrize("limit_s", [12.5, pytest.param(60, marks=pytest.mark.slow)])
def test_the_limit_is_found_within_a_second_in_time(scheme, says, limit_s):
    made = searched(limit_s, scheme=scheme, says=says)
    assert made.limit.high is not None
    assert made.limit.low <= limit_s * NS_PER_S <= made.limit.high
    assert made.limit.high - made.limit.low <= NS_PER_S
    # Busy sessions show that no one event ended the silent ones; where none can be kept busy, such
    # as began later do.
    slower = 2.2 if limit_s > 36 else 1.5 if scheme == "tls" else 1.2
    assert made.took_s <= slower * limit_s + 5
    assert made.said[-1].startswith("broker through vpn: alive after ")


@pytest.mark.parametrize(
    "limit_s", [12.5, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 8, 20.4, 33, 47, 60))]
)
def test_bare_tls_is_known_soon_as_well(limit_s):
    made = searched(limit_s, scheme="tls", up_to="72s")
    assert made.limit.low <= limit_s * NS_PER_S <= made.limit.high
    assert made.took_s <= 1.8 * limit_s
    assert outlasts_one_moment(made.answers)


@pytest.mark.parametrize("share", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_one_moment_is_no_limit_of_bare_tls(share):
    """All flows, or every other one, are forgotten when the search is 20 s old."""
    made = searched(None, scheme="tls", up_to="72s", forgets_all_at_s=20, share=share)
    assert made.took_s > 36, "it is tried again, and lives"
    assert not outlasts_one_moment(made.answers)
    assert made.limit.high is None or made.limit.against or made.limit.tick


def test_without_a_limit_it_ends_with_the_longest_silence():
    made = searched(None, up_to="1m")
    assert (made.limit.high, made.limit.low) == (None, pytest.approx(60 * NS_PER_S, rel=0.01))
    assert 60 <= made.took_s < 62
    assert {event.ending.kind for event in made.notebook.ended} == {Kind.PLANNED}


def test_busy_sessions_and_pongs_that_answer_nothing_live_through_it():
    made = searched(30)
    for what in (Beside.BUSY, Beside.UP, Beside.HEAVY, Beside.HALF_HEAVY):
        own = [one for one in made.notebook.ended if one.cohort == beside(COHORT, what)]
        assert own
        assert {one.ending.kind for one in own} == {Kind.PLANNED}


def test_where_nothing_opens_it_ends_without_an_answer():
    async def story():
        async with world(websocket_server(server_context())) as made:

            async def refuse(*_):
                await trio.lowlevel.checkpoint()
                raise ConnectionRefusedError(111, "refused")

            activity = Activity(kind=ActivityKind.IDLE_SEARCH, name="idle_search")
            route = made.route(activity=activity, connect=refuse)
            await search_idle(route, made.around, len)
            return trio.current_time(), made

    took_s, made = in_virtual_time(story)
    assert took_s < 60
    assert made.notebook.failed
    assert not made.notebook.ended
