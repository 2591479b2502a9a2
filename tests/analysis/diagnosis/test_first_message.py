import pytest

from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.model.ending import Kind
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import MadeRun, answers, cohort


def test_silence_is_no_cause_where_smaller_messages_were_as_silent():
    one = of.big_messages_die().only()
    assert (one.mechanism, one.low, one.high, one.unit) == ("size_limit", 0, 4096, "bytes")
    assert one.says.endswith("4 sessions of small with smaller messages, silent as long, lived on.")


def test_an_endpoint_that_never_answers_a_ping_is_told_too():
    one = of.pings_are_not_borne(Kind.UNRESPONSIVE).only()
    assert answers(one)[:3] == ("ping_intolerance", "endpoint", "endpoint")


def test_a_big_message_without_an_answer_counts_though_it_is_noticed_at_the_end():
    run = of.big_messages_die()
    late = run.opens(cohort("sus", "big"), 26)
    run.drops(late, 30, Kind.FOUND_DEAD, alive=26, idle=4, fields={"pings": 1, "pongs": 0})
    one = run.only()
    assert (one.mechanism, one.drops, one.sessions_found_dead) == ("size_limit", 13, 1)


@pytest.mark.parametrize(("others_lost_at", "found"), [(8, True), (6, False)])
def test_lost_big_segments_are_no_size_limit_where_others_were_lost_before(others_lost_at, found):
    """Those whose big segments got lost were still answered then: bytes may have run out."""
    every = {"big": {"every": "500ms", "message": "16KiB"}}
    run = MadeRun(cohort("sus", "big"), cohort("ctl", "big"), activities=every)
    sus = [run.opens(cohort("sus", "big"), 0) for _ in range(8)]
    ctl = [run.opens(cohort("ctl", "big"), 0) for _ in range(8)]
    for place, one in enumerate(sus):
        is_other = place < 3
        lost_at = others_lost_at if is_other else 8
        why = "flow-dropped-alone" if is_other else "big-packets-dropped"
        run.drops(
            one, lost_at + 2.5, Kind.SILENCE, alive=lost_at, idle=2.5,
            evidence={"idle_before_send_ns": 5 * 10**8, "why": [why]},
            fields={"pings": 9, "pongs": 8},
        )  # fmt: skip
    for one in ctl:
        run.lives(one, 30)
    mechanisms = [one.mechanism for one in run.diagnosed().diagnoses]
    assert (Mechanism.SIZE_LIMIT in mechanisms) is found


def test_a_size_is_no_limit_where_a_bigger_message_was_answered_since():
    run = of.big_messages_die()
    run.scenario["activities"].append(
        {"name": "bigger", "kind": "heartbeat", "every": "3s", "message": "16KiB"}
    )
    for n in range(3):
        run.lives(run.opens(cohort("sus", "bigger"), 0.1 * n), 30)
    mechanisms = [one.mechanism for one in run.diagnosed().diagnoses]
    assert Mechanism.SIZE_LIMIT not in mechanisms


@pytest.mark.parametrize(("message", "found"), [("16KiB", False), ("64B", True)])
def test_lost_big_segments_are_no_size_limit_where_another_cohorts_are_answered(message, found):
    """It sends as big ones, only more seldom: bytes may have run out."""
    activities = {
        "big": {"every": "500ms", "message": "16KiB"},
        "other": {"every": "5s", "message": message},
    }
    run = MadeRun(cohort("sus", "big"), cohort("sus", "other"), activities=activities)
    big = [run.opens(cohort("sus", "big"), 0) for _ in range(5)]
    others = [run.opens(cohort("sus", "other"), 0) for _ in range(5)]
    for one in big:
        run.drops(
            one, 10.5, Kind.SILENCE, alive=8, idle=2.5, why=("big-packets-dropped",),
            evidence={"idle_before_send_ns": 5 * 10**8}, fields={"pings": 9, "pongs": 8},
        )  # fmt: skip
    for one in others:
        run.lives(one, 30)
    mechanisms = [one.mechanism for one in run.diagnosed().diagnoses]
    assert (Mechanism.SIZE_LIMIT in mechanisms) is found
