from typing import Any

import msgspec
import pytest

from stresser.analysis.diagnosis.failed_attempts import what_was_met
from stresser.model.ending import Initiator, Kind, Phase
from tests.analysis.diagnosis.made_runs import TLS, MadeRun, answers, cohort, look
from tests.fakes.checked import tcp_info


def met(kind: Kind, phase: Phase, **more: Any) -> Any:
    run = MadeRun(cohort("sus"))
    run.fails(cohort("sus"), 1, kind, phase, **more)
    [failure] = run.case().failures
    return what_was_met(failure.ending)


UNPROVED = msgspec.structs.replace(TLS, verified=False, problem="unknown root")
PROXY = {"fields": {"proxy": "http://192.0.2.9:3128"}}
NTLM = {"evidence": {"headers": {"Proxy-Authenticate": "Negotiate, NTLM"}}}


@pytest.mark.parametrize(
    ("kind", "phase", "more", "mechanism"),
    [
        (Kind.RESOLVE_ERROR, Phase.RESOLVE, {}, "resolve_failure"),
        (Kind.PROXY_ERROR, Phase.PROXY, {"status": 403}, "proxy_refusal"),
        (Kind.PROXY_ERROR, Phase.PROXY, {"status": 503}, "endpoint_down"),
        (Kind.PROXY_ERROR, Phase.PROXY, {"status": 5, "failure": "socks_refused"}, "endpoint_down"),
        (Kind.PROXY_ERROR, Phase.PROXY, {"status": 2, "failure": "socks_ruled"}, "proxy_refusal"),
        (Kind.REFUSED, Phase.CONNECT, PROXY, "proxy_refusal"),
        (Kind.REFUSED, Phase.CONNECT, {}, "endpoint_down"),
        (Kind.TIMEOUT, Phase.CONNECT, {}, "outage"),
        (Kind.TIMEOUT, Phase.TLS, {}, "handshake_hang"),
        (Kind.TCP_RESET, Phase.TLS, {}, "name_filter"),
        (Kind.TLS_ALERT, Phase.TLS, {"alert": 120}, "refused_by_endpoint"),
        (Kind.HTTP_REFUSAL, Phase.UPGRADE, {"status": 401}, "refused_by_endpoint"),
        (Kind.HTTP_REFUSAL, Phase.UPGRADE, {"status": 511}, "captive_portal"),
        (Kind.MESSAGE_REFUSAL, Phase.OPEN, {}, "refused_by_endpoint"),
        (Kind.WS_CLOSE, Phase.OPEN, {"code": 4001}, "refused_by_endpoint"),
        (Kind.TIMEOUT, Phase.OPEN, {}, "handshake_hang"),
        (Kind.PROTOCOL_ERROR, Phase.TLS, {"raw": "HTTP/1.1 302 Found"}, "captive_portal"),
        (Kind.CERTIFICATE, Phase.TLS, {}, "refused_by_endpoint"),
    ],
)
def test_what_an_attempt_met(kind, phase, more, mechanism):
    assert met(kind, phase, **more).mechanism == mechanism


def test_what_has_no_name_is_left():
    assert met(Kind.UNKNOWN, Phase.TLS, raw="junk") is None


@pytest.mark.parametrize("phase", [Phase.TLS, Phase.UPGRADE])
def test_bytes_that_are_neither_tls_nor_http_refuse_and_accuse_nobody(phase):
    stranger = {"first_bytes": "SSH-2.0-OpenSSH"}

    def run(*ways: Any, controls: tuple[Any, ...] = ()) -> Any:
        made = MadeRun(*ways, *controls)
        for number in range(3):
            for way in ways:
                made.fails(way, 1 + number, Kind.PROTOCOL_ERROR, phase, evidence=stranger)
        for way in controls:
            made.lives(made.opens(way, 1), 30)
        return made.only()

    one = run(SUSPECT, controls=(CONTROL,))
    assert answers(one) == ("refused_by_endpoint", "egress", "unknown", "network_team")
    every = run(SUSPECT, CONTROL)
    assert answers(every) == ("refused_by_endpoint", "shared", "unknown", "network_team")
    alone = run(SUSPECT)
    assert answers(alone) == ("refused_by_endpoint", "unknown", "unknown", "network_team")


def test_no_password_is_advised_where_the_proxy_wants_negotiate():
    asked = met(Kind.PROXY_ERROR, Phase.PROXY, status=407, **NTLM)
    assert "Negotiate, NTLM" in asked.words
    assert "without Negotiate, NTLM" in asked.ask


def test_an_upgrade_that_was_not_passed_on_is_asked_for():
    assert "WebSocket support" in met(Kind.HTTP_REFUSAL, Phase.UPGRADE, status=426).ask


def test_alpn_is_left_out():
    assert met(Kind.TLS_ALERT, Phase.TLS, alert=120).ask.startswith("Leave alpn out of")


DROPPED = {"evidence": {"tcp_info": tcp_info(bytes_acked=1, unacked=1)}}
ACKNOWLEDGED = {"evidence": {"tcp_info": tcp_info(bytes_acked=518)}}
SUSPECT, CONTROL = cohort("sus"), cohort("ctl")


def run_of(*ways: Any, controls: Any = (), **met: Any) -> MadeRun:
    run = MadeRun(*ways, *controls)
    for number in range(6):
        for way in ways:
            run.fails(way, 1 + 3 * number, Kind.TIMEOUT, Phase.TLS, **met)
    for way in controls:
        run.lives(run.opens(way, 1), 30)
    return run


def test_a_hello_that_one_egress_drops_is_filtered_and_the_name_is_said():
    one = run_of(SUSPECT, controls=(CONTROL,), **DROPPED).only()
    assert answers(one) == ("name_filter", "egress", "middlebox", "network_team")
    assert "never acknowledged; through ctl none of 1 did" in one.says
    assert "(it carried the name broker.example.net)" in one.ask.says
    assert one.unproved == ["Whether the name decides: `stresser check --handshakes` finds it out."]


def test_a_hello_to_an_address_carries_no_name():
    run = run_of(SUSPECT, controls=(CONTROL,), **DROPPED)
    run.scenario["endpoints"][0]["url"] = "wss://198.51.100.1/"
    assert "it carried no name" in run.only().ask.says


def test_a_hello_that_all_egresses_drop_accuses_no_filter():
    one = run_of(SUSPECT, CONTROL, **DROPPED).only()
    assert answers(one)[:3] == ("handshake_hang", "shared", "unknown")


def test_hellos_that_an_outage_meets_are_no_filter():
    run = run_of(SUSPECT, controls=(CONTROL,), **DROPPED)
    run.lives(run.opens(SUSPECT, 9), 30)
    assert answers(run.only())[:3] == ("handshake_hang", "egress", "unknown")


def test_an_acknowledged_hello_without_an_answer_hangs_and_the_mtu_is_first():
    one = run_of(SUSPECT, controls=(CONTROL,), **ACKNOWLEDGED).only()
    assert answers(one)[:2] == ("handshake_hang", "egress")
    assert "was acknowledged and its answer did not come" in one.says
    assert one.ask.says.startswith("Check the MTU on the path to")
    assert "filter" in one.ask.says
    assert "MTU of 1280" in one.unproved[0]


def test_a_token_that_is_refused_may_have_expired():
    run = MadeRun(SUSPECT)
    run.scenario["endpoints"][0]["headers"] = {"Authorization": "(masked)"}
    for number in range(3):
        run.fails(SUSPECT, 1 + number, Kind.HTTP_REFUSAL, Phase.UPGRADE, status=401)
    one = run.only()
    assert one.mechanism == "refused_by_endpoint"
    assert "refused the token that was sent (HTTP 401)" in one.says
    assert "expired" in one.ask.says


@pytest.mark.parametrize(
    ("facts", "mechanism"), [(TLS, "refused_by_endpoint"), (UNPROVED, "captive_portal")]
)
def test_a_redirect_is_a_portals_only_where_nobody_proves_to_be_the_endpoint(facts, mechanism):
    run = MadeRun(SUSPECT)
    place = {"headers": {"Location": "http://login.test/"}}
    for number in range(3):
        run.fails(SUSPECT, 1 + number, Kind.HTTP_REFUSAL, Phase.UPGRADE, status=302,
                  evidence=place, fields={"tls": facts})  # fmt: skip
    one = run.only()
    assert one.mechanism == mechanism
    assert "HTTP 302, which leads to http://login.test/" in one.says


V6: dict[str, Any] = {"remote": "[2001:db8::1]:443"}
V4: dict[str, Any] = {"remote": "198.51.100.1:443"}


def of_two_families(*, opens: bool, **evidence: Any) -> MadeRun:
    run = MadeRun(SUSPECT)
    for number in range(4):
        run.fails(SUSPECT, 1 + 3 * number, Kind.TIMEOUT, Phase.TLS, fields=V6,
                  evidence={"tcp_info": tcp_info(bytes_acked=518)} | evidence)  # fmt: skip
    if opens:
        run.lives(run.opens(SUSPECT, 2, **V4), 30)
    return run


def test_one_family_that_fails_is_named_where_the_other_opens():
    one = of_two_families(opens=True).only()
    assert one.mechanism == "handshake_hang"
    assert "failed: by IPv6, the ClientHello was acknowledged" in one.says
    assert one.says.endswith("; by IPv4 1 session opened.")
    assert "to server by IPv6" in one.ask.says


def test_a_fresh_connection_of_the_other_family_shows_it_too():
    met = look("sus", "answered", remote="198.51.100.1:443")
    one = of_two_families(opens=False, fresh_connections=[met]).only()
    assert one.says.endswith("; by IPv4 a fresh connection was answered.")
    silent = look("sus", "silent", remote="198.51.100.1:443")
    assert "IPv" not in of_two_families(opens=False, fresh_connections=[silent]).only().says


def test_addresses_that_fail_in_both_families_are_no_families_matter():
    run = of_two_families(opens=False)
    for number in range(3):
        run.fails(SUSPECT, 2 + 3 * number, Kind.TIMEOUT, Phase.TLS, fields=V4,
                  evidence={"tcp_info": tcp_info(bytes_acked=518)})  # fmt: skip
    assert "IPv" not in run.only().says


def test_one_address_that_fails_is_named_where_another_opens():
    run = MadeRun(cohort("sus"))
    for n in range(4):
        run.fails(
            cohort("sus"), 1 + n, Kind.TIMEOUT, Phase.TLS, fields={"remote": "203.0.113.7:443"}
        )
    for n in range(3):
        run.lives(run.opens(cohort("sus"), 2 + n), 20, remote="203.0.113.8:443")
    assert "to 203.0.113.7 alone: to 203.0.113.8 3 sessions opened" in run.only().says


@pytest.mark.parametrize("ways", [(SUSPECT,), (SUSPECT, CONTROL)], ids=["one egress", "two"])
def test_an_alert_for_a_certificate_right_after_the_handshake_is_a_refusal(ways):
    run = MadeRun(*ways)
    for number in range(6):
        for way in ways:
            session = run.opens(way, 1 + 2 * number)
            run.drops(session, 1.02 + 2 * number, Kind.TLS_ALERT, idle=0.01, alert=116,
                      why=("endpoint-said-so",), fields={"pings": 0, "pongs": 0},
                      initiator=Initiator.ENDPOINT)  # fmt: skip
    one = run.only()
    where = "unknown" if len(ways) == 1 else "endpoint"
    assert answers(one) == ("refused_by_endpoint", where, "endpoint", "service_owner")
    assert "every session that had just opened was ended by TLS alert 116" in one.says
    assert "without a client certificate" in one.ask.says


def test_the_same_alert_later_is_no_late_refusal():
    run = MadeRun(SUSPECT)
    for number in range(6):
        session = run.opens(SUSPECT, 1 + number)
        run.drops(session, 31 + 2.5 * number, Kind.TLS_ALERT, alert=116)
    assert run.only().mechanism != "refused_by_endpoint"


def test_who_hangs_through_every_egress_beside_others_that_answer_is_asked_why():
    run, other = run_of(SUSPECT, CONTROL, **ACKNOWLEDGED), cohort("sus", endpoint="other")
    run.lives(run.opens(other, 1), 30)
    one = run.only()
    assert answers(one) == ("handshake_hang", "endpoint", "unknown", "service_owner")
    assert one.ask.says.startswith("Find out why server does not answer handshakes")


def test_another_name_that_passes_to_the_same_address_shows_that_the_name_decides():
    other = cohort("sus", endpoint="other")
    run = MadeRun(SUSPECT, CONTROL, other)
    run.scenario["endpoints"][1]["sni"] = "passes.test"
    for number in range(4):
        run.fails(SUSPECT, 1 + number, Kind.TCP_RESET, Phase.TLS)
    for way in (CONTROL, other):
        run.lives(run.opens(way, 1, remote="198.51.100.1:443"), 30)
    one = run.only()
    assert answers(one) == ("name_filter", "egress", "middlebox", "network_team")
    assert "by the name passes.test 1 session opened there" in one.says
    assert one.unproved == []


def test_what_has_a_row_of_its_own_is_asked_by_it_whatever_bytes_came():
    run = MadeRun(SUSPECT)
    for number in range(3):
        run.fails(SUSPECT, 1 + number, Kind.PROTOCOL_ERROR, Phase.UPGRADE,
                  evidence={"first_bytes": "\\x00\\x00\\x12"},
                  fields={"tls": msgspec.structs.replace(TLS, alpn="h2")})  # fmt: skip
    assert run.only().ask.says == "Leave h2 out of alpn for server."


ALPN: dict[str, Any] = {"alert": 120, "why": ("endpoint-said-so",)}


def refused_by_alert(*ways: Any, controls: tuple[Any, ...] = ()) -> MadeRun:
    run = MadeRun(*ways, *controls)
    for number in range(4):
        for way in ways:
            run.fails(way, 1 + number, Kind.TLS_ALERT, Phase.TLS, **ALPN)
        for way in controls:
            run.lives(run.opens(way, 1 + number), 30)
    return run


@pytest.mark.parametrize("ways", [(SUSPECT,), (SUSPECT, CONTROL)], ids=["one egress", "two"])
def test_what_the_scenario_asks_for_in_vain_is_this_hosts_to_change(ways):
    ask = refused_by_alert(*ways).only().ask
    assert ask.whom == "this_host"
    assert ask.says.startswith("Leave alpn out of the scenario")


def test_what_another_egress_takes_is_nothing_that_the_scenario_asks_in_vain():
    ask = refused_by_alert(SUSPECT, controls=(CONTROL,)).only().ask
    assert ask.whom in {"network_team", "nobody"}
    assert "alpn" not in ask.says
    assert "through another egress the same is taken" in ask.says
