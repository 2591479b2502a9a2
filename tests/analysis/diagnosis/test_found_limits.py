import pytest

from stresser.analysis.diagnosis.found_limits import condition, limit_in_words
from stresser.analysis.patterns.scopes import Variable
from stresser.model.ending import Kind
from stresser.statistics.brackets import Bracket
from tests.analysis.diagnosis.made_runs import MadeRun, answers, cohort
from tests.analysis.story import seconds


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(24.9, 25.1, "25 s"), (0, 30, "at most 30 s"), (2, 7.02, "2 s to 7.02 s")],
)
def test_a_limit_in_words_says_how_well_it_is_known(low, high, words):
    assert limit_in_words(Bracket(seconds(low), seconds(high))) == words


def test_the_condition_of_a_limit_on_bytes():
    said = condition(Variable.BYTES, Bracket(299_000, 301_000))
    assert said == "that had moved 301,000 bytes"


def seldom_and_often(*, seldom_live: int = 0) -> MadeRun:
    """Of one egress, four that ping each 6 s are dead at their first ping; often ones live."""
    run = MadeRun(cohort("sus", "seldom"), cohort("sus", "often"))
    kept = [run.opens(cohort("sus", "often"), 0.3 * n) for n in range(4)]
    kept += [run.opens(cohort("sus", "seldom"), 0.3 * n) for n in range(seldom_live)]
    for n in range(4):
        one = run.opens(cohort("sus", "seldom"), 0.3 * n)
        run.drops(one, 0.3 * n + 9, Kind.SILENCE, alive=0.3 * n, idle=9,
                  evidence={"idle_before_send_ns": seconds(6)},
                  fields={"pings": 1, "pongs": 0})  # fmt: skip
    for one in kept:
        run.lives(one, 30)
    return run


def test_a_few_sessions_contrast_beside_others_that_live():
    one = seldom_and_often().only()
    assert answers(one) == ("idle_timer", "unknown", "unknown", "nobody")
    assert (one.low, one.high) == (seconds(1), seconds(6.02) + 1)


def test_silences_as_long_that_were_survived_refute_it():
    found = seldom_and_often(seldom_live=4).diagnosed().diagnoses
    assert "idle_timer" not in [one.mechanism for one in found]


def test_a_coarse_tick_is_named_beside_the_timer():
    run = MadeRun(cohort("sus", "quiet"), cohort("sus", "often"))
    kept = [run.opens(cohort("sus", "often"), 0.3 * n) for n in range(6)]
    for n in range(40):
        one = run.opens(cohort("sus", "quiet"), 1.37 * n)
        silent = 20.01 + (0.618 * n) % 1
        none = {"pings": 0, "pongs": 0}
        run.drops(one, 1.37 * n + silent, Kind.TCP_FIN, idle=silent, fields=none)
    for one in kept:
        run.lives(one, 80, pings=79, pongs=79)
    found = run.only()
    assert (found.mechanism, found.drops) == ("idle_timer", 40)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= seconds(20.01) <= seconds(20.9) <= found.high
    assert found.tick_ns is not None
    assert seconds(0.8) < found.tick_ns < seconds(1.1)
