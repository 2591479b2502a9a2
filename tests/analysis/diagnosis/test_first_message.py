from stresser.model.ending import Kind
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import answers


def test_silence_is_no_cause_where_smaller_messages_were_as_silent():
    one = of.big_messages_die().only()
    assert (one.mechanism, one.low, one.high, one.unit) == ("size_limit", 0, 4096, "bytes")
    assert one.says.endswith("4 sessions of small with smaller messages, silent as long, lived on.")


def test_an_endpoint_that_never_answers_a_ping_is_told_too():
    one = of.pings_are_not_borne(Kind.UNRESPONSIVE).only()
    assert answers(one)[:3] == ("ping_intolerance", "endpoint", "endpoint")
