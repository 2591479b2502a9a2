from stresser.model.ending import Kind
from tests.analysis.diagnosis import mixed_situations as mixed
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import SAID, MadeRun, answers, cohort
from tests.analysis.story import dice


def test_what_would_tell_is_said():
    [one] = of.random_kills().diagnosed().diagnoses
    told = "activities with other intervals, a longer run, or the logs of both ends at these times"
    assert one.unproved == [f"What they have in common: {told} show it."]


def test_what_the_endpoint_said_stands_apart():
    run = MadeRun(cohort("sus"))
    for at in (3, 7.1):
        run.drops(run.opens(cohort("sus"), 0), at, Kind.TCP_RESET)
    run.drops(run.opens(cohort("sus"), 0), 11.3, Kind.WS_CLOSE, code=1011, why=SAID)
    found = run.diagnosed().diagnoses
    assert [(one.drops, one.who) for one in found] == [(1, "endpoint"), (2, "unknown")]


def test_a_drain_takes_its_time():
    run, chance = MadeRun(cohort("sus"), cohort("ctl")), dice(3)
    for n in range(40):
        session = run.opens(cohort(("sus", "ctl")[n % 2]), 0.1 * n)
        at = 20 + chance.uniform(0, 30)
        run.drops(session, at, Kind.WS_CLOSE, idle=chance.uniform(0, 2), code=1012, why=SAID)
    one = run.only()
    assert answers(one) == ("endpoint_goodbye", "endpoint", "endpoint", "service_owner")
    what = "40 sessions were closed by WebSocket close 1012, by the endpoint's own word"
    assert one.says == f"Through all egresses, {what}."


def test_a_path_that_loses_packets_is_named_and_its_network_asked():
    one = mixed.lossy_path().only()
    assert (one.mechanism, one.ask.whom) == ("no_pattern", "network_team")
    assert ", on a path that loses packets; " in one.says
