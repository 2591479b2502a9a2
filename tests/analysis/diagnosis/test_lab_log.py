from stresser.model.ending import Grade, Kind
from tests.analysis.diagnosis.made_runs import MadeRun, answers, cohort


def killed_by_the_lab(rule: str) -> MadeRun:
    """Twelve sessions that the lab's middlebox resets after 4 s of silence, and one it does not."""
    run = MadeRun(cohort("middlebox", "seldom"), cohort("direct", "seldom"))
    kept = [run.opens(cohort("direct", "seldom"), 0.1 * n) for n in range(4)]
    for n in range(12):
        of = cohort("middlebox", "seldom")
        one = run.opens(of, 0.3 * n)
        run.lab_kills(of, one, 0.3 * n + 4, rule)
        run.drops(one, 0.3 * n + 4, Kind.TCP_RESET, idle=4, fields={"pings": 0, "pongs": 0})
    for one in kept:
        run.lives(one, 20)
    return run


def test_the_labs_own_log_names_the_middlebox_and_its_rule():
    one = killed_by_the_lab("idle_timeout").only()
    assert answers(one) == ("idle_timer", "egress", "middlebox", "network_team")
    assert one.grade is Grade.REFLECTOR
    assert one.by_log
    assert (one.drops, one.low is not None and 3.9e9 < one.low <= 4e9) == (12, True)
    assert killed_by_the_lab("age_limit").only().mechanism == "age_limit"
