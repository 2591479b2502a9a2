from stresser.model.ending import Kind
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import SAID, MadeRun, cohort


def test_what_would_tell_is_said():
    [one] = of.random_kills().diagnosed().diagnoses
    told = "activities with other intervals, a longer run, or the logs of both ends at these times"
    assert one.unproved == [f"What they have in common: {told} tell."]


def test_what_the_endpoint_said_stands_apart():
    run = MadeRun(cohort("sus"))
    for at in (3, 7.1):
        run.drops(run.opens(cohort("sus"), 0), at, Kind.TCP_RESET)
    run.drops(run.opens(cohort("sus"), 0), 11.3, Kind.WS_CLOSE, code=1011, why=SAID)
    found = run.diagnosed().diagnoses
    assert [(one.drops, one.who) for one in found] == [(2, "unknown"), (1, "endpoint")]
