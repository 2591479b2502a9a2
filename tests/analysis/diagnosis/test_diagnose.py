"""The right answer of each situation, and that nothing is explained twice."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.model.ending import Initiator, Kind, Phase
from tests.analysis.diagnosis import mixed_situations as mixed
from tests.analysis.diagnosis import situations as of
from tests.analysis.diagnosis.made_runs import SAID, MadeRun, answers, cohort
from tests.analysis.story import dice

BOTH = ("sus", "ctl")
NOT_TRUSTED = ("refused_by_endpoint", "egress", "unknown", "network_team")
ROWS = [
    ("key of the endpoint", lambda: of.idle_killer(Kind.TLS_CLOSE_NOTIFY, why=SAID),
     ("idle_timer", "egress", "middlebox", "network_team")),
    ("TCP proxy, one egress", lambda: of.idle_killer(Kind.TCP_FIN),
     ("idle_timer", "egress", "middlebox", "network_team")),
    ("explicit proxy", lambda: of.idle_killer(Kind.TCP_FIN, proxy="http://192.0.2.9:3128"),
     ("idle_timer", "egress", "middlebox", "proxy_team")),
    ("reload of a proxy at the gateway", of.reload_of_a_near_proxy,
     ("state_lost", "egress", "middlebox", "network_team")),
    ("endpoint resets one egress", of.endpoint_resets_one_egress,
     ("state_lost", "egress", "unknown", "nobody")),
    ("few of those that the endpoint reset say a middlebox", of.few_of_them_speak,
     ("state_lost", "egress", "unknown", "nobody")),
    ("few say a middlebox, no control", lambda: of.few_of_them_speak(control=False),
     ("state_lost", "unknown", "unknown", "nobody")),
    ("few show the gateway, no control",
     lambda: of.few_of_them_speak(control=False, why="nearby-box-cut-flow"),
     ("state_lost", "unknown", "unknown", "nobody")),
    ("few show the gateway", lambda: of.few_of_them_speak(why="nearby-box-cut-flow"),
     ("state_lost", "egress", "middlebox", "network_team")),
    ("an interceptor dies", of.interceptor_dies,
     ("state_lost", "egress", "middlebox", "network_team")),
    ("an interceptor before another machine dies",
     lambda: of.interceptor_dies(remote="203.0.113.9:443"),
     ("state_lost", "egress", "unknown", "nobody")),
    ("the path changed, then the endpoint reset", of.endpoint_resets_after_a_change_of_the_path,
     ("state_lost", "egress", "unknown", "nobody")),
    ("packets were lost, then the endpoint reset", of.endpoint_resets_over_a_lossy_path,
     ("state_lost", "egress", "unknown", "nobody")),
    ("a box forgot them, no reset before",
     lambda: of.endpoint_resets_over_a_lossy_path(before=False),
     ("state_lost", "egress", "middlebox", "network_team")),
    ("a path shrinks", of.path_shrinks, ("size_limit", "egress", "middlebox", "network_team")),
    ("endpoint restarts", of.endpoint_restarts,
     ("endpoint_down", "endpoint", "endpoint", "service_owner")),
    ("endpoint dies behind a proxy", of.endpoint_dies_behind_a_proxy,
     ("endpoint_down", "endpoint", "endpoint", "service_owner")),
    ("process hangs", of.hung_endpoint, ("outage", "endpoint", "endpoint", "service_owner")),
    ("the endpoint's firewall forgets", of.firewall_of_the_endpoint_forgets,
     ("state_lost", "endpoint", "unknown", "service_owner")),
    ("policy on both egresses", of.policy_on_both_egresses,
     ("outage", "endpoint", "unknown", "nobody")),
    ("outage of one egress", of.outage_of_one_egress,
     ("outage", "egress", "unknown", "network_team")),
    ("own route removed", of.host_removes_its_route, ("path_change", "host", "host", "this_host")),
    ("maximum age", of.maximum_age_through_an_interceptor,
     ("endpoint_goodbye", "endpoint", "endpoint", "service_owner")),
    ("random kills", of.random_kills, ("no_pattern", "egress", "middlebox", "network_team")),
    ("lost certificate flight", of.handshake_hangs,
     ("handshake_hang", "egress", "unknown", "network_team")),
    ("ping intolerance", of.pings_are_not_borne,
     ("ping_intolerance", "endpoint", "endpoint", "service_owner")),
    ("idle goodbye", of.idle_goodbye_of_the_endpoint,
     ("idle_timer", "endpoint", "endpoint", "service_owner")),
    ("ceiling", of.ceiling, ("session_ceiling", "unknown", "unknown", "network_team")),
    ("big messages", of.big_messages_die, ("size_limit", "unknown", "unknown", "network_team")),
    ("found dead", of.quiet_ones_are_found_dead,
     ("idle_timer", "egress", "middlebox", "network_team")),
    ("proxy says 407", lambda: of.refused(("sus",), Kind.PROXY_ERROR, Phase.PROXY, status=407),
     ("proxy_refusal", "egress", "middlebox", "proxy_team")),
    ("401", lambda: of.refused(BOTH, Kind.HTTP_REFUSAL, Phase.UPGRADE, why=SAID, status=401,
                               initiator=Initiator.ENDPOINT),
     ("refused_by_endpoint", "endpoint", "endpoint", "service_owner")),
    ("name filter", lambda: of.refused(("sus",), Kind.TCP_RESET, Phase.TLS),
     ("name_filter", "egress", "middlebox", "network_team")),
    ("no such name", lambda: of.refused(("sus",), Kind.RESOLVE_ERROR, Phase.RESOLVE),
     ("resolve_failure", "egress", "unknown", "network_team")),
    ("refused everywhere", lambda: of.refused(BOTH, Kind.REFUSED, Phase.CONNECT),
     ("endpoint_down", "shared", "unknown", "nobody")),
    ("rejected by one policy", of.rejected_by_one_policy,
     ("endpoint_down", "endpoint", "unknown", "service_owner")),
    ("limit on bytes", mixed.limit_on_bytes, ("byte_limit", "unknown", "unknown", "network_team")),
    ("conntrack, no control", mixed.conntrack_without_a_control,
     ("idle_timer", "unknown", "middlebox", "network_team")),
    ("forgotten at once", mixed.forgotten_at_once, ("state_lost", "unknown", "unknown", "nobody")),
    ("slow heartbeat", mixed.heartbeat_slower_than_the_timer,
     ("idle_timer", "unknown", "unknown", "network_team")),
    ("age limit of one egress", mixed.age_limit_of_one_egress,
     ("age_limit", "egress", "middlebox", "network_team")),
    ("chain that nobody trusts", mixed.chain_that_nobody_trusts,
     ("interception", "egress", "middlebox", "network_team")),
    ("chain that nobody trusts, of another machine",
     lambda: mixed.chain_that_nobody_trusts(remote="203.0.113.9:443"), NOT_TRUSTED),
    ("chain that nobody trusts, for another name",
     lambda: mixed.chain_that_nobody_trusts(names_match=False), NOT_TRUSTED),
    ("chain that nobody trusts, of the same issuer",
     lambda: mixed.chain_that_nobody_trusts(issuer="CN=R11, O=Let's Encrypt"), NOT_TRUSTED),
    ("chain that nobody trusts, with the same key",
     lambda: mixed.chain_that_nobody_trusts(spki_sha256="key of p1"), NOT_TRUSTED),
    ("endpoint down behind an interceptor", mixed.unreachable_behind_an_interceptor,
     ("endpoint_down", "shared", "endpoint", "service_owner")),
    ("endpoint restarts behind an interceptor", mixed.endpoint_restarts_behind_an_interceptor,
     ("endpoint_down", "shared", "endpoint", "service_owner")),
    ("503 through an interceptor alone",
     lambda: mixed.unreachable_behind_an_interceptor(refused=False),
     ("refused_by_endpoint", "egress", "unknown", "network_team")),
    ("lossy path", mixed.lossy_path, ("no_pattern", "egress", "unknown", "network_team")),
]  # fmt: skip


@pytest.mark.parametrize(("made", "right"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS])
def test_the_right_answer_of_each_situation(made, right):
    found = made().diagnosed().diagnoses
    assert [right] == [answers(one) for one in found if one.drops or one.failures]


@pytest.mark.parametrize("made", [row[1] for row in ROWS], ids=[r[0] for r in ROWS])
def test_each_drop_and_failure_belongs_to_one_diagnosis_and_the_sums_agree(made):
    found = made().diagnosed()
    numbers = [one.number for one in found.diagnoses]
    assert numbers == list(range(1, len(numbers) + 1))
    for one in found.diagnoses:
        assert one.drops == sum(row.diagnosis == one.number for row in found.drops)
        assert one.failures == sum(row.diagnosis == one.number for row in found.failures)
        assert one.drops <= one.of_drops
        assert one.failures <= one.of_failures
        assert sum(one.kinds.values()) == one.drops + one.failures
    assert {row.diagnosis for row in [*found.drops, *found.failures]} <= set(numbers)


def test_two_alike_show_nothing():
    assert not of.two_alike().diagnosed().diagnoses


def test_interception_stands_beside_what_the_endpoint_said():
    found = of.maximum_age_through_an_interceptor().diagnosed().diagnoses
    assert [one.mechanism for one in found] == [Mechanism.ENDPOINT_GOODBYE, Mechanism.INTERCEPTION]
    assert found[1].drops == 0


def test_big_messages_that_were_answered_after_a_loss_refute_a_limit_on_size():
    found = of.path_shrinks(answered_later=True).diagnosed().diagnoses
    assert Mechanism.SIZE_LIMIT not in [one.mechanism for one in found]


def test_two_causes_apart_in_time_are_two_diagnoses():
    found = mixed.idle_killer_then_link_down().diagnosed().diagnoses
    assert [(answers(one), one.drops) for one in found] == [
        (("idle_timer", "egress", "middlebox", "network_team"), 30),
        (("path_change", "host", "host", "this_host"), 15),
    ]


def test_a_byte_limit_is_bracketed():
    one = mixed.limit_on_bytes().only()
    assert one.low is not None
    assert one.high is not None
    assert one.low <= 300_000 <= one.high


def test_quiet_sessions_that_are_found_dead_belong_to_the_timer():
    one = mixed.conntrack_without_a_control().only()
    assert (one.drops, one.sessions_found_dead) == (25, 5)


@given(seed=integers(0, 10**6), sessions=integers(0, 40))
def test_whatever_happens_the_sums_agree(seed, sessions):
    found = anything(seed, sessions).diagnosed()
    explained = [*found.drops, *found.failures]
    assert len({(row.session, row.attempt) for row in explained}) == len(explained)
    assert sum(one.drops for one in found.diagnoses) == sum(
        row.diagnosis is not None for row in found.drops
    )
    for one in found.diagnoses:
        assert one.drops == sum(row.diagnosis == one.number for row in found.drops)
        assert one.failures == sum(row.diagnosis == one.number for row in found.failures)
        assert one.low is None or one.high is None or one.low <= one.high
        assert one.says
        assert one.ask.says


def anything(seed: int, sessions: int) -> MadeRun:
    """Sessions and attempts that end in any way at any time."""
    chance = dice(seed)
    run = MadeRun(*(cohort(e, endpoint=n) for e in BOTH for n in ("server", "other")))
    kinds = [kind for kind in Kind if kind is not Kind.PLANNED]
    whys = [(), ("endpoint-said-so",), ("flow-dropped-alone",), ("own-route-changed",)]
    for _ in range(sessions):
        of_it = cohort(chance.choice(BOTH), "hb", chance.choice(("server", "other")))
        at = chance.uniform(0, 20)
        who = chance.choice([Initiator.UNKNOWN, Initiator.HOST, Initiator.MIDDLEBOX])
        kind, why = chance.choice(kinds), chance.choice(whys)
        if chance.random() < 0.3:
            run.fails(of_it, at, kind, chance.choice(list(Phase)), why, initiator=who)
            continue
        one = run.opens(of_it, at)
        until = at + chance.choice([1, 5, chance.uniform(0, 20)])
        if chance.random() < 0.3:
            run.lives(one, until)
        else:
            run.drops(one, until, kind, alive=chance.uniform(at, until), why=why, initiator=who)
    return run
