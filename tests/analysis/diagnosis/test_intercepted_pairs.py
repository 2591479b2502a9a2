from msgspec.structs import replace

from stresser.model.ending import Kind
from tests.analysis.diagnosis.made_runs import INTERCEPTED, MadeRun, answers, cohort
from tests.analysis.story import PUBLIC_TLS, UNKNOWN_TLS, chain_seen


def test_interception_is_an_egress_own_where_another_serves_a_clean_chain():
    run = MadeRun(cohort("sus"), cohort("ctl"))
    run.lives(run.opens(cohort("sus"), 0, INTERCEPTED), 9)
    run.lives(run.opens(cohort("ctl"), 0, PUBLIC_TLS), 9)
    one = run.only()
    assert answers(one) == ("interception", "egress", "middlebox", "network_team")
    assert one.says == "Through sus, TLS to server is intercepted (1 of 1 handshake)."
    assert one.ask.says == "Exempt server from TLS inspection on sus."


def test_a_chain_whose_own_verdict_accuses_is_counted_once():
    run, tls = MadeRun(cohort("sus"), cohort("ctl")), UNKNOWN_TLS
    accused = replace(tls, intercepted=True)
    run.story.events += [chain_seen(cohort("sus"), accused), chain_seen(cohort("ctl"), PUBLIC_TLS)]
    run.lives(run.opens(cohort("sus"), 0, accused), 9)
    run.lives(run.opens(cohort("ctl"), 0, PUBLIC_TLS), 9)
    assert run.only().says == "Through sus, TLS to server is intercepted (1 of 1 handshake)."


def test_without_a_clean_chain_nobody_knows_where():
    run = MadeRun(cohort("sus"))
    run.lives(run.opens(cohort("sus"), 0, INTERCEPTED), 9)
    assert answers(run.only())[:2] == ("interception", "unknown")
    assert Kind.CERTIFICATE not in run.only().kinds


def held_under_an_unknown_root(other: str = "198.51.100.1:443") -> MadeRun:
    run = MadeRun(cohort("sus"), cohort("ctl"))
    run.story.events += [chain_seen(cohort("sus"), UNKNOWN_TLS)]
    run.story.events += [chain_seen(cohort("ctl"), PUBLIC_TLS)]
    run.lives(run.opens(cohort("sus"), 0, UNKNOWN_TLS, remote="198.51.100.1:443"), 9)
    run.lives(run.opens(cohort("ctl"), 0, PUBLIC_TLS, remote=other), 9)
    return run


def test_an_unknown_root_is_an_interceptors_where_the_same_address_shows_the_endpoints_own():
    one = held_under_an_unknown_root().only()
    assert answers(one) == ("interception", "egress", "middlebox", "network_team")
    assert one.says == "Through sus, TLS to server is intercepted (1 of 1 handshake)."
    assert not held_under_an_unknown_root("203.0.113.9:443").diagnosed().diagnoses
