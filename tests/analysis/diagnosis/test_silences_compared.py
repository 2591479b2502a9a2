from stresser.model.ending import Kind
from tests.analysis.diagnosis.made_runs import MadeRun, answers, cohort
from tests.analysis.story import seconds


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
    assert answers(one) == ("idle_timer", "unknown", "unknown", "network_team")
    assert (one.low, one.high) == (seconds(1), seconds(6.02) + 1)


def test_silences_as_long_that_were_survived_refute_it():
    found = seldom_and_often(seldom_live=4).diagnosed().diagnoses
    assert "idle_timer" not in [one.mechanism for one in found]


def test_one_moment_and_young_sessions_found_dead_show_no_timer():
    """All were cut at once; those that came after were dead when the run ended, a second later."""
    run = MadeRun(cohort("sus", "often"), cohort("con", "often"))
    for n in range(20):
        run.lives(run.opens(cohort("con", "often"), 0.14 + 0.004 * n), 2.1, silent=0.9)
        one = run.opens(cohort("sus", "often"), 0.14 + 0.004 * n)
        run.drops(one, 1.09, Kind.TCP_FIN, idle=0.95 - 0.004 * n, fields={"pings": 0, "pongs": 0})
    for n in range(20):
        one, opened = run.opens(cohort("sus", "often"), 1.26 + 0.015 * n), 1.26 + 0.015 * n
        run.drops(one, 2.1, Kind.FOUND_DEAD, alive=opened, idle=2.1 - opened,
                  fields={"pings": 0, "pongs": 0})  # fmt: skip
    found = run.diagnosed().diagnoses
    assert found[0].mechanism == "state_lost"
    assert "idle_timer" not in [one.mechanism for one in found]


def quiet_and_busy(*, busy_die: bool, late: float = 0) -> MadeRun:
    """Of one egress, quiet sessions are asked at different times from 10 s on, and are dead.

    `late`: one of them opens so much later than the others.
    """
    run = MadeRun(cohort("sus", "quiet"), cohort("sus", "often"))
    for n in range(10):
        at = late if late and n == 9 else 0.1 * n
        one = run.opens(cohort("sus", "quiet"), at)
        if n < 4:
            run.lives(one, 3 + n)
        else:
            run.drops(one, at + 6 + n, Kind.FOUND_DEAD, alive=at, idle=6 + n,
                      fields={"pings": 0, "pongs": 0})  # fmt: skip
    for n in range(3):
        one = run.opens(cohort("sus", "often"), 0.1 * n)
        if busy_die:
            run.drops(one, 14 + 0.01 * n, Kind.SILENCE, alive=6.1, idle=8, fields={"pongs": 6},
                      evidence={"idle_before_send_ns": seconds(0.95)})  # fmt: skip
        else:
            run.lives(one, 17)
    return run


def test_quiet_sessions_found_dead_where_busy_ones_died_meanwhile_show_no_timer():
    found = quiet_and_busy(busy_die=True).diagnosed().diagnoses
    assert "idle_timer" not in [one.mechanism for one in found]
    assert quiet_and_busy(busy_die=False).only().mechanism == "idle_timer"


def test_one_that_opened_after_the_busy_ones_had_died_and_died_as_well_met_a_timer():
    found = quiet_and_busy(busy_die=True, late=15).diagnosed().diagnoses
    assert "idle_timer" in [one.mechanism for one in found]
