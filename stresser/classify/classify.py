"""What was seen -> `Ending`: pure, one small rule for each kind of fault.

A fault says what happened; the witnesses say what else was true at that moment. Nothing here
guesses: an initiator that the evidence does not show is `unknown`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import Struct, field

from stresser.classify.errno_table import meaning_of
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase
from stresser.model.faults import (
    CertificateRejected,
    DeadlinePassed,
    HttpRefused,
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
from stresser.model.units import NS_PER_MS


class Sighting(Struct, frozen=True, kw_only=True):
    """What the witnesses knew when an attempt or session stopped. Times: run clock, ns."""

    phase: Phase
    began_ns: int
    """Start of the attempt, or opening of the session."""
    detected_ns: int
    alive_ns: int
    """Last byte or acknowledgement from the other side (or `began_ns`)."""
    dead_by_ns: int | None = None
    """First proof of death, where it is not the detection itself."""
    last_passed_ns: int | None = None
    """When the last byte passed in either direction, before the death."""
    tls_end_verified: bool = False
    """The TLS end proved to be the endpoint: its chain verifies."""
    source_chosen: bool = False
    unacked: int | None = None
    """Segments unacknowledged (TCP_INFO); None: the kernel did not tell."""
    slept_ns: int = 0
    """How long the host was suspended since the last proof of life."""
    evidence: dict[str, Any] = field(default_factory=dict)


class Finding(NamedTuple):
    """What a rule says of a fault."""

    kind: Kind
    failure: str | None
    initiator: Initiator = Initiator.UNKNOWN
    grade: Grade = Grade.ERRNO
    fields: Mapping[str, Any] = MappingProxyType({})


_SLEPT_AT_LEAST_NS = 1000 * NS_PER_MS
"""A suspend shorter than this is not one: the two clocks are read one after the other."""


def classify(fault: BaseException, seen: Sighting) -> Ending:
    """The ending of an attempt or session."""
    finding = _find(fault, seen)
    dead_by = seen.detected_ns
    if seen.dead_by_ns is not None:
        dead_by = min(dead_by, seen.dead_by_ns)
    since = seen.last_passed_ns
    return Ending(
        phase=seen.phase,
        kind=finding.kind,
        failure=finding.failure,
        initiator=finding.initiator,
        grade=finding.grade,
        planned=finding.kind is Kind.PLANNED,
        age_ns=max(0, dead_by - seen.began_ns),
        idle_ns=None if since is None else max(0, dead_by - since),
        alive_at_ns=min(seen.alive_ns, dead_by),
        dead_by_ns=dead_by,
        detected_at_ns=seen.detected_ns,
        evidence=seen.evidence,
        raw=_raw(fault),
        **finding.fields,
    )


def _find(fault: BaseException, seen: Sighting) -> Finding:
    finding = _rule_for(fault)(fault, seen)
    if seen.slept_ns >= _SLEPT_AT_LEAST_NS and finding.kind is not Kind.PLANNED:
        # Whatever the socket says, nobody was there to keep the session alive.
        return Finding(Kind.HOST_SLEPT, finding.failure, Initiator.HOST)
    return finding


def _raw(fault: BaseException) -> str | None:
    if isinstance(fault, Planned):
        return None
    cause = fault.__cause__
    texts = [f"{type(e).__name__}: {e}" for e in (fault, cause) if e is not None]
    return " <- ".join(texts)[:512]


def _planned(_fault: Any, _seen: Sighting) -> Finding:
    return Finding(Kind.PLANNED, None, Initiator.PLAN)


def _os_error(fault: OSError, seen: Sighting) -> Finding:
    kind, failure = meaning_of(fault, local_address_chosen=seen.source_chosen)
    initiator = Initiator.TOOL if kind is Kind.TOOL else Initiator.UNKNOWN
    return Finding(kind, failure, initiator)


def _fin(_fault: Any, _seen: Sighting) -> Finding:
    return Finding(Kind.TCP_FIN, "eof_error")


def _tls_end(seen: Sighting) -> Initiator:
    """Who holds the other end of TLS: only its chain can say that it is the endpoint."""
    return Initiator.ENDPOINT if seen.tls_end_verified else Initiator.UNKNOWN


def _close_notify(_fault: Any, seen: Sighting) -> Finding:
    return Finding(Kind.TLS_CLOSE_NOTIFY, "tls_close_notify", _tls_end(seen))


def _alert(fault: PeerAlert, seen: Sighting) -> Finding:
    # Before the handshake is done an alert is not authenticated: anybody can send it.
    initiator = _tls_end(seen) if seen.phase is not Phase.TLS else Initiator.UNKNOWN
    failure = "ssl_failed_handshake" if seen.phase is Phase.TLS else "tls_alert"
    return Finding(Kind.TLS_ALERT, failure, initiator, fields={"alert": fault.number})


def _ws_close(fault: PeerClosed, seen: Sighting) -> Finding:
    fields = {"code": fault.code, "reason": fault.reason or None}
    return Finding(Kind.WS_CLOSE, "websocket_close", _tls_end(seen), fields=fields)


def _violation(fault: ProtocolViolation, _seen: Sighting) -> Finding:
    return Finding(Kind.PROTOCOL_ERROR, f"{fault.layer}_protocol_error")


def _refusal(fault: HttpRefused, seen: Sighting) -> Finding:
    fields = {"status": fault.status, "reason": fault.reason or None}
    return Finding(Kind.HTTP_REFUSAL, "http_request_failed", _tls_end(seen), fields=fields)


def _proxy_refused(fault: ProxyRefused, _seen: Sighting) -> Finding:
    # It was asked by name, over a connection of its own, and said no.
    fields = {"status": fault.status, "reason": fault.reason or None}
    return Finding(Kind.PROXY_ERROR, fault.failure, Initiator.MIDDLEBOX, fields=fields)


def _proxy_alert(fault: ProxyAlert, seen: Sighting) -> Finding:
    # Whoever ends this TLS is no endpoint; before its handshake is done anybody can say it.
    initiator = Initiator.UNKNOWN if seen.phase is Phase.PROXY else Initiator.MIDDLEBOX
    fields = {"alert": fault.number}
    return Finding(Kind.TLS_ALERT, "proxy_tls_alert", initiator, fields=fields)


# X509_V_ERR_ numbers (openssl/x509_vfy.h) with an OONI name of their own.
_HOSTNAME_MISMATCH = (62, 64)
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)


def _certificate(fault: CertificateRejected, _seen: Sighting) -> Finding:
    if isinstance(fault, SecretWithheld):
        return Finding(Kind.CERTIFICATE, "secret_withheld")
    if fault.verify_code in _HOSTNAME_MISMATCH:
        return Finding(Kind.CERTIFICATE, "ssl_invalid_hostname")
    if fault.verify_code in _UNKNOWN_AUTHORITY:
        return Finding(Kind.CERTIFICATE, "ssl_unknown_authority")
    return Finding(Kind.CERTIFICATE, "ssl_invalid_certificate")


# getaddrinfo(3): EAI_NONAME and EAI_NODATA say that the name does not exist or has no address;
# EAI_AGAIN that no server answered. macOS numbers them 8, 7 and 2, Windows 11001, 11004, 11002.
_NO_SUCH_NAME = (-2, -5, 8, 7, 11001, 11004)
_TRY_AGAIN = (-3, 2, 11002)


def _unresolved(fault: NameNotResolved, _seen: Sighting) -> Finding:
    if fault.code in _NO_SUCH_NAME:
        return Finding(Kind.RESOLVE_ERROR, "dns_nxdomain_error")
    if fault.code in _TRY_AGAIN:
        return Finding(Kind.RESOLVE_ERROR, "dns_temporary_failure")
    return Finding(Kind.RESOLVE_ERROR, "dns_lookup_error")


def _deadline(_fault: Any, _seen: Sighting) -> Finding:
    return Finding(Kind.TIMEOUT, "generic_timeout_error")


def _no_pong(_fault: Any, seen: Sighting) -> Finding:
    if seen.unacked is None:
        # Without TCP_INFO nobody can say whether the ping arrived.
        return Finding(Kind.UNKNOWN, "no_pong")
    kind = Kind.SILENCE if seen.unacked else Kind.UNRESPONSIVE
    return Finding(kind, "generic_timeout_error", grade=Grade.TCP_INFO)


def _unknown(fault: BaseException, _seen: Sighting) -> Finding:
    return Finding(Kind.UNKNOWN, f"unknown_failure: {type(fault).__name__}")


_RULES: list[tuple[type[BaseException], Callable[[Any, Sighting], Finding]]] = [
    (Planned, _planned),
    (PeerFin, _fin),
    (PeerCloseNotify, _close_notify),
    (ProxyAlert, _proxy_alert),
    (ProxyRefused, _proxy_refused),
    (PeerAlert, _alert),
    (PeerClosed, _ws_close),
    (ProtocolViolation, _violation),
    (HttpRefused, _refusal),
    (CertificateRejected, _certificate),
    (NameNotResolved, _unresolved),
    (DeadlinePassed, _deadline),
    (NoPong, _no_pong),
    (OSError, _os_error),
]


def _rule_for(fault: BaseException) -> Callable[[Any, Sighting], Finding]:
    for kind_of_fault, rule in _RULES:
        if isinstance(fault, kind_of_fault):
            return rule
    return _unknown
