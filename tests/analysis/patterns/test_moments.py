"""Drops that share a moment, and those that do not."""

import time
from random import Random

import pytest

from stresser.analysis.patterns.moments import FALSE_JOIN, LONGEST_GAP_NS, DropRate, moments
from stresser.statistics.brackets import Bracket
from tests.analysis.story import dice, seconds

NIGHT = seconds(8 * 3600)


def point(at: float) -> Bracket:
    return Bracket(seconds(at), seconds(at))


def found_dead(at: float, every: float, rolled: Random) -> Bracket:
    """The last pong before, and the answer to the next ping."""
    since = rolled.uniform(0, every)
    return Bracket(seconds(at - since), seconds(at - since + every + 0.02))


def sizes(brackets: list[Bracket], length_ns: int = NIGHT) -> list[int]:
    return sorted(len(moment.members) for moment in moments(brackets, length_ns))


def poisson(rate: float, length: float, rolled: Random) -> list[float]:
    times, at = [], rolled.expovariate(rate)
    while at < length:
        times.append(at)
        at += rolled.expovariate(rate)
    return times


def test_every_drop_is_in_exactly_one_moment():
    rolled = dice(1)
    brackets = [point(at) for at in poisson(0.02, 28800, rolled)]
    brackets += [found_dead(at, 15, rolled) for at in poisson(0.02, 28800, rolled)]
    members = [i for moment in moments(brackets, NIGHT) for i in moment.members]
    assert sorted(members) == list(range(len(brackets)))


def test_a_burst_and_two_alone():
    brackets = [point(100), point(20_000)] + [point(9000 + n / 1000) for n in range(40)]
    assert sizes(brackets) == [1, 1, 40]
    (burst,) = (moment for moment in moments(brackets, NIGHT) if len(moment.members) > 1)
    assert burst.span == Bracket(seconds(9000), seconds(9000.039))
    assert burst.expected < 1e-30


def test_a_burst_that_is_all_there_is():
    rolled = dice(2)
    brackets = [point(30 + rolled.uniform(0, 0.2)) for _ in range(500)]
    assert sizes(brackets, seconds(60)) == [500]


def test_sessions_found_dead_at_their_next_ping_share_the_moment_between():
    rolled = dice(3)
    brackets = [found_dead(9000, 15, rolled) for _ in range(40)]
    brackets += [point(at) for at in (1000, 5000, 20_000)]
    (shared,) = (moment for moment in moments(brackets, NIGHT) if len(moment.members) > 1)
    assert len(shared.members) == 40
    assert shared.span.low <= seconds(9000) <= shared.span.high


def test_dated_and_bracketed_drops_of_one_moment_are_one():
    rolled = dice(4)
    brackets = [found_dead(9000, 15, rolled) for _ in range(20)] + [point(9000)] * 20
    assert sizes(brackets) == [40]


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1 / 300, 1 / 10, 3])
@pytest.mark.parametrize("is_wide", [False, True])
def test_few_drops_at_random_are_joined(rate, is_wide):
    joined = total = 0
    for seed in range(5):
        rolled = dice(seed)
        length = min(28800, 2000 / rate)
        times = poisson(rate, length, rolled)
        brackets = [found_dead(at, 15, rolled) if is_wide else point(at) for at in times]
        total += len(brackets)
        joined += sum(size for size in sizes(brackets, seconds(length)) if size > 1)
    # A false pair joins two.
    assert joined <= 3 * FALSE_JOIN * total + 2


def test_heartbeats_that_beat_together_make_no_moments():
    # All opened at once: whatever dies at random is found dead at one of few times.
    joined = 0
    for seed in range(10):
        rolled = dice(seed)
        times = poisson(0.3, 1200, rolled)
        ticks = [int(at // 15) * 15 for at in times]
        brackets = [Bracket(seconds(tick + 0.03), seconds(tick + 15)) for tick in ticks]
        joined += sum(size > 1 for size in sizes(brackets, seconds(1200)))
    assert joined <= 2


@pytest.mark.slow
def test_ten_thousand_drops_take_seconds():
    rolled = dice(5)
    bursts = [rolled.uniform(0, 28000) for _ in range(40)]
    brackets = [found_dead(at, 15, rolled) for at in bursts for _ in range(250)]
    brackets += [point(at) for at in poisson(0.01, 28800, rolled)]
    began = time.process_time()
    found = moments(brackets, NIGHT)
    assert time.process_time() - began < 10
    assert sum(len(moment.members) >= 100 for moment in found) >= 35


def test_what_is_dated_too_loosely_shares_nothing():
    loose = [Bracket(0, seconds(3600))] * 5
    assert sizes(loose) == [1] * 5


def test_far_apart_is_another_moment_however_rare_drops_are():
    apart = seconds(1000) + LONGEST_GAP_NS + 1
    assert sizes([point(1000), Bracket(apart, apart)]) == [1, 1]


def test_a_burst_does_not_hide_in_a_rate_of_its_own():
    times = [seconds(1000 + n / 1000) for n in range(1000)]
    assert DropRate(times, NIGHT).at(seconds(1000)) < 1 / seconds(100)
    steady = [seconds(10 * n) for n in range(2880)]
    assert DropRate(steady, NIGHT).at(seconds(1000)) == pytest.approx(1 / seconds(10), rel=0.2)


def test_nothing_shares_nothing():
    assert moments([], NIGHT) == []
    assert len(moments([Bracket(5, 5)], 0)) == 1
