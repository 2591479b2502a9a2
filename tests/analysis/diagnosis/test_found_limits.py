from stresser.model.ending import Kind
from tests.analysis.diagnosis.made_runs import MadeRun, cohort
from tests.analysis.story import seconds


def test_a_coarse_tick_is_named_beside_the_timer():
    run = MadeRun(cohort("sus", "quiet"), cohort("sus", "often"))
    kept = [run.opens(cohort("sus", "often"), 0.3 * n) for n in range(6)]
    for n in range(40):
        one = run.opens(cohort("sus", "quiet"), 1.37 * n)
        silent = 20.01 + (0.618 * n) % 1
        none = {"pings": 0, "pongs": 0}
        run.drops(one, 1.37 * n + silent, Kind.TCP_FIN, idle=silent, fields=none)
    for one in kept:
        run.lives(one, 80, pings=79, pongs=79)
    found = run.only()
    assert (found.mechanism, found.drops) == ("idle_timer", 40)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= seconds(20.01) <= seconds(20.9) <= found.high
    assert found.tick_ns is not None
    assert seconds(0.8) < found.tick_ns < seconds(1.1)
