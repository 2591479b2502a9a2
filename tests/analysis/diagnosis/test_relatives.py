"""The right answer of each relative of a real situation, and limits that hold the truth."""

import pytest

from tests.analysis.diagnosis import relatives as of
from tests.analysis.diagnosis.made_runs import answers
from tests.analysis.diagnosis.simulated import World, age, idle
from tests.analysis.story import seconds


@pytest.mark.parametrize(
    ("world", "right"),
    [
        pytest.param(*row[1:], id=row[0], marks=[pytest.mark.slow] * row[0].endswith(", 200"))
        for row in of.ROWS
    ],
)
def test_the_right_answer_of_each_relative(world: World, right):
    found = world.play().diagnosed()
    said = [one for one in found.diagnoses if one.drops or one.failures]
    assert sorted(map(answers, said)) == sorted(right)
    for one in found.diagnoses:
        assert one.drops == sum(row.diagnosis == one.number for row in found.drops)
        assert one.failures == sum(row.diagnosis == one.number for row in found.failures)


@pytest.mark.parametrize(
    ("limit", "tick"), [(20.0, 0.0), (20.0, 1.0), (20.0, 5.0), (60.0, 5.0), (60.0, 30.0)]
)
@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_a_limit_lies_in_its_bracket_however_coarse_the_ticks(limit, tick, seed):
    """Whoever comes back from a tick is in step with the ticks: phases are no witnesses."""
    every = {"hb": 5.0, "quiet": None}
    for cause in (idle(limit, of.S, tick=tick), age(limit, of.S, tick=tick)):
        cohorts = of.ways(*of.BOTH, acts=every)
        world = World(cohorts, [cause], every=every, until=12 * limit, ramp=limit, seed=seed)
        for one in world.play().diagnosed().diagnoses:
            assert one.low is not None
            assert one.high is not None
            assert one.low <= seconds(limit) <= one.high
