"""What a timer explains: its bracket and the drop's have a value in common."""

import pytest

from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.scopes import Extent, Variable
from stresser.analysis.patterns.session_lives import Drop, DropRows, Life
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind
from stresser.statistics.brackets import Bracket
from stresser.statistics.columns import Columns
from tests.analysis.story import DIRECT, VPN, seconds


def timer(
    variable: Variable = Variable.IDLE, low: float = 19.9, high: float = 21, tick: float = 1
) -> FoundTimer:
    return FoundTimer(
        scope=Extent("broker", "vpn", None, frozenset({VPN})),
        variables=[variable],
        brackets={variable: Bracket(seconds(low), seconds(high))},
        tick_ns=seconds(tick) if tick else None,
        drops=frozenset(),
        witnesses=0,
        survivors=0,
        refuted={},
        chance=0.0,
    )


def drop(low: float, high: float, cohort: Cohort = VPN) -> Drop:
    is_answer = low < high
    survived = seconds(low) if is_answer else 0
    life = Life(0, 0, seconds(high), seconds(low), survived, seconds(high), 0, 0)
    lives = Columns(Life._fields, Life._make)
    lives.append(life)
    known = Bracket(seconds(low), seconds(high))
    made = DropRows(lives).add(
        0, cohort, 1, Kind.TCP_RESET, Initiator.UNKNOWN, known, is_answer=is_answer
    )
    assert made.silence == known
    return made


@pytest.mark.parametrize(
    ("low", "high", "is_its"),
    [(20, 20, True), (20.9, 20.9, True), (21.6, 21.6, False), (19, 19, False), (0, 45, True)],
)
@pytest.mark.parametrize("variable", [Variable.IDLE, Variable.AGE])
def test_it_explains(low, high, is_its, variable):
    assert timer(variable).explains(drop(low, high)) is is_its


def test_it_explains_no_drop_of_elsewhere_and_without_a_tick_none_that_is_late():
    assert not timer().explains(drop(20, 20, DIRECT))
    assert not timer(high=20, tick=0).explains(drop(20.9, 20.9))
    assert not timer(Variable.BYTES).explains(drop(20, 20))


def test_a_bracket_from_zero_is_an_upper_bound():
    assert timer(low=0).is_upper_bound
    assert not timer().is_upper_bound
