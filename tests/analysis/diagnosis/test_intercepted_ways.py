from stresser.model.ending import Kind
from tests.analysis.diagnosis.made_runs import INTERCEPTED, MadeRun, answers, cohort
from tests.analysis.story import PUBLIC_TLS


def test_interception_is_an_egress_own_where_another_serves_a_clean_chain():
    run = MadeRun(cohort("sus"), cohort("ctl"))
    run.lives(run.opens(cohort("sus"), 0, INTERCEPTED), 9)
    run.lives(run.opens(cohort("ctl"), 0, PUBLIC_TLS), 9)
    one = run.only()
    assert answers(one) == ("interception", "egress", "middlebox", "network_team")
    assert one.says == "Through sus, TLS to server is intercepted (1 of 1 handshake)."
    assert one.ask.says == "Exempt the endpoints from TLS inspection on sus."


def test_without_a_clean_chain_nobody_knows_where():
    run = MadeRun(cohort("sus"))
    run.lives(run.opens(cohort("sus"), 0, INTERCEPTED), 9)
    assert answers(run.only())[:2] == ("interception", "unknown")
    assert Kind.CERTIFICATE not in run.only().kinds
