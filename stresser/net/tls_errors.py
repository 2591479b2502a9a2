"""OpenSSL's errors, translated: an alert from the peer, a chain we reject, or nonsense."""

import re
import ssl

from stresser.model.faults import (
    CertificateRejected,
    Fault,
    PeerAlert,
    PeerCloseNotify,
    PeerFin,
    ProtocolViolation,
)

ALERTS = {
    "CLOSE_NOTIFY": 0,
    "UNEXPECTED_MESSAGE": 10,
    "BAD_RECORD_MAC": 20,
    "DECRYPTION_FAILED": 21,
    "RECORD_OVERFLOW": 22,
    "DECOMPRESSION_FAILURE": 30,
    "HANDSHAKE_FAILURE": 40,
    "NO_CERTIFICATE": 41,
    "BAD_CERTIFICATE": 42,
    "UNSUPPORTED_CERTIFICATE": 43,
    "CERTIFICATE_REVOKED": 44,
    "CERTIFICATE_EXPIRED": 45,
    "CERTIFICATE_UNKNOWN": 46,
    "ILLEGAL_PARAMETER": 47,
    "UNKNOWN_CA": 48,
    "ACCESS_DENIED": 49,
    "DECODE_ERROR": 50,
    "DECRYPT_ERROR": 51,
    "EXPORT_RESTRICTION": 60,
    "PROTOCOL_VERSION": 70,
    "INSUFFICIENT_SECURITY": 71,
    "INTERNAL_ERROR": 80,
    "INAPPROPRIATE_FALLBACK": 86,
    "USER_CANCELLED": 90,
    "NO_RENEGOTIATION": 100,
    "MISSING_EXTENSION": 109,
    "UNSUPPORTED_EXTENSION": 110,
    "CERTIFICATE_UNOBTAINABLE": 111,
    "UNRECOGNIZED_NAME": 112,
    "BAD_CERTIFICATE_STATUS_RESPONSE": 113,
    "BAD_CERTIFICATE_HASH_VALUE": 114,
    "UNKNOWN_PSK_IDENTITY": 115,
    "CERTIFICATE_REQUIRED": 116,
    "NO_APPLICATION_PROTOCOL": 120,
}
"""IANA's TLS Alerts registry (RFC 8446 section 6, RFC 5246 section 7.2, RFC 6066, RFC 7301)."""

# Alerts whose OpenSSL reason does not carry the word ALERT (openssl/sslerr.h, reasons 1110-1114).
_BARE_REASONS = (
    "UNSUPPORTED_EXTENSION",
    "CERTIFICATE_UNOBTAINABLE",
    "UNRECOGNIZED_NAME",
    "BAD_CERTIFICATE_STATUS_RESPONSE",
    "BAD_CERTIFICATE_HASH_VALUE",
)
_ALERT_RECORD = b"\x15\x03"
_ALERT_RECORD_LENGTH = 7
_FATAL = 2


def translate(exc: ssl.SSLError, tail: bytes | None) -> Fault:
    """What an SSLError while reading or shaking hands says the peer did.

    `tail`: the last bytes that came in, while the handshake was in the clear.
    """
    if isinstance(exc, ssl.SSLCertVerificationError):
        return CertificateRejected(exc.verify_message, exc.verify_code)
    if isinstance(exc, ssl.SSLZeroReturnError):
        return PeerCloseNotify()
    if isinstance(exc, ssl.SSLEOFError):
        return PeerFin()
    reason = exc.reason or _reason_in_words(exc)
    name = _alert_name(reason)
    if name is not None:
        return PeerAlert(ALERTS.get(name), name.lower())
    number = plaintext_alert(tail or b"")
    if number is not None:
        return PeerAlert(number, _NAMES.get(number, "unregistered"))
    return ProtocolViolation("tls", (reason or str(exc)).lower(), tail or b"")


_NAMES = {number: name.lower() for name, number in ALERTS.items()}


_WORDS = re.compile(r"\[SSL\] ([a-z0-9 ]{1,100}) \(")


def _reason_in_words(exc: ssl.SSLError) -> str:
    """OpenSSL's own words, where Python's table of names is older than OpenSSL's."""
    words = _WORDS.search(str(exc))
    return "" if words is None else words[1].upper().replace(" ", "_")


def _alert_name(reason: str) -> str | None:
    prefix, found, name = reason.partition("_ALERT_")
    if found and prefix in {"SSLV3", "TLSV1", "TLSV13"}:
        return name
    bare = reason.removeprefix("TLSV1_")
    return bare if bare != reason and bare in _BARE_REASONS else None


def plaintext_alert(tail: bytes) -> int | None:
    """The number of a fatal alert record that ends `tail` (RFC 8446 section 5.1), if any.

    For numbers that OpenSSL has no name for.
    """
    record = tail[-_ALERT_RECORD_LENGTH:]
    if len(record) == _ALERT_RECORD_LENGTH and record.startswith(_ALERT_RECORD):
        level, number = record[5], record[6]
        return number if level == _FATAL else None
    return None
