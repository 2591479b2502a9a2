"""What was seen -> `Ending`: pure, one small rule for each kind of fault.

A fault says what happened; the witnesses say what else was true at that moment. This module says
what kind of ending it was; who ended it is judged by the table in `rules.py`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec.structs import replace

from stresser.classify.announced_rules import PROXY_ALERT
from stresser.classify.errno_table import meaning_of
from stresser.classify.judge import Judgement, judge
from stresser.classify.observations import SLEPT_AT_LEAST_NS, Observations
from stresser.classify.rule import Case
from stresser.classify.standing import make_ending
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase, Proof
from stresser.model.evidence import Evidence
from stresser.model.faults import (
    CannotSend,
    CertificateRejected,
    DeadlinePassed,
    FoundDead,
    HttpRefused,
    MessageRefused,
    MqttDisconnected,
    MqttRefused,
    NameNotResolved,
    NoPong,
    PeerAlert,
    PeerClosed,
    PeerCloseNotify,
    PeerFin,
    Planned,
    ProtocolViolation,
    ProxyAlert,
    ProxyRefused,
    SecretWithheld,
)


class FaultKind(NamedTuple):
    """What kind of ending a fault is."""

    kind: Kind
    failure: str | None
    fields: Mapping[str, Any] = MappingProxyType({})


def classify(fault: BaseException, seen: Observations) -> Ending:
    """The ending of an attempt or session."""
    finding = _find(fault, seen)
    failed_here = isinstance(fault, CannotSend)
    status = finding.fields.get("status")
    judgement = judge(Case(finding.kind, finding.failure, seen, failed_here, status))
    return settled(
        seen,
        finding,
        judgement.initiator,
        _grade(finding.kind, judgement),
        evidence=_with_reasons(seen.evidence, judgement),
        raw=_raw(fault),
    )


def settled(
    seen: Observations,
    finding: FaultKind,
    initiator: Initiator,
    grade: Grade,
    *,
    evidence: Evidence,
    raw: str | None,
) -> Ending:
    """The ending with its times, and with all that follows from them."""
    dead_by = seen.detected_ns
    if seen.dead_by_ns is not None:
        dead_by = min(dead_by, seen.dead_by_ns)
    since = seen.last_passed_ns
    return make_ending(
        phase=seen.phase,
        kind=finding.kind,
        initiator=initiator,
        age_ns=max(0, dead_by - seen.began_ns),
        idle_ns=None if since is None else max(0, dead_by - since),
        alive_at_ns=min(seen.alive_ns, dead_by),
        dead_by_ns=dead_by,
        evidence=evidence,
        failure=finding.failure,
        grade=grade,
        planned=finding.kind is Kind.PLANNED,
        detected_at_ns=seen.detected_ns,
        raw=raw,
        in_clear=seen.in_clear,
        **finding.fields,
    )


def _grade(kind: Kind, judgement: Judgement) -> Grade:
    """Where no one is named, the grade is that of the kind: TCP_INFO tells these two apart."""
    if judgement.initiator is Initiator.UNKNOWN and judgement.grade is Grade.ERRNO:
        return Grade.TCP_INFO if kind in {Kind.SILENCE, Kind.UNRESPONSIVE} else Grade.ERRNO
    return judgement.grade


def _with_reasons(evidence: Evidence, judgement: Judgement) -> Evidence:
    if judgement.initiator is Initiator.PLAN:
        return evidence
    return replace(evidence, why=list(judgement.why), against=list(judgement.against))


def _find(fault: BaseException, seen: Observations) -> FaultKind:
    finding = _rule_for(fault)(fault, seen)
    if seen.slept_ns >= SLEPT_AT_LEAST_NS and finding.kind is not Kind.PLANNED:
        # Whatever the socket says, nobody was there to keep the session alive.
        return FaultKind(Kind.HOST_SLEPT, finding.failure)
    return finding


def _raw(fault: BaseException) -> str | None:
    if isinstance(fault, Planned):
        return None
    cause = fault.__cause__
    texts = [f"{type(e).__name__}: {e}" for e in (fault, cause) if e is not None]
    return " <- ".join(texts)[:512]


def _planned(_fault: Any, _seen: Observations) -> FaultKind:
    return FaultKind(Kind.PLANNED, None)


def _found_dead(_fault: Any, _seen: Observations) -> FaultKind:
    return FaultKind(Kind.FOUND_DEAD, "found_dead", {"proved": Proof.DEAD})


def _os_error(fault: OSError, seen: Observations) -> FaultKind:
    kind, failure = meaning_of(fault, local_address_chosen=seen.source_chosen)
    return FaultKind(kind, failure)


def _fin(_fault: Any, _seen: Observations) -> FaultKind:
    return FaultKind(Kind.TCP_FIN, "eof_error")


def _close_notify(_fault: Any, _seen: Observations) -> FaultKind:
    return FaultKind(Kind.TLS_CLOSE_NOTIFY, "tls_close_notify")


def _alert(fault: PeerAlert, seen: Observations) -> FaultKind:
    failure = "ssl_failed_handshake" if seen.phase is Phase.TLS else "tls_alert"
    return FaultKind(Kind.TLS_ALERT, failure, {"alert": fault.number})


def _ws_close(fault: PeerClosed, _seen: Observations) -> FaultKind:
    fields = {"code": fault.code, "reason": fault.reason or None}
    return FaultKind(Kind.WS_CLOSE, "websocket_close", fields)


def _violation(fault: ProtocolViolation, _seen: Observations) -> FaultKind:
    return FaultKind(Kind.PROTOCOL_ERROR, f"{fault.layer}_protocol_error")


def _refusal(fault: HttpRefused, _seen: Observations) -> FaultKind:
    fields = {"status": fault.status, "reason": fault.reason or None}
    return FaultKind(Kind.HTTP_REFUSAL, "http_request_failed", fields)


def _message_refused(fault: MessageRefused, _seen: Observations) -> FaultKind:
    fields = {"code": fault.code, "reason": fault.reason or None}
    return FaultKind(Kind.MESSAGE_REFUSAL, "message_refused", fields)


def _mqtt_refused(fault: MqttRefused, _seen: Observations) -> FaultKind:
    fields = {"code": fault.code, "reason": fault.reason or None}
    return FaultKind(Kind.MQTT_REFUSAL, "mqtt_refused", fields)


def _mqtt_disconnect(fault: MqttDisconnected, _seen: Observations) -> FaultKind:
    fields = {"code": fault.code, "reason": fault.reason or None}
    return FaultKind(Kind.MQTT_DISCONNECT, "mqtt_disconnect", fields)


def _proxy_refused(fault: ProxyRefused, _seen: Observations) -> FaultKind:
    fields = {"status": fault.status, "reason": fault.reason or None}
    return FaultKind(Kind.PROXY_ERROR, fault.failure, fields)


def _proxy_alert(fault: ProxyAlert, _seen: Observations) -> FaultKind:
    return FaultKind(Kind.TLS_ALERT, PROXY_ALERT, {"alert": fault.number})


# X509_V_ERR_ numbers (openssl/x509_vfy.h) with an OONI name of their own.
_HOSTNAME_MISMATCH = (62, 64)
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)


def _certificate(fault: CertificateRejected, _seen: Observations) -> FaultKind:
    if isinstance(fault, SecretWithheld):
        return FaultKind(Kind.CERTIFICATE, "secret_withheld")
    if fault.verify_code in _HOSTNAME_MISMATCH:
        return FaultKind(Kind.CERTIFICATE, "ssl_invalid_hostname")
    if fault.verify_code in _UNKNOWN_AUTHORITY:
        return FaultKind(Kind.CERTIFICATE, "ssl_unknown_authority")
    return FaultKind(Kind.CERTIFICATE, "ssl_invalid_certificate")


# getaddrinfo(3): EAI_NONAME and EAI_NODATA say that the name does not exist or has no address;
# EAI_AGAIN that no server answered. macOS numbers them 8, 7 and 2, Windows 11001, 11004, 11002.
_NO_SUCH_NAME = (-2, -5, 8, 7, 11001, 11004)
_TRY_AGAIN = (-3, 2, 11002)


def _unresolved(fault: NameNotResolved, _seen: Observations) -> FaultKind:
    if fault.code in _NO_SUCH_NAME:
        return FaultKind(Kind.RESOLVE_ERROR, "dns_nxdomain_error")
    if fault.code in _TRY_AGAIN:
        return FaultKind(Kind.RESOLVE_ERROR, "dns_temporary_failure")
    return FaultKind(Kind.RESOLVE_ERROR, "dns_lookup_error")


def _deadline(_fault: Any, _seen: Observations) -> FaultKind:
    return FaultKind(Kind.TIMEOUT, "generic_timeout_error")


def _no_pong(_fault: Any, seen: Observations) -> FaultKind:
    if seen.sent is None:
        # Without TCP_INFO nobody can say whether the ping arrived.
        return FaultKind(Kind.UNKNOWN, "no_pong")
    kind = Kind.SILENCE if seen.sent.is_waiting else Kind.UNRESPONSIVE
    return FaultKind(kind, "generic_timeout_error")


def _unknown(fault: BaseException, _seen: Observations) -> FaultKind:
    return FaultKind(Kind.UNKNOWN, f"unknown_failure: {type(fault).__name__}")


_RULES: list[tuple[type[BaseException], Callable[[Any, Observations], FaultKind]]] = [
    (Planned, _planned),
    (FoundDead, _found_dead),
    (PeerFin, _fin),
    (PeerCloseNotify, _close_notify),
    (ProxyAlert, _proxy_alert),
    (ProxyRefused, _proxy_refused),
    (PeerAlert, _alert),
    (PeerClosed, _ws_close),
    (ProtocolViolation, _violation),
    (HttpRefused, _refusal),
    (MessageRefused, _message_refused),
    (MqttRefused, _mqtt_refused),
    (MqttDisconnected, _mqtt_disconnect),
    (CertificateRejected, _certificate),
    (NameNotResolved, _unresolved),
    (DeadlinePassed, _deadline),
    (NoPong, _no_pong),
    (OSError, _os_error),
]


def _rule_for(fault: BaseException) -> Callable[[Any, Observations], FaultKind]:
    for kind_of_fault, rule in _RULES:
        if isinstance(fault, kind_of_fault):
            return rule
    return _unknown
