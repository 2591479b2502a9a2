from stresser.analysis.diagnosis.run_evidence import RunEvidence
from stresser.model.ending import Initiator, Kind
from stresser.model.fresh_connection import FreshResult
from tests.analysis.diagnosis.made_runs import MadeRun, cohort, look


def seen_by(run: MadeRun) -> RunEvidence:
    return run.case().evidence


def test_what_fresh_connections_to_its_own_endpoint_through_its_own_egress_met():
    run = MadeRun(cohort("sus"))
    one = run.opens(cohort("sus"), 0)
    looks = [
        look("sus", "connected"),
        look("ctl", "silent"),
        look("sus", "refused", endpoint="other"),
        look("ctl", "connected", endpoint="other"),
    ]
    run.drops(one, 4, Kind.TCP_RESET, evidence={"fresh_connections": looks})
    [drop] = seen_by(run).drops.values()
    assert drop.fact.met == {FreshResult.CONNECTED}


def test_what_this_hosts_absence_ended_is_no_drop():
    run = MadeRun(cohort("sus"))
    one, two = (run.opens(cohort("sus"), 0) for _ in range(2))
    run.drops(one, 4, Kind.HOST_SLEPT, initiator=Initiator.HOST)
    run.drops(two, 4, Kind.TCP_RESET, initiator=Initiator.TOOL)
    evidence = seen_by(run)
    assert not evidence.drops
    assert evidence.absences == {
        (cohort("sus"), Initiator.HOST): 1,
        (cohort("sus"), Initiator.TOOL): 1,
    }


def test_sessions_that_answered_at_the_end_are_told_from_those_that_did_not():
    run = MadeRun(cohort("sus"))
    for answered in (True, True, False):
        run.lives(run.opens(cohort("sus"), 0), 9, answered=answered)
    evidence = seen_by(run)
    assert evidence.unproved == {cohort("sus"): 1}


def test_cohorts_that_all_answered_are_no_doubt_of_zero_sessions():
    run = MadeRun(cohort("sus"))
    run.lives(run.opens(cohort("sus"), 0), 9)
    assert list(seen_by(run).unproved) == []
