"""The search for an idle limit, against simulated boxes: right, and in time."""

import heapq
import random
from itertools import count, pairwise

import pytest

from stresser.model.asked_value import AskedValue
from stresser.model.units import NS_PER_S
from stresser.session.idle_ladder import (
    IdleSearch,
    exact_enough_ns,
    first_ladder,
    refining_ladder,
)

PROOF_S = 2.5
"""How long it takes to learn that a goodbye is not acknowledged."""


@pytest.mark.parametrize("up_to_s", [2, 10, 60, 600, 7200, 86_400])
def test_the_first_ladder_has_some_forty_rungs_up_to_the_limit(up_to_s):
    rungs = [one / NS_PER_S for one in first_ladder(up_to_s * NS_PER_S)]
    assert rungs == sorted(rungs)
    assert rungs[0] == 1
    assert rungs[-1] == up_to_s
    assert len(rungs) == up_to_s if up_to_s <= 10 else 35 <= len(rungs) <= 41
    assert all(b / a < 1.35 or b - a <= 1.01 for a, b in pairwise(rungs))


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

    def __init__(self, limit_s, *, says=False, tick_s=0.0, lost=()):
        self.limit_s, self.says, self.tick_s = limit_s, says, tick_s
        self.lost = set(lost)
        """Sessions, by number, that something else ends after a third of their time."""

    def kills_at(self, begun_s):
        if self.limit_s is None:
            return None
        at = begun_s + self.limit_s
        return at if not self.tick_s else -(-at // self.tick_s) * self.tick_s


def climb(box, up_to_s):
    """The search's end, when that was, and how many sessions it took."""
    search = IdleSearch(round(up_to_s * NS_PER_S))
    events: list[tuple[float, int, AskedValue, int]] = []
    order, jitter = count(), random.Random(7)  # noqa: S311 - no secret

    def begin(ages, now_s, ladder):
        for i, age_ns in enumerate(ages):
            begun = now_s + max(0.02, search.spacing_ns / NS_PER_S) * i
            age_s, number = age_ns / NS_PER_S, next(order)
            dies = box.kills_at(begun)
            if number in box.lost:
                dies = begun + age_s / 3
            if dies is not None and dies <= begun + age_s:
                at = dies + jitter.uniform(0, 0.004) if box.says else begun + age_s + PROOF_S
                silence = at - begun if box.says else age_s
                answer = AskedValue(
                    round(silence * NS_PER_S), lived=False, is_dated=box.says, at=round(at * 1e9)
                )
            else:
                at = begun + age_s + 0.05
                answer = AskedValue(age_ns, lived=True)
            heapq.heappush(events, (at, number, answer, ladder))

    begin(search.first, 0.0, 0)
    while not search.is_done:
        at, _, answer, ladder = heapq.heappop(events)
        more = search.saw(answer, ladder)
        begin(more, at, search.ladder)
    return search.limit, at, next(order)


LIMITS = [3.3, 8, 11.7, 20, 47, 60, 299.5, 300, 350, 1800, 3600, 6900]


@pytest.mark.parametrize("limit_s", LIMITS)
def test_a_box_that_forgets_in_silence(limit_s):
    found, took_s, sessions = climb(Box(limit_s), 7200)
    assert found.low < limit_s * NS_PER_S <= found.high
    assert found.high - found.low <= exact_enough_ns(found.high)
    assert took_s <= 2.3 * limit_s + 3 * PROOF_S
    assert sessions <= 85


@pytest.mark.parametrize("limit_s", LIMITS)
def test_a_box_that_says_so_is_known_to_the_second_and_confirmed(limit_s):
    found, took_s, sessions = climb(Box(limit_s, says=True), 7200)
    assert found.low <= limit_s * NS_PER_S <= found.high
    assert found.high - found.low <= exact_enough_ns(found.high)
    assert took_s <= 2.15 * limit_s + 3
    assert sessions <= 47


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("tick_s", [1, 4])
def test_a_tick_is_told_and_the_limit_is_in_the_bracket(tick_s, says):
    found, _, _ = climb(Box(15, says=says, tick_s=tick_s), 60)
    assert found.low <= 15 * NS_PER_S
    assert found.high + (found.tick or 0) >= 15 * NS_PER_S
    assert found.high <= (15 + tick_s + 0.5) * NS_PER_S


@pytest.mark.parametrize("up_to_s", [20, 60, 7200])
def test_where_there_is_no_limit_it_ends_with_the_longest_silence(up_to_s):
    found, took_s, sessions = climb(Box(None), up_to_s)
    assert (found.low, found.high) == (up_to_s * NS_PER_S, None)
    assert took_s == pytest.approx(up_to_s, abs=1)
    assert sessions <= 41


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
