from typing import Any

import pytest

from stresser.analysis.diagnosis.failed_attempts import what_was_met
from stresser.model.ending import Kind, Phase
from tests.analysis.diagnosis.made_runs import MadeRun, cohort


def met(kind: Kind, phase: Phase, **more: Any) -> Any:
    run = MadeRun(cohort("sus"))
    run.fails(cohort("sus"), 1, kind, phase, **more)
    [failure] = run.case().failures
    return what_was_met(failure.ending)


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
        (Kind.PROTOCOL_ERROR, Phase.TLS, {"raw": "HTTP/1.1 302 Found"}, "captive_portal"),
        (Kind.CERTIFICATE, Phase.TLS, {}, "refused_by_endpoint"),
    ],
)
def test_what_an_attempt_met(kind, phase, more, mechanism):
    assert met(kind, phase, **more).mechanism == mechanism


def test_what_has_no_name_is_left():
    assert met(Kind.PROTOCOL_ERROR, Phase.TLS, raw="junk") is None


def test_no_password_is_advised_where_the_proxy_wants_negotiate():
    asked = met(Kind.PROXY_ERROR, Phase.PROXY, status=407, **NTLM)
    assert "Negotiate, NTLM" in asked.words
    assert "without Negotiate or NTLM" in asked.ask


def test_an_upgrade_that_was_not_passed_on_is_asked_for():
    assert "WebSocket support" in met(Kind.HTTP_REFUSAL, Phase.UPGRADE, status=426).ask


def test_alpn_is_left_out():
    assert met(Kind.TLS_ALERT, Phase.TLS, alert=120).ask == "Leave alpn out of the scenario."
