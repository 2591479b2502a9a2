"""The search for an idle limit, against simulated boxes: right, and in time."""

import heapq
import random
from itertools import count, pairwise

import pytest

from stresser.model.asked_value import AskedValue
from stresser.model.units import NS_PER_S
from stresser.session.idle_ladder import (
    IdleSearch,
    beginnings,
    exact_enough_ns,
    first_ladder,
    late_beginnings,
    late_ladder,
    refining_ladder,
)
from stresser.statistics.asked_limits import limit_of_asked

PROOF_S = 2.5
"""How long it takes to learn that a goodbye is not acknowledged."""


@pytest.mark.parametrize("up_to_s", [2, 10, 60, 600, 7200, 86_400])
def test_the_first_ladder_has_a_rung_each_second_and_then_longer_ones(up_to_s):
    rungs = [one / NS_PER_S for one in first_ladder(up_to_s * NS_PER_S)]
    assert rungs == sorted(rungs)
    assert (rungs[0], rungs[-1]) == (1, up_to_s)
    dense_s = 35 if up_to_s > 72 else up_to_s
    assert all(b - a < 0.99 for a, b in pairwise(rungs) if b <= dense_s)
    assert len(rungs) <= 99
    assert all(b / a < 1.2 or b - a < 0.99 for a, b in pairwise(rungs))


@pytest.mark.parametrize("up_to_s", [10, 60, 7200])
def test_no_two_of_the_first_ladder_begin_at_one_moment_and_none_late(up_to_s):
    rungs = first_ladder(up_to_s * NS_PER_S)
    begin = beginnings(rungs)
    assert len(set(begin)) >= len(begin) - 1
    assert begin[-1] == 0, "the longest decides how long all of it takes"
    pairs = zip(rungs, begin, strict=True)
    assert all(0 <= at <= min(0.11 * one, 2 * NS_PER_S + 0.01 * one) for one, at in pairs)
    assert max(begin) - min(begin) > 0.5 * NS_PER_S


@pytest.mark.parametrize("up_to_s", [22, 72, 7200])
def test_of_the_late_ladder_two_or_more_straddle_each_limit_and_none_is_asked_later(up_to_s):
    rungs = late_ladder(up_to_s * NS_PER_S)
    begin = late_beginnings(rungs, up_to_s * NS_PER_S)
    spans = [(at, at + one) for one, at in zip(rungs, begin, strict=True)]
    assert max(until for _, until in spans) <= up_to_s * NS_PER_S
    assert len(rungs) <= 23
    for limit_s in range(8, 29 if up_to_s > 22 else 16):
        # The first that was found dead may be asked as much later.
        limit, first_dead = limit_s * NS_PER_S, (1.1 * limit_s + 0.96) * NS_PER_S
        assert sum(a < limit and first_dead <= b and b - a < limit for a, b in spans) >= 2, limit_s


@pytest.mark.parametrize(("low", "high"), [(8, 9), (300, 372), (6000, 7200), (0, 1)])
def test_the_second_ladder_steps_are_narrow_enough(low, high):
    rungs = refining_ladder(low * NS_PER_S, high * NS_PER_S)
    assert rungs == sorted(rungs)
    inside = [low * NS_PER_S, *(one for one in rungs if one <= high * NS_PER_S)]
    assert inside[-1] == high * NS_PER_S
    widest = max(b - a for a, b in pairwise(inside))
    assert widest <= exact_enough_ns(high * NS_PER_S)
    assert sum(one > high * NS_PER_S for one in rungs) == 2


class Box:
    """Forgets a flow that was quiet for `limit_s`; looks each `tick_s`; says so, or nothing."""

    def __init__(self, limit_s, *, says=False, tick_s=0.0, phase_s=0.0, lost=()):
        self.limit_s, self.says, self.tick_s, self.phase_s = limit_s, says, tick_s, phase_s
        self.lost = set(lost)
        """Sessions, by number, that something else ends after a third of their time."""

    def kills_at(self, begun_s):
        if self.limit_s is None:
            return None
        at = begun_s + self.limit_s - self.phase_s
        return self.phase_s + (at if not self.tick_s else -(-at // self.tick_s) * self.tick_s)


def climb(box, up_to_s, *, control=False, control_lives=True):
    """The search's end, when that was, and how many sessions it took."""
    search = IdleSearch(round(up_to_s * NS_PER_S))
    events: list[tuple[float, int, AskedValue, int]] = []
    begun_at: dict[int, float] = {}
    order, jitter = count(), random.Random(7)  # noqa: S311 - no secret

    def begin(ages, now_s, ladder, after_s):
        for age_ns, after in zip(ages, after_s, strict=True):
            begun = now_s + after
            age_s, number = age_ns / NS_PER_S, next(order)
            dies = box.kills_at(begun)
            if number in box.lost:
                dies = begun + age_s / 3
            if dies is not None and dies <= begun + age_s:
                at = dies + jitter.uniform(0, 0.004) if box.says else begun + age_s + PROOF_S
                silence = at - begun if box.says else age_s
                answer = AskedValue(
                    round(silence * NS_PER_S), lived=False, is_dated=box.says,
                    at=round((begun + silence) * 1e9),
                )  # fmt: skip
            else:
                at = begun + age_s + 0.05
                answer = AskedValue(age_ns, lived=True, at=round(at * 1e9))
            heapq.heappush(events, (at, number, answer, ladder))
            begun_at[number] = begun

    search.has_control, search.control_lives = control, lambda _: control_lives
    begin(search.first, 0.0, 0, [one / NS_PER_S for one in beginnings(search.first)])
    while not search.is_done:
        at, _, answer, ladder = heapq.heappop(events)
        more = search.saw(answer, ladder)
        begin(more, at, search.ladder,
              [max(0.02, search.spacing_ns / NS_PER_S) * i for i in range(len(more))])  # fmt: skip
    # What ends at the same moment is heard; then all that are held are asked.
    end = at + 0.5
    while events and events[0][0] <= end:
        search.saw(heapq.heappop(events)[2], 0)
    alive = [AskedValue(round((end - begun_at[number]) * 1e9), lived=True, at=round(end * 1e9))
             for _, number, _, _ in events if box.says and begun_at[number] < at]  # fmt: skip
    return limit_of_asked([*search.asked, *alive]), at, next(order)


@pytest.mark.parametrize("limit_s", [8, 18.9, 20.3])
def test_a_limit_close_to_the_longest_silence_is_met_by_several_as_well(limit_s):
    found, took_s, sessions = climb(Box(limit_s, says=True), 22)
    assert found.low <= limit_s * NS_PER_S <= found.high
    assert sessions <= len(first_ladder(22 * NS_PER_S)) + 16, "those that confirm begin early"
    assert took_s <= 1.1 * limit_s + 3


LIMITS = [3.3, 8, 11.7, 20, 47, 60, 299.5, 300, 350, 1800, 3600, 6900]


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("limit_s", LIMITS)
def test_a_box_that_forgets_in_silence(limit_s, control):
    found, took_s, sessions = climb(Box(limit_s), 7200, control=control)
    assert found.low < limit_s * NS_PER_S <= found.high
    assert found.high - found.low <= exact_enough_ns(found.high)
    assert took_s <= (2.2 * limit_s if control else 2.25 * limit_s + 3) + 2 * PROOF_S + 2
    assert sessions <= 120


@pytest.mark.parametrize("limit_s", [one for one in LIMITS if one >= 8])
def test_beside_busy_sessions_and_within_half_a_minute_one_ladder_is_enough(limit_s):
    found, took_s, sessions = climb(Box(limit_s), 24, control=True)
    if limit_s < 24:
        assert found.low < limit_s * NS_PER_S <= found.high
        assert sessions == len(first_ladder(24 * NS_PER_S))
    assert took_s <= 1.1 * min(limit_s, 24) + 3 + PROOF_S


@pytest.mark.parametrize(("control", "control_lives"), [(False, True), (True, False)])
def test_without_a_control_that_lived_on_one_ladder_is_not_enough(control, control_lives):
    found, _, sessions = climb(Box(8), 24, control=control, control_lives=control_lives)
    assert found.low < 8 * NS_PER_S <= found.high
    assert sessions > len(first_ladder(24 * NS_PER_S))


def answers_to(search, ages, ladder, limit_ns):
    """Says what a box that forgets in silence makes of them, until more or nothing is asked."""
    deaths = 0
    for age in ages:
        lived = age < limit_ns
        deaths += not lived
        more = search.saw(AskedValue(age, lived=lived, at=age), ladder)
        if more or search.is_done:
            return more, deaths
    return [], deaths


def test_with_a_control_the_third_that_is_dead_makes_it_known():
    search = IdleSearch(24 * NS_PER_S)
    search.has_control, search.control_lives = True, lambda _: True
    assert answers_to(search, search.first, 0, 9_500_000_000) == ([], 3)
    assert search.is_done


def test_without_one_the_second_of_the_second_ladder_does():
    search = IdleSearch(24 * NS_PER_S)
    more, deaths = answers_to(search, search.first, 0, 9_500_000_000)
    assert (bool(more), deaths, search.is_done) == (True, 1, False)
    assert answers_to(search, more, 1, 9_500_000_000) == ([], 2)
    assert search.is_done


def test_control_that_is_none_of_this_search_makes_nothing_known():
    search = IdleSearch(24 * NS_PER_S)
    search.control_lives = lambda _: True  # nobody says that there is any
    answers_to(search, search.first, 0, 9_500_000_000)
    dead = [age for age in search.first if age > 10_500_000_000]
    assert answers_to(search, dead[:4], 0, 9_500_000_000) == ([], 4)
    assert not search.is_done


def test_the_first_that_is_ended_asks_for_no_ladder_others_will_follow():
    search = IdleSearch(24 * NS_PER_S)
    first = AskedValue(8 * NS_PER_S, lived=False, is_dated=True, at=8 * NS_PER_S)
    assert search.saw(first, 0) == []
    assert (search.ladder, search.is_done) == (0, False)


@pytest.mark.parametrize("limit_s", LIMITS)
def test_a_box_that_says_so_is_known_to_the_second_and_confirmed(limit_s):
    found, took_s, sessions = climb(Box(limit_s, says=True), 7200)
    assert found.low <= limit_s * NS_PER_S <= found.high
    assert found.high - found.low <= exact_enough_ns(found.high)
    assert took_s <= 2.15 * limit_s + 3
    assert sessions <= 100


def test_what_one_event_ended_is_confirmed_by_a_second_ladder_alone():
    search = IdleSearch(60 * NS_PER_S)
    begin = beginnings(search.first)
    gone_s = 20 * NS_PER_S
    for silence, at in zip(search.first, begin, strict=True):
        if at + silence < gone_s:
            assert search.saw(AskedValue(silence, lived=True), 0) == []
    ages = [gone_s - at for silence, at in zip(search.first, begin, strict=True)
            if at + silence >= gone_s]  # fmt: skip
    more = [search.saw(AskedValue(age, lived=False, is_dated=True, at=gone_s), 0) for age in ages]
    assert sum(bool(one) for one in more) == 1
    assert not search.is_done


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("tick_s", [1, 4])
def test_a_tick_is_told_and_the_limit_is_in_the_bracket(tick_s, says):
    found, _, _ = climb(Box(15, says=says, tick_s=tick_s), 60)
    # What forgets in silence shows its tick only where two answers contradict one another.
    assert found.low <= (15 if says else 15 + tick_s) * NS_PER_S
    assert found.high + (found.tick or 0) >= 15 * NS_PER_S
    assert found.tick is not None or not says
    assert found.high <= (15 + tick_s + 0.5) * NS_PER_S


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize(
    ("limit_s", "tick_s", "up_to_s"),
    [(20, 35, 120), (20, 35, 7200), (55, 35, 600), (15, 5, 60), (9, 1, 60), (300, 40, 7200)],
)
def test_wherever_a_tick_falls_the_limit_is_in_the_bracket(limit_s, tick_s, up_to_s, control):
    for phase in range(0, 10, 2):
        box = Box(limit_s, says=True, tick_s=tick_s, phase_s=phase * tick_s / 10)
        found, took_s, _ = climb(box, up_to_s, control=control)
        assert found.low <= limit_s * NS_PER_S <= found.high, phase
        assert found.high - found.low <= (tick_s + 1) * NS_PER_S, phase
        assert 0.4 * tick_s <= found.tick / NS_PER_S <= 2.1 * tick_s, (phase, found)
        assert took_s <= 2.3 * (limit_s + 2 * tick_s), phase


@pytest.mark.parametrize("up_to_s", [20, 60, 7200])
def test_where_there_is_no_limit_it_ends_with_the_longest_silence(up_to_s):
    found, took_s, sessions = climb(Box(None), up_to_s)
    assert (found.low, found.high) == (up_to_s * NS_PER_S, None)
    assert took_s == pytest.approx(up_to_s, abs=1)
    assert sessions == len(first_ladder(up_to_s * NS_PER_S)) <= 84


@pytest.mark.parametrize("says", [True, False])
def test_one_session_that_something_else_ended_is_no_limit(says):
    found, took_s, _ = climb(Box(None, says=says, lost=[20]), 120)
    assert found.high is None
    assert took_s <= 125
    found, _, _ = climb(Box(100, says=says, lost=[20]), 400)
    assert found.low <= 100 * NS_PER_S <= found.high
    assert found.high - found.low <= 1.5 * NS_PER_S


def test_sessions_that_give_no_answer_end_it_all_the_same():
    search = IdleSearch(10 * NS_PER_S)
    for _ in search.first:
        assert not search.is_done
        assert search.saw(None, 0) == []
    assert search.is_done
