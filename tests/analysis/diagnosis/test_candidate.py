from stresser.analysis.diagnosis.candidate import Candidate, Claims, merged
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.model.ending import Kind
from stresser.statistics.brackets import Bracket
from tests.analysis.diagnosis.made_runs import MadeRun, cohort


def four_drops() -> MadeRun:
    """Of two endpoints through one egress, and of one endpoint through another."""
    run = MadeRun(cohort("sus"), cohort("sus", endpoint="other"), cohort("ctl", endpoint="third"))
    for of in (cohort("sus"), cohort("sus"), cohort("sus", endpoint="other"),
               cohort("ctl", endpoint="third")):  # fmt: skip
        run.drops(run.opens(of, 0), 4, Kind.TCP_FIN)
    return run


def idle(*drops: int, low: int = 100, high: int = 110) -> Candidate:
    limit = Bracket(low * 10**7, high * 10**7)
    return Candidate(mechanism=Mechanism.IDLE_TIMER, drops=frozenset(drops), limit=limit, unit="ns")


def test_candidates_of_one_limit_that_share_an_egress_are_one():
    case = four_drops().case()
    [one] = merged([idle(0, 1), idle(2, low=105, high=120)], case)
    assert one.drops == {0, 1, 2}
    assert one.limit == Bracket(105 * 10**7, 110 * 10**7)


def test_other_limits_and_other_places_stay_apart():
    case = four_drops().case()
    assert len(merged([idle(0), idle(2, low=300, high=310)], case)) == 2
    assert len(merged([idle(0), idle(3)], case)) == 2


def test_each_claim_takes_only_what_is_left():
    claims = Claims(four_drops().case())
    claims.take([idle(0, 1), idle(1, 2), idle(1)])
    assert [one.drops for one in claims.taken] == [{0, 1}, {2}]
    assert claims.drops == {3}
