from typing import Any

import pytest

from stresser.model.cohort import Pair
from stresser.model.ending import Kind
from stresser.model.events import ResolvedBy
from tests.analysis.diagnosis.made_runs import INTERCEPTED, MadeRun, cohort
from tests.analysis.story import PUBLIC_TLS, seconds

PAIR = Pair("server", "sus")


def test_sessions_open_at_a_moment_are_counted_with_those_that_end_then():
    run = MadeRun(cohort("sus"))
    first, second = run.opens(cohort("sus"), 1), run.opens(cohort("sus"), 3)
    run.lives(first, 5)
    run.lives(second, 9)
    case = run.case()
    counts = [case.open_at([PAIR], seconds(at)) for at in (0.5, 1, 4, 5, 5.1, 9.1)]
    assert counts == [0, 1, 2, 2, 1, 0]
    assert case.opened_between(PAIR, seconds(1), seconds(3)) == 1


def test_two_egresses_reach_the_same_machine_only_where_nothing_differs():
    def same(**fields: Any) -> bool:
        run = MadeRun(cohort("sus"), cohort("ctl"))
        run.opens(cohort("sus"), 1)
        run.opens(cohort("ctl"), 1, **fields)
        return run.case().same_machine("server", "sus", "ctl")

    assert same()
    assert same(tls=INTERCEPTED)  # a chain that is an interceptor's is no certificate of theirs
    assert not same(remote="198.51.100.2:443")
    assert not same(tls=PUBLIC_TLS)
    assert not same(resolved_by=ResolvedBy.PROXY)


def test_the_labs_log_is_found_by_egress_and_port():
    run = MadeRun(cohort("sus"))
    one = run.opens(cohort("sus"), 1)
    run.lab_kills(cohort("sus"), one, 5, "idle_timeout")
    run.drops(one, 5, Kind.TCP_RESET)
    case = run.case()
    assert case.lab_rule(case.drops[0]) == "idle_timeout"


@pytest.mark.parametrize("port", ["²", "9" * 5000, "", "4000 1"])
def test_a_place_without_a_port_is_in_no_log(port):
    run = MadeRun(cohort("sus"))
    run.drops(run.opens(cohort("sus"), 1), 5, Kind.TCP_RESET, fields={"local": f"192.0.2.1:{port}"})
    case = run.case()
    assert case.lab_rule(case.drops[0]) is None
