"""Endings in plain words, and never more than the evidence says.

The one place that turns what a peer sent (close reasons, raw errors) into text that may be
shown: quoted, cut, and with every character escaped that could play with a terminal.
"""

from collections.abc import Iterator

from stresser.model.ending import (
    BRACKETED,
    WORKER_DIED,
    Ending,
    Grade,
    Initiator,
    Kind,
    Phase,
)
from stresser.model.events import WorkerEnded
from stresser.model.units import NS_PER_S, escaped, format_duration, shown

_LONGEST_REASON = 80
_LONGEST_HOW = 80
_WORTH_NAMING_NS = NS_PER_S

_KIND_WORDS = {
    Kind.TCP_RESET: ("TCP reset", "TCP resets"),
    Kind.TCP_FIN: ("TCP FIN without a goodbye", "TCP FINs without a goodbye"),
    Kind.TLS_CLOSE_NOTIFY: ("TLS close_notify", "TLS close_notify"),
    Kind.TLS_ALERT: ("fatal TLS alert", "fatal TLS alerts"),
    Kind.WS_CLOSE: ("WebSocket close", "WebSocket closes"),
    Kind.PROTOCOL_ERROR: ("protocol error", "protocol errors"),
    Kind.HTTP_REFUSAL: ("HTTP refusal", "HTTP refusals"),
    Kind.MQTT_REFUSAL: ("MQTT refusal", "MQTT refusals"),
    Kind.MQTT_DISCONNECT: ("MQTT DISCONNECT", "MQTT DISCONNECTs"),
    Kind.MESSAGE_REFUSAL: ("message not answered as wanted", "messages not answered as wanted"),
    Kind.SILENCE: ("black hole", "black holes"),
    Kind.UNRESPONSIVE: ("ping without pong", "pings without pong"),
    Kind.UNREACHABLE: ("unreachable error", "unreachable errors"),
    Kind.KERNEL_TIMEOUT: ("kernel timeout", "kernel timeouts"),
    Kind.REFUSED: ("refused connection", "refused connections"),
    Kind.RESOLVE_ERROR: ("resolve error", "resolve errors"),
    Kind.CERTIFICATE: ("certificate error", "certificate errors"),
    Kind.PROXY_ERROR: ("proxy error", "proxy errors"),
    Kind.TIMEOUT: ("timeout", "timeouts"),
    Kind.HOST_SLEPT: ("sleep of this host", "sleeps of this host"),
    Kind.TOOL: ("limit of stresser itself", "limits of stresser itself"),
    Kind.FOUND_DEAD: ("session found dead", "sessions found dead"),
    Kind.PLANNED: ("planned ending", "planned endings"),
    Kind.UNKNOWN: ("unknown cause", "unknown causes"),
}

INITIATOR_WORDS = {
    Initiator.ENDPOINT: "by the endpoint",
    Initiator.MIDDLEBOX: "by a middlebox",
    Initiator.HOST: "by this host",
    Initiator.TOOL: "by stresser itself",
    Initiator.PLAN: "by the plan",
    Initiator.UNKNOWN: "initiator unknown",
}

GRADE_WORDS = {
    Grade.ERRNO: "the error code",
    Grade.TCP_INFO: "the kernel's TCP state",
    Grade.PACKET: "packets",
    Grade.COMPARISON: "what lived and ended beside it",
    Grade.REFLECTOR: "the far side's own record",
}
"""What supports the initiator."""

_SAID_UNDER_TLS = frozenset(
    {Kind.WS_CLOSE, Kind.MQTT_DISCONNECT, Kind.TLS_CLOSE_NOTIFY, Kind.TLS_ALERT}
)
_CODED = frozenset({Kind.WS_CLOSE, Kind.MQTT_REFUSAL, Kind.MQTT_DISCONNECT})
_NO_KEYS_YET = frozenset({Phase.PROXY, Phase.TLS})
_WHAT = {
    Kind.TCP_RESET: "reset by TCP RST",
    Kind.TCP_FIN: "closed by TCP FIN without a TLS close_notify",
    Kind.TLS_CLOSE_NOTIFY: "TLS close_notify",
    Kind.TLS_ALERT: "fatal TLS alert",
    Kind.WS_CLOSE: "WebSocket close",
    Kind.PROTOCOL_ERROR: "bytes that break the protocol",
    Kind.HTTP_REFUSAL: "upgrade refused",
    Kind.MQTT_REFUSAL: "refused by the broker",
    Kind.MQTT_DISCONNECT: "MQTT DISCONNECT",
    Kind.MESSAGE_REFUSAL: "message not answered as wanted",
    Kind.SILENCE: "black hole: what we sent was never acknowledged",
    Kind.UNRESPONSIVE: "unresponsive: TCP acknowledged our ping, no pong came",
    Kind.UNREACHABLE: "unreachable: ICMP or routing error",
    Kind.KERNEL_TIMEOUT: "the kernel gave up (ETIMEDOUT)",
    Kind.REFUSED: "refused (RST in answer to SYN)",
    Kind.RESOLVE_ERROR: "the name did not resolve",
    Kind.CERTIFICATE: "the certificate chain does not verify",
    Kind.PROXY_ERROR: "refused by the proxy",
    Kind.TIMEOUT: "no answer within our deadline",
    Kind.HOST_SLEPT: "this host slept",
    Kind.TOOL: "stresser's own limit",
    Kind.FOUND_DEAD: "found dead",
    Kind.PLANNED: "ended as planned",
    Kind.UNKNOWN: "cause unknown",
}
_CLOSE_CODES = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "no code given",
    1006: "no close frame",
    1007: "invalid payload",
    1008: "policy violation",
    1009: "message too big",
    1010: "extension missing",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
}
"""RFC 6455 section 7.4.1 and the IANA registry of WebSocket close codes."""
ALERT_NAMES = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 8446 section 6."""
_PHASE_WORDS = {
    Phase.BEFORE: "request before the session",
    Phase.RESOLVE: "resolve",
    Phase.CONNECT: "TCP connect",
    Phase.PROXY: "proxy",
    Phase.TLS: "TLS handshake",
    Phase.UPGRADE: "WebSocket upgrade",
    Phase.OPEN: "first messages",
    Phase.HELD: "held",
    Phase.CLOSING: "closing",
}


def counted(count: int, noun: str) -> str:
    """`1 drop`, `24 drops`, `1,204 attempts`: for nouns whose plural only adds an s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def worker_end_words(event: WorkerEnded) -> str:
    """How a process of the run died: `Worker 2 of 3 died (killed by SIGKILL)`."""
    how = escaped(event.how, _LONGEST_HOW)
    return f"Worker {event.worker} of {event.workers} died ({how})"


def ended_by_tool(endings: int, workers: int, lost: int) -> Iterator[str]:
    """What stresser itself ended: clauses of what so many `workers` that died held, and of others.

    `endings`: those by the tool, among them `lost`, which workers held that died.
    """
    if workers:
        lost_words = counted(lost, "session")
        yield f"{counted(workers, 'worker')} of stresser died, and {lost_words} ended with that"
    if endings > lost:
        yield f"{counted(endings - lost, 'ending')} through limits of stresser itself"


def kind_words(kind: Kind, count: int = 1) -> str:
    """What endings of this kind are called: `TCP reset`, `TCP resets`."""
    return _KIND_WORDS[kind][count != 1]


def ending_in_words(ending: Ending) -> str:
    """One ending as a sentence without its full stop.

    Example: `reset by TCP RST after 4 s of silence, 12 s after it opened; initiator unknown`.
    """
    if ending.planned:
        return f"{_what(ending)}, {format_duration(ending.age_ns)} after it opened"
    when = _when_held(ending) if ending.phase is Phase.HELD else _when_in_phase(ending)
    return f"{_what(ending)}{when}; {INITIATOR_WORDS[ending.initiator]}"


def _what(ending: Ending) -> str:
    words = _WHAT[ending.kind]
    if ending.kind is Kind.TOOL and ending.failure == WORKER_DIED:
        words = "the worker that held it died"
    elif ending.kind is Kind.TCP_FIN and ending.in_clear:
        words = "closed by TCP FIN (there is no TLS)"
    elif ending.kind is Kind.HTTP_REFUSAL and ending.phase is Phase.BEFORE:
        words = "refused"
    words += _detail(ending)
    if ending.kind in _SAID_UNDER_TLS and ending.in_clear:
        words += " in clear"
    elif ending.kind in _SAID_UNDER_TLS and ending.phase not in _NO_KEYS_YET:
        # An interceptor holds the keys too: the frame proves the TLS end, not the endpoint.
        # Before the handshake is done there are no keys, and anybody can send an alert.
        words += " from the TLS end"
    if ending.reason:
        words += f", reason {shown(ending.reason, _LONGEST_REASON)}"
    return words


def _detail(ending: Ending) -> str:
    """Its code, number or status."""
    if ending.kind in _CODED:
        return _code(ending.code, _CLOSE_CODES if ending.kind is Kind.WS_CLOSE else {})
    if ending.kind is Kind.TLS_ALERT:
        return _code(ending.alert, ALERT_NAMES)
    if ending.kind is Kind.HTTP_REFUSAL and ending.status is not None:
        return f" with HTTP {ending.status}"
    if ending.kind is Kind.MESSAGE_REFUSAL and ending.evidence.last_text is not None:
        return f", last text {shown(ending.evidence.last_text, _LONGEST_REASON)}"
    if ending.kind is Kind.PROXY_ERROR and ending.status is not None:
        return f" with {_proxy_protocol(ending)} {ending.status}"
    return ""


def _proxy_protocol(ending: Ending) -> str:
    return "SOCKS reply" if (ending.failure or "").startswith("socks_") else "HTTP"


def _code(code: int | None, names: dict[int, str]) -> str:
    if code is None:
        return ""
    return f" {code} ({names[code]})" if code in names else f" {code}"


def _when_held(ending: Ending) -> str:
    age = format_duration(ending.age_ns)
    if ending.kind in BRACKETED and ending.alive_at_ns < ending.dead_by_ns:
        alive = _into(ending, ending.alive_at_ns)
        return f"{_ping(ending)}; ended between {alive} and {age} after it opened"
    since_ns, silence_ns = ending.evidence.since_sent_ns, ending.silence_ns or 0
    if ending.answers_send and since_ns is not None and silence_ns >= _WORTH_NAMING_NS:
        sent, silence = format_duration(since_ns), format_duration(silence_ns)
        return f" {sent} after we had sent into {silence} of silence, {age} after it opened"
    silence = ""
    if ending.idle_ns is not None:
        silence = f" after {format_duration(ending.idle_ns)} of silence"
    unasked = " (it came unasked)" if ending.unasked else ""
    return f"{silence}, {age} after it opened{unasked}"


def _ping(ending: Ending) -> str:
    sent_ns = ending.evidence.ping_sent_ns
    return "" if sent_ns is None else f", ping sent at {_into(ending, sent_ns)}"


def _into(ending: Ending, t_ns: int) -> str:
    """A moment of the run as time since the session opened."""
    opened_ns = ending.dead_by_ns - ending.age_ns
    return format_duration(max(t_ns - opened_ns, 0))


def _when_in_phase(ending: Ending) -> str:
    phase = _PHASE_WORDS[ending.phase]
    since = "it opened" if ending.phase is Phase.CLOSING else "the attempt began"
    return f" in phase {phase}, {format_duration(ending.age_ns)} after {since}"
