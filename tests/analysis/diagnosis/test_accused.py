from typing import Any

import pytest

from stresser.analysis.diagnosis.accused import NEVER_THE_ENDPOINTS, OF_ONE_FLOW
from stresser.classify.initiator_rules import BY_NAME
from stresser.model.ending import Initiator, Kind
from tests.analysis.diagnosis.made_runs import STRANGER, MadeRun, answers, cohort
from tests.analysis.diagnosis.situations import idle_killer


def sessions_of_two_egresses(**other: Any) -> MadeRun:
    """An idle killer on sus, and ctl that leads elsewhere."""
    run = MadeRun(cohort("sus", "seldom"), cohort("ctl", "seldom"))
    kept = [run.opens(cohort("ctl", "seldom"), 0.2 * n, **other) for n in range(9)]
    for n in range(20):
        one = run.opens(cohort("sus", "seldom"), 0.31 * n)
        run.drops(one, 0.31 * n + 4, Kind.TCP_FIN, idle=4, fields={"pings": 0, "pongs": 0})
    for one in kept:
        run.lives(one, 25)
    return run


def test_a_clean_control_names_a_middlebox_only_where_it_reached_the_same_machine():
    assert answers(sessions_of_two_egresses().only())[2] == "middlebox"
    elsewhere = sessions_of_two_egresses(remote="203.0.113.9:443")
    assert answers(elsewhere.only()) == ("idle_timer", "egress", "unknown", "network_team")


def one_egress(named: int, contradicting: int = 0) -> str:
    """Twelve drops of one timer without a control, some of which name somebody."""
    run = MadeRun(cohort("sus", "seldom"))
    for n in range(12):
        who = Initiator.UNKNOWN
        if n < named:
            who = Initiator.MIDDLEBOX if n >= contradicting else Initiator.ENDPOINT
        one = run.opens(cohort("sus", "seldom"), 0.31 * n)
        run.drops(
            one, 0.31 * n + 4, Kind.TCP_FIN, idle=4, initiator=who, why=("another-box",),
            fields={"pings": 0, "pongs": 0},
        )  # fmt: skip
    return answers(run.only())[2]


def test_evidence_of_like_endings_is_pooled_unless_it_contradicts_itself():
    assert one_egress(0) == "unknown"
    assert one_egress(4) == "unknown"
    assert one_egress(8) == "middlebox"
    assert one_egress(8, contradicting=3) == "unknown"


def resets_after_a_reroute(others_ttl: int, others_endpoint: str = "server") -> str:
    """Two of twenty resets are known to be another box's: TTL 50. The path had changed."""
    to = ["server"] * 2 + [others_endpoint] * 18
    pairs = [cohort(egress, endpoint=one) for one in dict.fromkeys(to) for egress in ("sus", "ctl")]
    run = MadeRun(*pairs)
    kept = [run.opens(cohort("ctl", endpoint=one), 0.1 * n) for n, one in enumerate(to)]
    sessions = [run.opens(cohort("sus", endpoint=one), 0.1 * n) for n, one in enumerate(to)]
    for n, one in enumerate(sessions):
        why, who, ttl = "path-may-have-changed", Initiator.UNKNOWN, others_ttl
        if n < 2:
            why, who, ttl = "another-box", Initiator.MIDDLEBOX, 50
        origin = STRANGER | {"ttl": ttl, "signals": []}
        run.drops(one, 9, Kind.TCP_RESET, initiator=who, why=(why,), evidence={"origin": origin})
    for one in kept:
        run.lives(one, 25)
    return answers(run.only())[2]


def test_resets_from_as_far_away_as_a_known_box_are_its_own():
    assert resets_after_a_reroute(50) == "middlebox"
    assert resets_after_a_reroute(62) == "unknown"
    assert resets_after_a_reroute(50, "other") == "unknown", "of another path TTLs say nothing"


def beside_a_control(rule: str) -> str:
    """A tenth of those that one moment ended name a middlebox; as many lived through ctl."""
    run = MadeRun(cohort("sus"), cohort("ctl"))
    kept = [run.opens(cohort("ctl"), 0.1 * n) for n in range(20)]
    for n, one in enumerate([run.opens(cohort("sus"), 0.1 * n) for n in range(20)]):
        named: dict[str, Any] = {}
        if n < 2:
            named = {"initiator": Initiator.MIDDLEBOX, "why": (rule,)}
        run.drops(one, 20, Kind.SILENCE, alive=18, **named)
    for one in kept:
        run.lives(one, 40)
    return answers(run.only())[2]


@pytest.mark.parametrize(
    "rule",
    ["hello-stops-at-a-hop", "interceptor-is-gone", "nearby-box-cut-flow", "prohibited-by-router",
     "proxy-cut-tunnel", "proxy-said-so", "stops-at-a-hop"],
)  # fmt: skip
def test_with_a_control_a_tenth_speaks_for_all_by_a_rule_that_no_endpoint_satisfies(rule):
    assert beside_a_control(rule) == "middlebox"


@pytest.mark.parametrize(
    "rule", ["flow-dropped-alone", "flow-unknown-there", "interceptor-owns-flow", "proxy-owns-flow"]
)
def test_by_any_other_rule_a_tenth_does_not(rule):
    assert beside_a_control(rule) == "unknown"


def test_what_contradicts_a_diagnosis_is_said():
    one = idle_killer(Kind.TLS_CLOSE_NOTIFY, why=("endpoint-said-so",)).only()
    assert one.who is Initiator.MIDDLEBOX
    assert one.against == ["The sessions' own evidence names the endpoint in 36."]


def test_rules_of_one_flow_and_of_no_endpoint_are_rules_that_name_a_middlebox():
    both = OF_ONE_FLOW | NEVER_THE_ENDPOINTS
    assert {BY_NAME[name].initiator for name in both} == {Initiator.MIDDLEBOX}
