from collections import Counter

import pytest

from stresser.analysis.diagnosis.crowds import Crowd, part_that_died
from stresser.model.ending import Kind
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import MadeRun, cohort


def test_the_densest_point_of_time():
    case = of.endpoint_resets_one_egress().case()
    crowd = Crowd(case.drops)
    members, at = crowd.densest()
    assert len(members) == 25
    assert at.low <= case.drops[0].drop.moment.low <= at.high
    crowd.leave(members)
    assert crowd.densest()[0] == []


@pytest.mark.parametrize(
    ("died", "is_one"),
    [
        (range(12), True),  # most of them
        (range(0, 20, 3), True),  # old and young ones, at one instant
        (range(6), False),  # the oldest: a look at a timer
        ((3, 9), False),  # too few
    ],
)
def test_a_part_of_the_sessions_dies_at_one_instant(died, is_one):
    run = MadeRun(cohort("sus"))
    sessions = [run.opens(cohort("sus"), 0.1 * n) for n in range(20)]
    for n in died:
        run.drops(sessions[n], 9 + 0.001 * n, Kind.TCP_RESET, idle=0.1 * n)
    for n in set(range(20)) - set(died):
        run.lives(sessions[n], 30)
    case = run.case()
    group = part_that_died(case, *Crowd(case.drops).densest(), Counter(o.pair for o in case.drops))
    assert (group is not None) == is_one
