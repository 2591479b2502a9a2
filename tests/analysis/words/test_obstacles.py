"""What an attempt met, one row a case: each obstacle has one at least."""

from typing import Any

import pytest

from stresser.analysis.words.hello_remedies import HELLO_ROWS
from stresser.analysis.words.obstacles import Obstacle, Stopped, obstacle_of
from stresser.model.chain import ChainClass
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.proxy_login import LoginTrouble, ProxyLogin
from tests.fakes.checked import failed, tcp_info, tls

O, K, P = Obstacle, Kind, Phase  # noqa: E741 - a table is read by its columns
HELD_BACK = {"evidence": {"tcp_info": tcp_info(bytes_acked=518)}}
TORN = {"evidence": {"tcp_info": tcp_info(bytes_acked=518, out_of_order=4)}}
DROPPED = {"evidence": {"tcp_info": tcp_info(bytes_acked=1, unacked=1)}}
LONG = {"evidence": {"tcp_info": tcp_info(bytes_acked=1, unacked=2)}}
PROXY = {"by_proxy": True}
PAGE = {"is_page": True}
STRANGER = {"tls": tls(ChainClass.PRIVATE_UNTRUSTED)}


def offers(value: str) -> dict[str, Any]:
    return {"status": 407, "evidence": {"headers": {"Proxy-Authenticate": value}}}


def begins(text: str) -> dict[str, Any]:
    return {"evidence": {"first_bytes": text}}


def told(trouble: LoginTrouble) -> dict[str, Any]:
    return {"status": 407, "evidence": {"login": ProxyLogin(trouble=trouble, offered=())}}


LOGINS = {
    LoginTrouble.NOT_SPOKEN: O.PROXY_LOGIN_NOT_SPOKEN,
    LoginTrouble.NOT_ALLOWED: O.PROXY_LOGIN_NOT_ALLOWED,
    LoginTrouble.NO_LOGIN: O.PROXY_LOGIN,
    LoginTrouble.REFUSED: O.PROXY_LOGIN_REFUSED,
    LoginTrouble.KEPT_BACK: O.PROXY_LOGIN_REFUSED,
    LoginTrouble.CUT: O.PROXY_LOGIN_CUT,
    LoginTrouble.NO_LIBRARY: O.NO_KERBEROS,
    LoginTrouble.NO_TICKET: O.NO_TICKET,
    LoginTrouble.TICKET_EXPIRED: O.TICKET_EXPIRED,
    LoginTrouble.CLOCK_SKEW: O.CLOCK_SKEW,
    LoginTrouble.SERVICE_UNKNOWN: O.SERVICE_UNKNOWN,
    LoginTrouble.NO_KDC: O.NO_KDC,
    LoginTrouble.PASSWORD_WRONG: O.KDC_REFUSES,
    LoginTrouble.FAILED: O.PROXY_LOGIN_FAILED,
}
assert set(LOGINS) == set(LoginTrouble)
CASES: list[tuple[Phase, Kind, dict[str, Any], Obstacle]] = [
    (P.RESOLVE, K.RESOLVE_ERROR, {"failure": "dns_nxdomain_error"}, O.NAME_UNKNOWN),
    (P.RESOLVE, K.RESOLVE_ERROR, {"failure": "dns_temporary_failure"}, O.NAME_UNANSWERED),
    (P.RESOLVE, K.TIMEOUT, {}, O.NAME_UNANSWERED),
    (P.CONNECT, K.REFUSED, {}, O.PORT_REFUSED),
    (P.CONNECT, K.TIMEOUT, {}, O.NO_CONNECTION),
    (P.CONNECT, K.TCP_FIN, {"in_clear": True}, O.ACCEPT_CUT),
    (P.CONNECT, K.TCP_RESET, {"in_clear": True}, O.ACCEPT_CUT),
    (P.CONNECT, K.UNREACHABLE, {"initiator": Initiator.HOST}, O.NOTHING_LEFT),
    (P.TLS, K.UNREACHABLE, {}, O.NO_CONNECTION),
    (P.CONNECT, K.REFUSED, PROXY, O.PROXY_UNREACHED),
    (P.PROXY, K.REFUSED, PROXY, O.PROXY_UNREACHED),
    (P.PROXY, K.RESOLVE_ERROR, PROXY, O.PROXY_UNREACHED),
    (P.PROXY, K.PROXY_ERROR, offers("Negotiate, NTLM"), O.PROXY_LOGIN_NOT_SPOKEN),
    (P.PROXY, K.PROXY_ERROR, offers("NTLM"), O.PROXY_LOGIN_NOT_SPOKEN),
    (P.PROXY, K.PROXY_ERROR, offers('Digest realm="a, b", nonce="x"'), O.PROXY_LOGIN_NOT_SPOKEN),
    (P.PROXY, K.PROXY_ERROR, offers('Negotiate, Basic realm="proxy"'), O.PROXY_LOGIN),
    (P.PROXY, K.PROXY_ERROR, offers(""), O.PROXY_LOGIN),
    *((P.PROXY, K.PROXY_ERROR, told(trouble), met) for trouble, met in LOGINS.items()),
    (P.PROXY, K.PROXY_ERROR, {"status": 403, "failure": "proxy_http_403"}, O.PROXY_FORBIDS),
    (P.PROXY, K.PROXY_ERROR, {"status": 503, "failure": "proxy_http_503"}, O.PROXY_REPORTS),
    (P.TLS, K.TCP_RESET, {}, O.HELLO_CUT),
    (P.TLS, K.TCP_FIN, PROXY, O.HELLO_CUT),
    (P.TLS, K.TIMEOUT, DROPPED, O.HELLO_DROPPED),
    (P.TLS, K.TIMEOUT, LONG, O.HELLO_UNANSWERED),
    (P.TLS, K.TIMEOUT, {}, O.HELLO_UNANSWERED),
    (P.TLS, K.TIMEOUT, HELD_BACK, O.ANSWER_MISSING),
    (P.TLS, K.TIMEOUT, TORN, O.ANSWER_TORN),
    (P.TLS, K.TIMEOUT, HELD_BACK | PROXY, O.TUNNEL_SILENT),
    (P.TLS, K.PROTOCOL_ERROR, begins("HTTP/1.1 302 Found\\r\\n"), O.PLAIN_HTTP),
    (P.TLS, K.PROTOCOL_ERROR, {"raw": "tls: <html>"}, O.PLAIN_HTTP),
    (P.TLS, K.PROTOCOL_ERROR, begins("SSH-2.0"), O.NO_TLS),
    (P.TLS, K.TLS_ALERT, {"alert": 116}, O.ALERT_CLIENT),
    (P.UPGRADE, K.TLS_ALERT, {"alert": 116}, O.ALERT_CLIENT),
    (P.TLS, K.TLS_ALERT, {"alert": 120}, O.ALERT_ALPN),
    (P.TLS, K.TLS_ALERT, {"alert": 112}, O.ALERT_NAME),
    (P.TLS, K.TLS_ALERT, {"alert": 250}, O.ALERT),
    (P.TLS, K.TLS_ALERT, {"alert": None}, O.ALERT),
    (P.TLS, K.CERTIFICATE, {}, O.CHAIN_REFUSED),
    (P.TLS, K.CERTIFICATE, {"names_issuer": True}, O.CHAIN_INCOMPLETE),
    (P.UPGRADE, K.TIMEOUT, DROPPED, O.UPGRADE_DROPPED),
    (P.UPGRADE, K.TIMEOUT, DROPPED | PROXY, O.UPGRADE_UNANSWERED),
    (P.UPGRADE, K.TIMEOUT, HELD_BACK, O.UPGRADE_UNANSWERED),
    (P.UPGRADE, K.TCP_RESET, {}, O.UPGRADE_CUT),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 200}, O.UPGRADE_STRIPPED),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 426}, O.UPGRADE_STRIPPED),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 400} | PAGE, O.HTTP_REFUSED),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 302}, O.REDIRECTED),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 302} | STRANGER, O.SENT_AWAY),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 511}, O.PORTAL),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 401}, O.LOGIN_WANTED),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 401, "carries_token": True}, O.TOKEN_REFUSED),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 403, "carries_token": True}, O.FORBIDDEN),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 404}, O.NOT_FOUND),
    (P.UPGRADE, K.HTTP_REFUSAL, {"status": 503}, O.HTTP_REFUSED),
    (P.UPGRADE, K.PROTOCOL_ERROR, {"tls": tls(alpn="h2")}, O.ALPN_NOT_SPOKEN),
    (P.UPGRADE, K.TCP_FIN, {"tls": tls(alpn="h2")}, O.ALPN_NOT_SPOKEN),
    (P.UPGRADE, K.PROTOCOL_ERROR, {"tls": tls(alpn="http/1.1")}, O.NO_HTTP),
    (P.UPGRADE, K.TCP_RESET, PAGE, O.GET_UNANSWERED),
    (P.BEFORE, K.HTTP_REFUSAL, {"status": 401}, O.BEFORE_REFUSED),
    (P.BEFORE, K.MESSAGE_REFUSAL, {}, O.BEFORE_LACKS),
    (P.BEFORE, K.TIMEOUT, {}, O.BEFORE_FAILED),
    (P.BEFORE, K.CERTIFICATE, {}, O.CHAIN_REFUSED),
    (P.OPEN, K.MESSAGE_REFUSAL, {}, O.OPEN_REFUSED),
    (P.OPEN, K.MQTT_DISCONNECT, {}, O.OPEN_REFUSED),
    (P.OPEN, K.MQTT_REFUSAL, {}, O.BROKER_REFUSED),
    (P.OPEN, K.WS_CLOSE, {"code": 4001}, O.OPEN_REFUSED),
    (P.OPEN, K.TIMEOUT, HELD_BACK, O.OPEN_UNANSWERED),
    (P.OPEN, K.TIMEOUT, DROPPED, O.OPEN_DROPPED),
    (P.OPEN, K.TIMEOUT, DROPPED | PROXY, O.OPEN_UNANSWERED),
    (P.OPEN, K.TCP_RESET, {}, O.OPEN_CUT),
    (P.OPEN, K.TLS_CLOSE_NOTIFY, {}, O.OPEN_CUT),
    (P.OPEN, K.PROTOCOL_ERROR, {}, O.OPEN_CUT),
    (P.PROXY, K.TOOL, {}, O.TOOL_LIMIT),
    (P.HELD, K.UNKNOWN, {}, O.UNNAMED),
]


def met(phase: Phase, kind: Kind, changes: dict[str, Any]) -> Obstacle:
    known = {
        "tls": tls(),
        "by_proxy": False,
        "carries_token": False,
        "is_page": False,
        "names_issuer": False,
    }
    stopped = {key: changes.get(key, usual) for key, usual in known.items()}
    ending = {key: value for key, value in changes.items() if key not in known}
    return obstacle_of(Stopped(failed(phase=phase, kind=kind, **ending).ending, **stopped))


@pytest.mark.parametrize(("phase", "kind", "changes", "obstacle"), CASES)
def test_what_was_met(phase, kind, changes, obstacle):
    assert met(phase, kind, changes) is obstacle


def test_each_obstacle_has_its_case():
    of_several = {row.obstacle for row in HELLO_ROWS}  # which no one attempt shows
    assert {obstacle for *_, obstacle in CASES} == set(Obstacle) - of_several


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("kind", Kind)
def test_every_failure_is_some_obstacle(phase, kind):
    assert met(phase, kind, {}) in Obstacle
