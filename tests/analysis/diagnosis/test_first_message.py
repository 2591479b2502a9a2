from stresser.model.ending import Kind
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import answers, cohort


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
