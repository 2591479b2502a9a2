"""Who gets which part of a run: pure."""

import itertools

import pytest

from stresser.run.worker_share import WHOLE, WorkerShare, workers_of
from stresser.scenario.plan import Activity, ActivityKind, Endpoint, Scenario, Sessions


def plan(kind=ActivityKind.HEARTBEAT, **sessions):
    return Scenario(
        name="shares",
        sessions=Sessions(**sessions),
        activities=[Activity(kind=kind)],
        endpoints=[Endpoint(name="a", url="wss://a.example.net/")],
    )


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 64])
@pytest.mark.parametrize(("routes", "places"), [(1, 1), (3, 1), (2, 5), (4, 64), (5, 130)])
def test_every_place_has_one_worker_and_none_has_much_more(workers, routes, places):
    shares = [WorkerShare(number, workers) for number in range(1, workers + 1)]
    had = [
        [(route, place) for route in range(routes) for place in share.places(route, places)]
        for share in shares
    ]
    everything = sorted(itertools.chain(*had))
    assert everything == [(route, place) for route in range(routes) for place in range(places)]
    sizes = [len(own) for own in had]
    assert max(sizes) - min(sizes) <= 1
    for route in range(routes):  # each has a part of every cohort
        of_route = [len(share.places(route, places)) for share in shares]
        assert max(of_route) - min(of_route) <= 1


def test_starts_are_spread_evenly_over_the_ramp():
    assert WHOLE.start_offsets_s(5, 5, 10) == [0, 2, 4, 6, 8]
    assert WHOLE.start_offsets_s(3, 3, 0) == [0, 0, 0]
    offsets = WHOLE.start_offsets_s(10_000, 10_000, 120)
    assert (offsets[0], offsets[-1]) == (0, 120 * 9999 / 10_000)
    assert offsets == sorted(offsets)


def test_starts_of_all_workers_together_are_those_of_one_process():
    parts = [WorkerShare(number, 3) for number in (1, 2, 3)]
    sizes = [len(part.places(0, 10)) for part in parts]
    together = [
        offset
        for part, size in zip(parts, sizes, strict=True)
        for offset in part.start_offsets_s(size, 10, 5)
    ]
    assert sorted(together) == WHOLE.start_offsets_s(10, 10, 5)


def test_no_number_is_given_twice():
    drawn = [list(itertools.islice(WorkerShare(n, 3).numbers(101), 4)) for n in (1, 2, 3)]
    assert drawn == [[101, 104, 107, 110], [102, 105, 108, 111], [103, 106, 109, 112]]


def test_whose_a_number_is():
    parts = [WorkerShare(number, 3) for number in (1, 2, 3)]
    for part in parts:
        own = set(itertools.islice(part.numbers(101), 4))
        assert {number for number in range(90, 113) if part.owns(number, 101)} == own
    assert all(WHOLE.owns(number, 1) for number in range(1, 50))
    assert not WHOLE.owns(0, 1)


def test_ports_of_all_are_apart_and_in_the_range():
    parts = [WorkerShare(number, 3).ports(32_768, 60_999) for number in (1, 2, 3)]
    assert parts == [(32_768, 42_177), (42_178, 51_587), (51_588, 60_997)]
    assert WHOLE.ports(32_768, 60_999) == (32_768, 60_999)


def test_the_rates_of_all_parts_are_those_of_the_whole():
    whole = plan(handshakes_in_flight=8, attempts_per_second=30, count=5)
    parts = [WorkerShare(number, 3).scenario(whole).sessions for number in (1, 2, 3)]
    assert [part.handshakes_in_flight for part in parts] == [3, 3, 2]
    assert [part.attempts_per_second for part in parts] == [10, 10, 10]
    assert sum(part.attempts_per_second_per_endpoint for part in parts) == pytest.approx(50)
    assert {part.count for part in parts} == {5}


@pytest.mark.parametrize(
    ("asked", "places", "processors", "workers"),
    [
        (1, 10_000, 8, 1),
        (4, 10_000, 2, 4),
        (4, 3, 8, 3),
        ("auto", 999, 8, 1),
        ("auto", 1999, 8, 1),
        ("auto", 2000, 8, 2),
        ("auto", 30_000, 8, 8),
        ("auto", 30_000, 1, 1),
        ("auto", 1_000_000, 256, 64),
    ],
)
def test_how_many(asked, places, processors, workers):
    assert workers_of(plan(workers=asked), places, processors) == workers


def test_a_search_is_one_process_s_work():
    search = ActivityKind.IDLE_SEARCH
    assert workers_of(plan(search, workers="auto"), 5000, 8) == 1
    assert workers_of(plan(search), 5000, 8) == 1
    with pytest.raises(ValueError, match=r"sessions\.workers: idle_search is the work of one"):
        workers_of(plan(search, workers=2), 5000, 8)
