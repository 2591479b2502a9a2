"""Where endings concentrate, and where chance explains them."""

import pytest

from stresser.statistics.brackets import Bracket
from stresser.statistics.concentration import (
    FEWEST,
    GRAIN,
    Concentration,
    concentration,
    timer_limit,
    tolerance,
)
from stresser.statistics.exposure import Exposure, Survivors
from stresser.statistics.numerics import np
from tests.analysis.story import dice, seconds


def point(at: float) -> Bracket:
    return Bracket(seconds(at), seconds(at))


def found(brackets: list[Bracket], *lived: float, proved: bool = True) -> Concentration | None:
    """Sessions that ended as told, and others that lived so long."""
    episodes = [(bracket.high, 1.0) for bracket in brackets]
    episodes += [(seconds(at), 1.0) for at in lived]
    survivors = Survivors(np.array([length for length, _ in episodes if proved], np.int64))
    return concentration(brackets, range(len(brackets)), Exposure.weighed(episodes), survivors, 1)


def test_a_timer_among_noise():
    rolled = dice(1)
    noise = [point(rolled.uniform(1, 59)) for _ in range(5)]
    here = found([*noise, *(point(60 + rolled.uniform(0, 0.05)) for _ in range(20))])
    assert here is not None
    assert len(here.members) == 20
    assert here.chance < 1e-9


def test_survivors_refute_it():
    brackets = [point(60 + n / 1000) for n in range(20)]
    assert found(brackets, 3600) is not None
    assert found(brackets, *[3600] * 4) is None
    unproved = found(brackets, *[3600] * 4, proved=False)
    assert unproved is not None


def test_a_heartbeat_makes_no_timer_of_random_drops():
    # Every drop is found dead at a multiple of 15 s.
    rolled = dice(2)
    ages = [rolled.expovariate(1 / 60) for _ in range(200)]
    cells = [int(age // 15) for age in ages]
    brackets = [Bracket(seconds(15 * cell + 0.03), seconds(15 * cell + 15)) for cell in cells]
    assert found(brackets) is None


def test_a_heartbeat_does_not_hide_a_timer():
    brackets = [Bracket(seconds(225.03), seconds(240))] * 20
    here = found(brackets)
    assert here is not None
    low, high = timer_limit(brackets, 20).bracket
    assert low <= seconds(240) <= high


def test_too_few_show_nothing():
    assert found([point(60)] * (FEWEST - 1)) is None
    assert found([]) is None


def test_only_witnesses_count():
    brackets = [point(60)] * 20
    lengths = [bracket.high for bracket in brackets]
    survivors = Survivors(np.array(lengths))
    assert concentration(brackets, [0, 1], Exposure.of(lengths), survivors, 1) is None


@pytest.mark.slow
def test_a_falling_hazard_is_no_timer():
    # Many die young, but at no one age.
    false = 0
    for seed in range(50):
        rolled = dice(seed)
        false += found([point(rolled.weibullvariate(100, 0.5)) for _ in range(200)]) is not None
    assert false <= 1


@pytest.mark.parametrize(
    ("brackets", "low", "high"),
    [
        ([point(60 + n / 200) for n in range(20)], 60, 60.1),
        ([Bracket(seconds(225), seconds(240))] * 9 + [Bracket(0, seconds(230))], 225, 240),
        (
            [Bracket(seconds(225), seconds(240))] * 9 + [Bracket(seconds(200), seconds(250))] * 9,
            225,
            240,
        ),
    ],
)
def test_where_the_timer_lies(brackets, low, high):
    bracket, tick = timer_limit(brackets, len(brackets))
    assert tick is None
    assert bracket.low == pytest.approx(seconds(low), rel=0.005)
    assert bracket.high == pytest.approx(seconds(high), rel=0.005)
    assert bracket.low <= seconds(low)
    assert bracket.high >= seconds(high - 0.01)


def test_tolerance_is_a_share_but_never_below_the_grain():
    assert tolerance(seconds(100)) == seconds(2)
    assert tolerance(0) == GRAIN
