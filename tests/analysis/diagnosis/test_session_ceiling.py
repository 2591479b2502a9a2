from stresser.model.ending import Kind, Phase
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import cohort


def test_a_ceiling_names_how_many():
    one = of.ceiling().only()
    assert (one.mechanism, one.high, one.unit) == ("session_ceiling", 20, "sessions")


def test_attempts_that_failed_while_fewer_were_open_refute_it():
    run = of.ceiling()
    run.fails(cohort("sus"), 0.4, Kind.TIMEOUT, Phase.CONNECT, age_ns=10**6)
    found = run.diagnosed().diagnoses
    assert [one.mechanism for one in found] == ["outage"]
