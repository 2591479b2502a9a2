from stresser.analysis.diagnosis.one_moment import is_said
from stresser.model.ending import Initiator, Kind, Phase
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import SAID, MadeRun, answers, cohort


def half_of_them(share: int) -> MadeRun:
    """Of twenty sessions so many are reset at one moment, the others live."""
    run = MadeRun(cohort("sus"))
    sessions = [run.opens(cohort("sus"), 0.1 * n) for n in range(20)]
    for n, one in enumerate(sessions[:share]):
        run.drops(one, 9 + 0.001 * n, Kind.TCP_RESET, idle=0.1 * n)
    for one in sessions[share:]:
        run.lives(one, 30)
    return run


def test_most_sessions_that_lived_on_refute_a_moment():
    assert half_of_them(12).only().mechanism == "state_lost"
    assert half_of_them(5).only().mechanism == "no_pattern"


def test_silent_sessions_found_dead_later_may_have_died_then():
    run = half_of_them(20)
    for n in range(3):
        quiet = run.opens(cohort("sus", "quiet"), 0.1 * n)
        run.drops(
            quiet, 30, Kind.FOUND_DEAD, alive=0.1 * n, idle=30, fields={"pings": 0, "pongs": 0}
        )
    one = run.only()
    assert (one.mechanism, one.drops, one.sessions_found_dead) == ("state_lost", 23, 3)


def test_an_announced_restart_is_a_goodbye():
    run = MadeRun(cohort("sus"), cohort("ctl"))
    for n in range(20):
        one = run.opens(cohort(("sus", "ctl")[n % 2]), 0.3 * n)
        run.drops(one, 12 + 0.01 * n, Kind.WS_CLOSE, code=1012, why=SAID)
    assert answers(run.only()) == ("endpoint_goodbye", "endpoint", "endpoint", "service_owner")


def test_a_box_that_hangs_up_for_an_endpoint_that_refuses_beside_it_filters_no_name():
    run = MadeRun(*(cohort(way, endpoint=at) for way in ("sus", "con") for at in ("one", "two")))
    for way in ("sus", "con"):
        for n in range(10):
            run.lives(run.opens(cohort(way, endpoint="two"), 0.1 * n), 30)
            one = run.opens(cohort(way, endpoint="one"), 0.1 * n)
            run.drops(one, 12 + 0.001 * n, Kind.TCP_FIN)
    for n in range(10):
        run.fails(cohort("con", endpoint="one"), 13 + n, Kind.REFUSED, Phase.CONNECT)
        run.fails(cohort("sus", endpoint="one"), 13 + n, Kind.TCP_FIN, Phase.TLS)
    found = run.only()
    assert answers(found) == ("endpoint_down", "endpoint", "unknown", "service_owner")
    assert (found.drops, found.failures) == (20, 20)


def test_what_an_interceptor_passes_on_is_the_endpoints_word_only_beside_the_endpoints_own():
    case = of.maximum_age_through_an_interceptor().case()
    facts = [one.fact for one in case.drops]
    assert is_said(facts)
    assert not is_said([fact for fact in facts if fact.initiator is Initiator.UNKNOWN])
