"""The longest segment that passes, on paths that lose longer ones, some, all or none."""

import itertools

import pytest
import trio

from stresser.model.ending import Kind, Phase
from stresser.model.hello_tried import HelloShape, SegmentLimit
from stresser.net.hello_shapes import HelloShapes
from stresser.run.one_hello import Trial
from stresser.run.segment_search import SegmentSearch
from tests.fakes.checked import failed, tcp_info
from tests.run.hello_routes import first_attempt

LOST = failed(phase=Phase.TLS, kind=Kind.TIMEOUT, evidence={"tcp_info": tcp_info(bytes_acked=1)})
HEARD = failed(phase=Phase.TLS, kind=Kind.TIMEOUT, evidence={"tcp_info": tcp_info(bytes_acked=900)})


def searched(passes_at, *, towards_us=True, passes=536, fails=1460, lost=LOST):
    """`passes_at`: whether a connection with that TCP_MAXSEG is answered. Also what was tried."""
    tried = []
    first = first_attempt()

    async def try_once(route):
        await trio.lowlevel.checkpoint()
        size = route.binding.max_segment
        tried.append(size)
        return Trial(first, None if passes_at(size) else lost)

    made = HelloShapes("broker.example.net", (), 1448).make(HelloShape.CLASSIC)
    search = SegmentSearch(first=first, made=made, towards_us=towards_us, try_once=try_once)
    return trio.run(search.run, passes, fails), tried


@pytest.mark.parametrize("towards_us", [True, False])
@pytest.mark.parametrize("longest", [536, 540, 1000, 1240, 1260, 1320, 1412, 1456])
def test_the_longest_that_passes(longest, towards_us):
    limit, tried = searched(lambda size: size <= longest, towards_us=towards_us)
    assert limit == SegmentLimit(towards_us=towards_us, passes=longest, fails=longest + 4)
    assert len(tried) <= 26


def test_an_odd_limit_lies_between_the_two():
    limit, _ = searched(lambda size: size <= 1262)
    assert (limit.passes, limit.fails) == (1260, 1264)


def test_an_odd_end():
    limit, _ = searched(lambda size: size <= 1300, passes=529, fails=1447)
    assert (limit.passes, limit.fails) == (1300, 1304)


def test_towards_the_endpoint_an_acknowledged_hello_passes_whatever_became_of_its_answer():
    limit, _ = searched(lambda _size: False, towards_us=False, lost=HEARD)
    assert limit is None  # what failed before is acknowledged now
    limit, _ = searched(lambda _size: False, lost=HEARD)
    assert limit is None


@pytest.mark.parametrize("always", [True, False])
def test_no_limit_where_all_or_none_pass_now(always):
    assert searched(lambda _size: always)[0] is None


def test_no_limit_where_it_is_no_matter_of_size():
    assert searched(lambda size: size % 8 == 0)[0] is None


@pytest.mark.parametrize("chance", ["ol", "oll", "ool", "lool", "oolol", "llloo", "olllo"])
def test_no_limit_on_a_path_that_loses_by_chance(chance):
    """Whatever the size, in turn: an `o` passes and an `l` is lost."""
    turns = itertools.cycle(chance)
    assert searched(lambda _size: next(turns) == "o")[0] is None
