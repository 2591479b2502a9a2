"""Which hellos are tried, how often, and what is kept of them: on paths of the test's, and here."""

import pytest
import trio

from stresser.analysis.checkup.hello_reading import read_hellos
from stresser.model.client_hello import HelloSent
from stresser.model.ending import Kind, Phase
from stresser.model.hello_tried import HelloOutcome, HelloShape
from stresser.net.proxy import ProxyHop
from stresser.run.hello_trials import HelloTrials, worth_trials
from stresser.run.one_hello import Trial
from stresser.scenario.proxy_url import parse_proxy
from tests.fakes.checked import failed, failed_way, tcp_info, way
from tests.run.hello_routes import first_attempt
from tests.run.test_checkup_pass import checked

S = HelloShape
NEED_SEGMENTS = {S.CAPPED, S.SPLIT, S.SPLIT_NAME, S.HYBRID_SPLIT}


def lost(acknowledged=0):
    info = tcp_info(bytes_acked=acknowledged + 1)
    return failed(phase=Phase.TLS, kind=Kind.TIMEOUT, evidence={"tcp_info": info})


def tried(path, **changes):
    """`path` takes a route and gives what a hello there fails by; also the number of tries."""
    first, count = first_attempt(**changes), []

    async def try_once(route):
        count.append(route)
        await trio.lowlevel.checkpoint()
        attempt = first_attempt(
            segment=1448 if route.binding.max_segment is None else route.binding.max_segment - 12
        )
        return Trial(attempt, path(route))

    hellos, limits = trio.run(HelloTrials(first, [], try_once).run)
    return {one.shape: one for one in hellos}, limits, len(count)


def test_where_all_stand_each_is_tried_once():
    hellos, limits, count = tried(lambda _route: None)
    made = [one for one in hellos.values() if one.not_made is None]
    assert list(hellos) == list(HelloShape)
    assert len(made) == count >= 11
    assert all(one.outcomes == [HelloOutcome.STOOD] for one in made)
    assert limits == []


def test_where_one_fails_all_are_tried_twice():
    hellos, _, _ = tried(lambda route: lost(1448) if route.hello.size > 1400 else None)
    made = [one for one in hellos.values() if one.not_made is None]
    assert {len(one.outcomes) for one in made} == {2}
    assert hellos[S.LONG].failed
    assert hellos[S.LONG].acknowledged == 1448
    assert hellos[S.CLASSIC].stood
    assert hellos[S.CLASSIC].acknowledged is None


def test_sizes_and_segments_are_those_that_went_out():
    hellos, _, _ = tried(lambda _route: None)
    classic, split, last = hellos[S.CLASSIC], hellos[S.SPLIT], hellos[S.HYBRID_NAME_LAST]
    assert (classic.segments, classic.name_segment) == (1, 1)
    assert (split.size, split.segments, split.name_segment) == (classic.size, 2, 1)
    assert (last.segments, last.name_segment) == (2, 2)
    assert last.size > 1500
    assert hellos[S.SPLIT_NAME].name_segment > 1
    assert hellos[S.NO_NAME].name_segment is None


def test_through_a_proxy_segments_are_its_own():
    proxy = ProxyHop(proxy=parse_proxy("http://192.0.2.9:3128"), user_agent="x")
    hellos, _, _ = tried(lambda _route: None, proxy=proxy, segment=None)
    for shape in NEED_SEGMENTS:
        assert hellos[shape].not_made == "a proxy carries it, in segments of its own"


@pytest.mark.parametrize("longest", [700, 1260])
def test_big_answers_are_lost_and_the_limit_is_found(longest):
    def path(route):
        size = route.binding.max_segment
        return lost(517) if size is None or size > longest else None

    _, limits, _ = tried(path)
    towards_us = [one for one in limits if one.towards_us]
    assert [(one.passes, one.fails) for one in towards_us] == [(longest, longest + 4)]


def test_big_hellos_are_lost_and_the_limit_is_found():
    def path(route):
        size = route.binding.max_segment or 1460
        return lost() if route.hello.size > 1400 and size > 1300 else None

    hellos, limits, _ = tried(path)
    assert [(one.towards_us, one.passes, one.fails) for one in limits] == [(False, 1300, 1304)]
    assert hellos[S.HYBRID_SPLIT].stood


def test_no_limit_is_searched_where_size_is_not_it():
    _, limits, count = tried(lambda _route: lost(1448))
    assert limits == []
    assert count <= 2 * len(HelloShape)


def test_hellos_that_differ_in_real_segments():
    way = checked(["echo"], hellos=True)["echo"]
    tried = {one.shape: one for one in way.hellos if one.not_made is None}
    assert {len(one.outcomes) for one in tried.values()} == {1}
    assert set().union(*(one.outcomes for one in tried.values())) == {HelloOutcome.STOOD}
    segments = {shape: (one.segments, one.name_segment) for shape, one in tried.items()}
    assert segments[HelloShape.CLASSIC] == (1, 1)
    assert segments[HelloShape.SPLIT] == segments[HelloShape.LONG] == (2, 1)
    assert segments[HelloShape.HYBRID_NAME_LAST] == segments[HelloShape.SPLIT_NAME] == (2, 2)
    assert segments[HelloShape.NO_NAME] == (1, None)
    assert way.segments == []


def test_an_endpoint_that_hangs_by_itself_decides_nothing():
    way = checked(["stall"], hellos=True)["stall"]
    tried = [one for one in way.hellos if one.not_made is None]
    assert all(one.outcomes == [HelloOutcome.LOST] * 2 for one in tried)
    assert {one.acknowledged == one.size for one in tried} == {True}
    assert read_hellos(way.hellos).decides is None
    assert way.segments == []


def test_hellos_are_tried_where_they_are_asked_for_or_hinder_and_nothing_is_local():
    found = checked(["echo", "stall", "refuse"])
    assert [way.hellos for way in found.values()] == [[], [], []]


def test_where_a_hello_hinders_the_endpoints_other_egresses_are_tried_too():
    hung = failed_way("a", "vpn", phase=Phase.TLS, kind=Kind.TIMEOUT)
    ways = dict(enumerate([hung, way("a", "direct"), way("b", "vpn"), way("b", "direct")]))
    reached = {number: first_attempt() for number in ways}
    for attempt in reached.values():
        attempt.client_hello = HelloSent(size=517, segments=1)
    assert worth_trials(ways, reached, asked=False) == [0, 1]
    assert worth_trials(ways, reached, asked=True) == [0, 1, 2, 3]
    reached[1].client_hello = None  # it came to no handshake
    assert worth_trials(ways, reached, asked=False) == [0]
