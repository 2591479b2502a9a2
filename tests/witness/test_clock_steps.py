"""A wall clock that is set is noticed; one that is slewed, and a reading that was torn, are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.witness.clock_steps import STEP_NS, ClockSteps

HOUR_NS = 3600 * NS_PER_S


class Clocks:
    """A wall clock and a steady one; `torn` looks find us interrupted between the readings."""

    def __init__(self):
        self.now = 1000 * NS_PER_S
        self.offset = 1_795_000_000 * NS_PER_S
        self.torn = 0

    def wall(self):
        if self.torn:
            self.torn -= 1
            self.now += 300 * NS_PER_MS
        return self.now + self.offset

    def steady(self):
        self.now += 50
        return self.now


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def steps(clocks):
    return ClockSteps(clocks.wall, clocks.steady)


@pytest.mark.parametrize("step", [HOUR_NS, -HOUR_NS, NS_PER_S, STEP_NS + 1000, -STEP_NS - 1000])
def test_a_step_is_told_once(clocks, steps, step):
    assert steps.look() == 0
    clocks.offset += step
    clocks.now += NS_PER_S
    assert steps.look() == pytest.approx(step, abs=200)
    clocks.now += NS_PER_S
    assert steps.look() == 0


def test_a_slew_is_followed_and_a_step_after_it_has_its_own_size(clocks, steps):
    for _ in range(3600):
        clocks.now += NS_PER_S
        clocks.offset += 500_000  # 500 ppm, the most that adjtimex slews by frequency
        assert steps.look() == 0
    clocks.offset += NS_PER_S
    assert steps.look() == pytest.approx(NS_PER_S, abs=NS_PER_MS)


@given(st.integers(1, 9))
def test_being_interrupted_between_the_readings_is_no_step(times):
    clocks = Clocks()
    steps = ClockSteps(clocks.wall, clocks.steady)
    clocks.torn = times
    assert steps.look() == 0


def test_interrupted_each_time_it_does_not_judge(clocks, steps):
    clocks.torn, clocks.offset = 10, clocks.offset + HOUR_NS
    assert steps.look() == 0
    assert steps.look() == pytest.approx(HOUR_NS, abs=200)  # and has forgotten nothing


def test_interrupted_at_the_very_start(clocks):
    clocks.torn = 10
    steps = ClockSteps(clocks.wall, clocks.steady)
    assert steps.look() == 0
    clocks.offset -= HOUR_NS
    assert steps.look() == pytest.approx(-HOUR_NS, abs=200)


def test_the_clocks_of_this_host_stand_still_to_each_other():
    steps = ClockSteps()
    assert [steps.look() for _ in range(100)] == [0] * 100
