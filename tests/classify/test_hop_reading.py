"""Walks beside each other: one row a situation, judged by what was done to the flow."""

import pytest

from stresser.classify.hop_reading import names_a_box, read_walks
from stresser.model.hops import Hop, HopReading

ALONE, ALL = HopReading.STOPS_ALONE, HopReading.STOPS_LIKE_ALL
PASSES, UNDECIDED = HopReading.PASSES, HopReading.UNDECIDED


def walk(*numbers: int, **other: str) -> dict[int, Hop]:
    """Answers of these hops, each by its usual address unless another is given (`at2="x"`)."""
    return {
        number: Hop(number=number, address=other.get(f"at{number}", f"192.0.2.{number}"))
        for number in numbers
    }


def path(*numbers: int) -> list[Hop]:
    return [*walk(*numbers).values()]


NOT_TWICE = [[walk(1, 2, 3)], [walk(1, 2, 3)]]
TWICE = [[walk(1, 2, 3), walk(3)], [walk(1, 2, 3)]]
SITUATIONS = {
    # what, the flow's walks, those of new connections, before, reading, last, names a box
    "a box behind hop 2 forgot it": ([walk(1, 2), {}, {}], TWICE, [], ALONE, 2, True),
    "before the TTL is looked at": ([walk(1), {}, {}], TWICE, [], ALONE, 1, True),
    "this host, or a box before the first router": ([{}, {}, {}], TWICE, [], ALONE, 0, False),
    "a silent hop between": (
        [walk(1), {}, {}], [[walk(1, 3), walk(3)], [walk(1, 3)]], [], ALONE, 1, True,
    ),
    "hop 3 was limited at first and then answered": (
        [walk(1, 2), walk(3), {}], [[walk(1, 2, 3), {}], [walk(1, 2, 3)]], [], PASSES, 3, False,
    ),
    "an outage that ended meanwhile": (
        [walk(1, 2), {}, walk(3)], TWICE, [], PASSES, 3, False,
    ),
    "one new connection saw hop 3, the other did not": (
        [walk(1, 2), {}, {}], [[walk(1, 2, 3), walk(3)], [walk(1, 2)]], [], UNDECIDED, 2, False,
    ),
    "hop 3 answered once only": (
        [walk(1, 2), {}, {}], [[walk(1, 2, 3), {}], [walk(1, 2, 3)]], [], UNDECIDED, 2, False,
    ),
    "a second new connection could not be walked": (
        [walk(1, 2), {}, {}], [[walk(1, 2, 3), walk(3)], []], [], UNDECIDED, 2, False,
    ),
    "an outage that one new connection passed once": (
        [walk(1, 2), {}, {}], [[walk(1, 2, 3), {}], [walk(1, 2)]], path(1, 2, 3), UNDECIDED, 2,
        False,
    ),
    "asked once": ([walk(1, 2), {}], NOT_TWICE, [], UNDECIDED, 2, False),
    "one new connection could be made": (
        [walk(1, 2), {}, {}], [[walk(1, 2, 3), walk(3)]], [], ALONE, 2, False,
    ),
    "the endpoint, or its answers": ([walk(1, 2, 3), {}, {}], TWICE, [], PASSES, 3, False),
    "the endpoint is gone": ([walk(1, 2, 3), {}, {}], [], path(1, 2, 3), PASSES, 3, False),
    "an outage": ([walk(1, 2), {}, {}], [], path(1, 2, 3), ALL, 2, False),
    "an outage, and something accepts": (
        [walk(1, 2), {}, {}], [[walk(1, 2), {}], [walk(1, 2)]], path(1, 2, 3), ALL, 2, False,
    ),
    "nothing is known of before": ([walk(1, 2), {}, {}], [], [], UNDECIDED, 2, False),
    "all are silent": ([{}, {}, {}], [[{}, {}], [{}]], [], UNDECIDED, 0, False),
    "new flows take another path beyond": (
        [walk(1, 2), {}, {}],
        [[walk(1, 2, 3), walk(3)], [walk(1, 2, 3, at3="x")]], [], ALONE, 2, False,
    ),
    "this flow took another path before": (
        [walk(1, 2), {}, {}], TWICE, [Hop(number=3, address="x")], ALONE, 2, False,
    ),
    "hop 3 never answered this flow while it was healthy": (
        [walk(1, 2), {}, {}], TWICE, [*path(1, 2), Hop(number=3)], UNDECIDED, 2, False,
    ),
    "so it is, and hop 4 did": (
        [walk(1, 2), {}, {}], [[walk(1, 2, 3, 4), walk(3, 4)], [walk(1, 2, 3, 4)]],
        [*path(1, 2), Hop(number=3), *path(4)], ALONE, 2, True,
    ),
    "this flow takes another path now": (
        [walk(1, 2, at2="x"), {}, {}], TWICE, [], ALONE, 2, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("flow", "fresh", "before", "reading", "last", "accuses"), SITUATIONS.values(), ids=SITUATIONS
)
def test_a_situation(flow, fresh, before, reading, last, accuses):
    read = read_walks(flow, fresh, before)
    assert read.reading is reading
    assert (0 if read.last is None else read.last.number) == last
    assert names_a_box(read) is accuses


def test_what_it_rests_on_is_kept_in_order():
    read = read_walks([walk(2), walk(1), {}], TWICE, path(1, 2, 3), to_proxy=True)
    assert [hop.number for hop in read.flow] == [1, 2]
    assert [hop.number for hop in read.fresh] == [1, 2, 3]
    assert read.next == walk(3)[3]
    assert (read.connections, read.before, read.to_proxy) == (2, path(1, 2, 3), True)


def test_routers_that_fall_silent_are_no_outage_where_a_new_connection_is_answered():
    walks = [walk(1, 2), {}, {}], [[walk(1, 2), {}], [walk(1, 2)]], path(1, 2, 3)
    assert read_walks(*walks).reading is ALL
    assert read_walks(*walks, is_answered=True).reading is UNDECIDED
    assert read_walks([walk(1, 2), {}, {}], TWICE, is_answered=True).reading is ALONE


def test_what_comes_next_is_the_first_hop_beyond():
    farther = [[walk(1, 3, 4), walk(3, 4)], [walk(1, 3, 4)]]
    assert read_walks([walk(1), {}, {}], farther).next == walk(3)[3]
    assert read_walks([walk(1), {}, {}], [], path(1, 2, 3)).next == walk(2)[2]


def test_no_walk_names_nobody():
    assert not names_a_box(None)
