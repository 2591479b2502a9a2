import pytest

from stresser.analysis.diagnosis.limit_candidates import bracket_words, condition
from stresser.analysis.patterns.scopes import Variable
from stresser.statistics.brackets import Bracket
from tests.analysis.story import seconds


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(24.9, 25.1, "25 s"), (0, 30, "at most 30 s"), (2, 7.02, "2 s to 7.02 s")],
)
def test_a_bracket_words_says_how_well_it_is_known(low, high, words):
    assert bracket_words(Bracket(seconds(low), seconds(high))) == words


def test_the_condition_of_a_limit_on_bytes():
    said = condition(Variable.BYTES, Bracket(299_000, 301_000))
    assert said == "that had moved 301,000 bytes"


def test_a_limit_known_from_above_alone_was_met_by_what_lasted_as_long():
    assert condition(Variable.IDLE, Bracket(0, seconds(21))) == "that was silent for 21 s"
    assert condition(Variable.AGE, Bracket(seconds(2), seconds(7))) == "that was 2 s to 7 s old"
