import pytest

from stresser.analysis.compare.side_timer import SideTimer, side_timer
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.scopes import Extent, Variable
from stresser.analysis.patterns.session_lives import DropRows, Life
from stresser.model.ending import Initiator, Kind
from stresser.statistics.brackets import Bracket
from stresser.statistics.columns import Columns
from tests.analysis.sides_story import VPN, recorded_sides
from tests.analysis.story import idle_kill_story, seconds


def found(variables, low, high, *drops):
    timer = FoundTimer(
        scope=Extent(None, "vpn", None, frozenset()), variables=variables,
        brackets=dict.fromkeys(variables, Bracket(low, high)), tick_ns=None, drops=frozenset(),
        witnesses=38, survivors=0, refuted={}, chance=0.001,
    )  # fmt: skip
    return SideTimer(timer, 38, 41, drops or (drop(),))


def drop(kind=Kind.TCP_RESET, initiator=Initiator.UNKNOWN):
    life = Life(0, 0, 1, 1, 0, 0, 0, 0)
    lives = Columns(Life._fields, Life._make)
    lives.append(life)
    return DropRows(lives).add(0, VPN, 1, kind, initiator, Bracket(1, 1), is_answer=False)


@pytest.mark.parametrize(
    ("variables", "low", "high", "words"),
    [
        ([Variable.IDLE], seconds(298), seconds(302), "followed 300 +/- 2 s of silence"),
        ([Variable.IDLE], seconds(4), seconds(4.001), "followed 4 s of silence"),
        (
            [Variable.IDLE], seconds(15), seconds(30),
            "followed more than 15 s and at most 30 s of silence",
        ),
        ([Variable.AGE], seconds(3600), seconds(3660), "came at an age of 1 h to 1 h 1 m"),
        (
            [Variable.IDLE, Variable.AGE], seconds(60), seconds(60),
            "followed 1 m of silence, which was their age as well,",
        ),
        ([Variable.BYTES], 5000, 5000, "came after 5,000 bytes"),
        ([Variable.BYTES], 5000, 6000, "came after 5,000 to 6,000 bytes"),
    ],
)  # fmt: skip
def test_a_timer_in_words(variables, low, high, words):
    assert found(variables, low, high).words == words


def test_how_they_ended():
    idle = ([Variable.IDLE], 1, 1)
    assert found(*idle).ending_words == " and were ended by a TCP reset"
    box = drop(initiator=Initiator.MIDDLEBOX)
    assert found(*idle, box).ending_words == " and were ended by a TCP reset, by a middlebox"
    assert found(*idle, box, drop()).ending_words == " and were ended by a TCP reset"
    assert found(*idle, drop(), drop(Kind.TCP_FIN)).ending_words == ""


def test_the_timer_of_a_recorded_side(tmp_path):
    direct, vpn = recorded_sides(tmp_path, idle_kill_story(), hours=60 / 3600)
    assert side_timer(direct) is None
    timer = side_timer(vpn)
    assert timer is not None
    assert (timer.of, timer.incidents, len(timer.drops)) == (20, 20, 20)
