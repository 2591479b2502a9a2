"""What a failed attempt has met, by what was seen of it: one name for each, from a closed list.

`check` and `run` ask the same question here; what to do about it stands in `remedy_table.py`.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from stresser.analysis.words.hello_fate import HelloFate, hello_fate
from stresser.classify.rule import decided_by_proxy
from stresser.model.chain import TlsFacts
from stresser.model.ending import Ending, Initiator, Kind, Phase
from stresser.model.proxy_login import LoginTrouble

PLAIN_HTTP = ("HTTP/1.", "<html", "<HTML", "<!DOC", "<!doc")
"""How HTTP begins, head or page, where TLS was asked for."""
_PROXY_LOGIN, _UNAUTHORIZED, _PORTAL = 407, 401, 511
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UPGRADE_LOST = frozenset({200, 400, 426})
"""What a server answers that was asked for a page, because `Upgrade` was not passed on."""
_SPOKEN_ALPN = frozenset({None, "http/1.1"})


class Obstacle(StrEnum):
    """What an attempt met."""

    NAME_UNKNOWN = "name_unknown"
    NAME_UNANSWERED = "name_unanswered"
    PORT_REFUSED = "port_refused"
    NO_CONNECTION = "no_connection"
    ACCEPT_CUT = "accept_cut"
    NOTHING_LEFT = "nothing_left"
    PROXY_UNREACHED = "proxy_unreached"
    PROXY_LOGIN = "proxy_login"
    PROXY_LOGIN_NOT_SPOKEN = "proxy_login_not_spoken"
    PROXY_LOGIN_NOT_ALLOWED = "proxy_login_not_allowed"
    PROXY_LOGIN_REFUSED = "proxy_login_refused"
    PROXY_LOGIN_CUT = "proxy_login_cut"
    PROXY_LOGIN_FAILED = "proxy_login_failed"
    NO_KERBEROS = "no_kerberos"
    NO_TICKET = "no_ticket"
    TICKET_EXPIRED = "ticket_expired"
    CLOCK_SKEW = "clock_skew"
    SERVICE_UNKNOWN = "service_unknown"
    NO_KDC = "no_kdc"
    KDC_REFUSES = "kdc_refuses"
    PROXY_FORBIDS = "proxy_forbids"
    PROXY_REPORTS = "proxy_reports"
    HELLO_CUT = "hello_cut"
    HELLO_DROPPED = "hello_dropped"
    ANSWER_TORN = "answer_torn"
    ANSWER_MISSING = "answer_missing"
    HELLO_UNANSWERED = "hello_unanswered"
    TUNNEL_SILENT = "tunnel_silent"
    NAME_DECIDES = "name_decides"
    ONE_SEGMENT_READ = "one_segment_read"
    NAME_BEHIND = "name_behind"
    LONG_HELLOS_LOST = "long_hellos_lost"
    ML_KEM_FILTERED = "ml_kem_filtered"
    TLS_1_3_FILTERED = "tls_1_3_filtered"
    BIG_HELLOS_LOST = "big_hellos_lost"
    BIG_ANSWERS_LOST = "big_answers_lost"
    PLAIN_HTTP = "plain_http"
    NO_TLS = "no_tls"
    ALERT_CLIENT = "alert_client_certificate"
    ALERT_ALPN = "alert_alpn"
    ALERT_NAME = "alert_name"
    ALERT = "alert"
    CHAIN_REFUSED = "chain_refused"
    CHAIN_INCOMPLETE = "chain_incomplete"
    UPGRADE_DROPPED = "upgrade_dropped"
    UPGRADE_UNANSWERED = "upgrade_unanswered"
    UPGRADE_CUT = "upgrade_cut"
    UPGRADE_STRIPPED = "upgrade_stripped"
    REDIRECTED = "redirected"
    SENT_AWAY = "sent_away"
    PORTAL = "portal"
    LOGIN_WANTED = "login_wanted"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - no secret: what was met
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    HTTP_REFUSED = "http_refused"
    ALPN_NOT_SPOKEN = "alpn_not_spoken"
    NO_HTTP = "no_http"
    BEFORE_REFUSED = "before_refused"
    BEFORE_LACKS = "before_lacks"
    BEFORE_FAILED = "before_failed"
    OPEN_REFUSED = "open_refused"
    BROKER_REFUSED = "broker_refused"
    OPEN_DROPPED = "open_dropped"
    OPEN_UNANSWERED = "open_unanswered"
    OPEN_CUT = "open_cut"
    GET_UNANSWERED = "get_unanswered"
    TOOL_LIMIT = "tool_limit"
    UNNAMED = "unnamed"


_STATUS = {
    403: Obstacle.FORBIDDEN,
    404: Obstacle.NOT_FOUND,
    _PORTAL: Obstacle.PORTAL,
}
_ALERTS = {
    **dict.fromkeys((42, 43, 44, 45, 46, 48, 116), Obstacle.ALERT_CLIENT),
    112: Obstacle.ALERT_NAME,
    120: Obstacle.ALERT_ALPN,
}
_BEFORE = {
    Kind.HTTP_REFUSAL: Obstacle.BEFORE_REFUSED,
    Kind.MESSAGE_REFUSAL: Obstacle.BEFORE_LACKS,
    Kind.RESOLVE_ERROR: Obstacle.NAME_UNANSWERED,
    Kind.CERTIFICATE: Obstacle.CHAIN_REFUSED,
}
_CUT = frozenset({Kind.TCP_FIN, Kind.TCP_RESET})
_SAID_NO = frozenset({Kind.MESSAGE_REFUSAL, Kind.MQTT_DISCONNECT, Kind.WS_CLOSE})
_LOGINS = {
    LoginTrouble.NOT_SPOKEN: Obstacle.PROXY_LOGIN_NOT_SPOKEN,
    LoginTrouble.NOT_ALLOWED: Obstacle.PROXY_LOGIN_NOT_ALLOWED,
    LoginTrouble.NO_LOGIN: Obstacle.PROXY_LOGIN,
    LoginTrouble.REFUSED: Obstacle.PROXY_LOGIN_REFUSED,
    LoginTrouble.KEPT_BACK: Obstacle.PROXY_LOGIN_REFUSED,
    LoginTrouble.CUT: Obstacle.PROXY_LOGIN_CUT,
    LoginTrouble.NO_LIBRARY: Obstacle.NO_KERBEROS,
    LoginTrouble.NO_TICKET: Obstacle.NO_TICKET,
    LoginTrouble.TICKET_EXPIRED: Obstacle.TICKET_EXPIRED,
    LoginTrouble.CLOCK_SKEW: Obstacle.CLOCK_SKEW,
    LoginTrouble.SERVICE_UNKNOWN: Obstacle.SERVICE_UNKNOWN,
    LoginTrouble.NO_KDC: Obstacle.NO_KDC,
    LoginTrouble.PASSWORD_WRONG: Obstacle.KDC_REFUSES,
    LoginTrouble.FAILED: Obstacle.PROXY_LOGIN_FAILED,
}
LOGIN_OBSTACLES = frozenset(_LOGINS.values())
"""The proxy asks for a login and gets none that it takes."""
_LOST = {
    HelloFate.UNACKNOWLEDGED: Obstacle.HELLO_DROPPED,
    HelloFate.ANSWER_TORN: Obstacle.ANSWER_TORN,
    HelloFate.ANSWER_MISSING: Obstacle.ANSWER_MISSING,
    HelloFate.UNKNOWN: Obstacle.HELLO_UNANSWERED,
}


class Stopped(NamedTuple):
    """An attempt that failed, as far as it tells what it met."""

    ending: Ending
    tls: TlsFacts | None
    """What the handshake agreed on, if it came so far."""
    by_proxy: bool
    """TCP goes to a proxy that the plan names: what was acknowledged, the proxy acknowledged."""
    carries_token: bool = False
    """The request held an Authorization or a cookie."""
    is_page: bool = False
    """A page was asked for, no WebSocket."""
    names_issuer: bool = False
    """The chain says where the certificate that it lacks may be fetched."""


def is_about_certificate(alert: int | None) -> bool:
    """Whether a TLS alert is about the client certificate: none was sent, or a bad one."""
    return _ALERTS.get(alert or 0) is Obstacle.ALERT_CLIENT


def obstacle_of(one: Stopped) -> Obstacle:
    """Name it."""
    kind, phase = one.ending.kind, one.ending.phase
    if kind is Kind.TOOL:
        return Obstacle.TOOL_LIMIT
    whole = _WHOLE_PHASE.get(Phase.PROXY if one.by_proxy and phase is Phase.CONNECT else phase)
    if whole is not None:
        return whole(one)
    if kind is Kind.RESOLVE_ERROR or phase is Phase.RESOLVE:
        return _of_name(one.ending)
    if kind is Kind.HTTP_REFUSAL:
        return _of_status(one)
    if kind is Kind.CERTIFICATE and one.names_issuer:
        return Obstacle.CHAIN_INCOMPLETE
    by_kind = _BY_KIND.get(kind)
    return by_kind or _BY_PHASE.get(phase, _unnamed)(one)


def _of_name(ending: Ending) -> Obstacle:
    is_unknown = ending.failure == "dns_nxdomain_error"
    return Obstacle.NAME_UNKNOWN if is_unknown else Obstacle.NAME_UNANSWERED


def _of_before(one: Stopped) -> Obstacle:
    return _BEFORE.get(one.ending.kind, Obstacle.BEFORE_FAILED)


def _of_proxy(one: Stopped) -> Obstacle:
    ending = one.ending
    if ending.kind is not Kind.PROXY_ERROR or ending.status is None:
        return Obstacle.PROXY_UNREACHED
    if ending.status == _PROXY_LOGIN:
        return _of_login(ending)
    own = decided_by_proxy(ending.failure, ending.status)
    return Obstacle.PROXY_FORBIDS if own else Obstacle.PROXY_REPORTS


def _of_login(ending: Ending) -> Obstacle:
    login = ending.evidence.login
    if login is not None:
        return _LOGINS[login.trouble]
    # A run of before logins were recorded: Basic alone was spoken.
    wanted = [scheme.lower() for scheme in schemes(ending.evidence.headers)]
    is_spoken = not wanted or "basic" in wanted
    return Obstacle.PROXY_LOGIN if is_spoken else Obstacle.PROXY_LOGIN_NOT_SPOKEN


def schemes(headers: Mapping[str, str]) -> list[str]:
    """Of a list of challenges (RFC 9110 section 11.6.1): words with no `=` in them."""
    lowered = {name.lower(): value for name, value in headers.items()}
    offered = lowered.get("proxy-authenticate", "")
    words = (part.strip().split(" ", 1)[0] for part in offered.split(","))
    return list(dict.fromkeys(word for word in words if word and "=" not in word))


def _of_connect(one: Stopped) -> Obstacle:
    is_ours = one.ending.initiator is Initiator.HOST
    if not is_ours and one.ending.in_clear and one.ending.kind in _CUT:
        return Obstacle.ACCEPT_CUT
    return Obstacle.NOTHING_LEFT if is_ours else Obstacle.NO_CONNECTION


def _of_hello(one: Stopped) -> Obstacle:
    ending = one.ending
    if ending.kind is Kind.TLS_ALERT:
        return _ALERTS.get(ending.alert or 0, Obstacle.ALERT)
    if ending.kind is Kind.PROTOCOL_ERROR:
        texts = (ending.evidence.first_bytes or "", ending.raw or "")
        is_http = any(mark in text for mark in PLAIN_HTTP for text in texts)
        return Obstacle.PLAIN_HTTP if is_http else Obstacle.NO_TLS
    if ending.kind is Kind.UNREACHABLE:
        return _of_connect(one)
    fate = hello_fate(ending)
    info = ending.evidence.tcp_info
    is_long = info is not None and info.unacked > 1  # its size may be what does not pass
    if fate is None or fate is HelloFate.CUT:
        return Obstacle.UNNAMED if fate is None else Obstacle.HELLO_CUT
    if one.by_proxy:
        return Obstacle.TUNNEL_SILENT
    return Obstacle.HELLO_UNANSWERED if is_long else _LOST[fate]


def _of_upgrade(one: Stopped) -> Obstacle:
    kind, fate = one.ending.kind, hello_fate(one.ending)
    if kind is Kind.TLS_ALERT:
        return _ALERTS.get(one.ending.alert or 0, Obstacle.ALERT)
    if fate is HelloFate.UNACKNOWLEDGED and not one.by_proxy:
        return Obstacle.UPGRADE_DROPPED
    if one.tls is not None and one.tls.alpn not in _SPOKEN_ALPN:
        return Obstacle.ALPN_NOT_SPOKEN
    if one.is_page:
        return Obstacle.GET_UNANSWERED
    if fate is HelloFate.CUT:
        return Obstacle.UPGRADE_CUT
    return Obstacle.NO_HTTP if kind is Kind.PROTOCOL_ERROR else Obstacle.UPGRADE_UNANSWERED


def _of_open(one: Stopped) -> Obstacle:
    kind, fate = one.ending.kind, hello_fate(one.ending)
    if kind is Kind.MQTT_REFUSAL:
        return Obstacle.BROKER_REFUSED
    if kind in _SAID_NO:
        return Obstacle.OPEN_REFUSED
    if fate is HelloFate.UNACKNOWLEDGED and not one.by_proxy:
        return Obstacle.OPEN_DROPPED
    is_cut = fate is HelloFate.CUT or kind in {Kind.TLS_ALERT, Kind.PROTOCOL_ERROR}
    return Obstacle.OPEN_CUT if is_cut else Obstacle.OPEN_UNANSWERED


def _of_status(one: Stopped) -> Obstacle:
    status = one.ending.status or 0
    if status in _REDIRECTS:
        is_own = one.tls is not None and one.tls.is_proved
        return Obstacle.REDIRECTED if is_own else Obstacle.SENT_AWAY
    if status == _UNAUTHORIZED:
        return Obstacle.TOKEN_REFUSED if one.carries_token else Obstacle.LOGIN_WANTED
    if status in _UPGRADE_LOST and not one.is_page:
        return Obstacle.UPGRADE_STRIPPED
    return _STATUS.get(status, Obstacle.HTTP_REFUSED)


def _unnamed(_one: Stopped) -> Obstacle:
    return Obstacle.UNNAMED


_WHOLE_PHASE = {Phase.BEFORE: _of_before, Phase.PROXY: _of_proxy}
_BY_KIND = {Kind.REFUSED: Obstacle.PORT_REFUSED, Kind.CERTIFICATE: Obstacle.CHAIN_REFUSED}
_BY_PHASE: dict[Phase, Callable[[Stopped], Obstacle]] = {
    Phase.CONNECT: _of_connect,
    Phase.TLS: _of_hello,
    Phase.UPGRADE: _of_upgrade,
    Phase.OPEN: _of_open,
}
