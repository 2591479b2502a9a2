"""A limit from what was asked at different values."""

import pytest

from stresser.model.asked_value import AskedValue
from stresser.statistics.asked_limits import (
    is_repeated,
    limit_of_asked,
    outlasts_one_moment,
)

S = 1_000_000_000


def told(lived=(), dead=(), dated=()):
    return [
        *(AskedValue(round(one * S), lived=True) for one in lived),
        *(AskedValue(round(one * S), lived=False) for one in dead),
        *(
            AskedValue(round(one * S), lived=False, is_dated=True, at=i * S)
            for i, one in enumerate(dated)
        ),
    ]


@pytest.mark.parametrize(
    ("lived", "dead", "low", "high", "against"),
    [
        ((), (), 0, None, 0),
        ((1, 2, 4), (), 4, None, 0),
        ((1, 2, 4), (8, 16), 4, 8, 0),
        ((), (1, 2), 0, 1, 0),
        # One that something else ended is no limit.
        ((1, 2, 4, 8, 16), (3,), 16, None, 1),
        ((1, 2, 4, 8), (3, 16, 32), 8, 16, 1),
        # One that an odd box spared.
        ((1, 2, 4, 30), (8, 16, 32), 4, 8, 1),
    ],
)
def test_the_cut_that_contradicts_the_fewest(lived, dead, low, high, against):
    found = limit_of_asked(told(lived, dead))
    assert (found.low, found.high, found.tick, found.against) == (
        low * S, None if high is None else high * S, None, against,
    )  # fmt: skip


def test_a_box_that_looks_only_now_and_then_has_a_tick():
    found = limit_of_asked(told((10, 15, 19, 22), (16, 18, 21, 25, 30)))
    assert found.high == 16 * S
    assert found.tick == 6 * S
    assert found.low == 3.68 * S
    assert not found.against


def test_what_ended_of_itself_dates_the_limit():
    found = limit_of_asked(told((1, 4, 7), (), (8.01, 8.012, 8.008, 8.011)))
    assert found.high is not None
    assert 7.9 * S < found.low < 8.01 * S < found.high < 8.1 * S
    assert (found.tick, found.against) == (None, 0)


def test_silences_whose_last_byte_was_read_late_do_not_lower_the_limit():
    """20 s, on a machine that has other work (seen: up to 60 ms)."""
    found = limit_of_asked(told((18, 19), (), (19.944, 19.939, 19.960, 19.964, 19.966)))
    assert found.high is not None
    assert found.low < 20 * S <= found.high < 20.1 * S


def test_a_sweep_each_second_is_a_tick():
    dated = [8.0 + step / 10 for step in range(11)]
    found = limit_of_asked(told((1, 4, 7), (), dated))
    assert found.tick == pytest.approx(S, rel=0.3)
    assert found.high is not None
    assert found.low <= 8 * S <= found.high


def test_one_that_ended_of_itself_is_no_limit_where_others_lived_beyond():
    found = limit_of_asked(told((1, 4, 7, 20, 30), (), (8,)))
    assert (found.low, found.high, found.against) == (30 * S, None, 1)


def ended(*value_and_moment):
    return [AskedValue(round(value * S), lived=False, is_dated=True, at=round(at * S))
            for value, at in value_and_moment]  # fmt: skip


TIMER = ended((8.01, 8.0), (8.0, 8.4), (8.005, 8.9), (8.0, 9.3), (8.01, 9.4))
SWEPT = ended((8.1, 9.0), (8.4, 9.0), (8.9, 9.0), (8.2, 10.0), (8.6, 10.0))
EVENT = ended((8.1, 9.0), (8.4, 9.001), (8.9, 9.0), (8.2, 9.002), (8.6, 9.0))


@pytest.mark.parametrize(
    ("asked", "alone", "with_control"),
    [(TIMER, True, True), (SWEPT, False, True), (EVENT, False, False), (TIMER[:4], False, False),
     (told((7,), (9, 10, 11, 12, 13)), False, False)],
)  # fmt: skip
def test_one_value_at_several_moments_is_no_event(asked, alone, with_control):
    assert is_repeated(asked) is alone
    assert is_repeated(asked, has_control=True) is with_control


def test_one_that_something_else_ended_does_not_make_an_event_repeat():
    assert not is_repeated([*EVENT, *told((5, 7)), *ended((2, 2))], has_control=True)


def sat(*begun_and_asked, lived=True):
    """Silent all the while."""
    return [AskedValue(round((asked - begun) * S), lived=lived, at=round(asked * S))
            for begun, asked in begun_and_asked]  # fmt: skip


FOUND_DEAD = sat((0, 9), (0.3, 9.6), (0.1, 10), lived=False)
"""All the while from 0.3 s to 9 s one moment may have ended them."""
EARLIER = sat((0, 1), (0, 4), (0, 8))
LATER = sat((4, 11), (4.2, 11.5))


@pytest.mark.parametrize(
    ("asked", "is_none"),
    [
        ([*FOUND_DEAD, *EARLIER], False),
        ([*FOUND_DEAD, *EARLIER, *LATER], True),
        ([*FOUND_DEAD, *EARLIER, LATER[0]], False),
        # One of them began after the moment that the others leave open.
        ([*FOUND_DEAD, *EARLIER, LATER[0], *sat((8.5, 12))], False),
        # They were asked before the first that was dead.
        ([*FOUND_DEAD, *EARLIER, *sat((4, 8.8), (4.2, 8.9))], False),
        ([*FOUND_DEAD[:2], *EARLIER, *LATER], False),
        # Half of all flows were forgotten at 6 s: silences tell nothing.
        ([*FOUND_DEAD, *EARLIER, *LATER, *sat((4, 10.9), (4, 10.8), lived=False)], False),
        # A death of another sort: not every answer fits.
        ([*FOUND_DEAD, *sat((0, 2), lived=False), *EARLIER, *LATER], False),
        # Of a time that is not known.
        (told((1, 4, 8), (9, 10, 11)), False),
    ],
)
def test_no_one_moment_where_two_lived_through_each(asked, is_none):
    assert outlasts_one_moment(asked) is is_none
