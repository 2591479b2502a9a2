"""OpenSSL's errors as faults: judged by what the OpenSSL in use says of every alert there is."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.faults import (
    CertificateRejected,
    PeerAlert,
    PeerCloseNotify,
    PeerFin,
    ProtocolViolation,
)
from stresser.net.tls import TlsProfile, context_for
from stresser.net.tls_errors import ALERTS, plaintext_alert, translate

# IANA's TLS Alerts registry, written out apart from the table under test.
REGISTRY = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
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
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_cancelled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
FATAL = 2


def alert(number, level=FATAL):
    """The record of RFC 8446 section 5.1."""
    return bytes([21, 3, 3, 0, 2, level, number])


def told(record):
    """What a client in its handshake says when the peer answers with this."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context_for(TlsProfile(require=False)).wrap_bio(
        incoming, outgoing, server_hostname="echo.lab.test"
    )
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    incoming.write(record)
    with pytest.raises(ssl.SSLError) as caught:
        tls.do_handshake()
    return caught.value


def test_the_table_is_the_registry():
    assert {number: name.lower() for name, number in ALERTS.items()} == REGISTRY


@pytest.mark.parametrize("number", [number for number in REGISTRY if number], ids=REGISTRY.get)
def test_a_registered_alert_is_known_by_openssls_words_or_its_number(number):
    error = told(alert(number))
    fault = translate(error, alert(number))
    assert isinstance(fault, PeerAlert)
    assert (fault.number, fault.name) == (number, REGISTRY[number])
    if "unknown error" not in str(error):  # this OpenSSL has words: they are enough
        by_words = translate(error, None)
        assert isinstance(by_words, PeerAlert)
        assert (by_words.number, by_words.name) == (number, REGISTRY[number])


def test_an_unregistered_alert_is_known_by_its_number():
    for number in sorted(set(range(256)) - set(REGISTRY)):
        error = told(alert(number))
        fault = translate(error, alert(number))
        assert isinstance(fault, PeerAlert)
        assert (fault.number, fault.name) == (number, "unregistered")
        assert isinstance(translate(error, None), ProtocolViolation)


def test_a_fatal_close_notify_is_an_alert_and_an_ordinary_one_is_the_end():
    assert isinstance(translate(told(alert(0)), alert(0)), PeerAlert)
    ordinary = translate(told(alert(0, level=1)), alert(0, level=1))
    assert isinstance(ordinary, PeerCloseNotify)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "wrong_version_number"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "wrong_version_number"),
        (bytes([22, 3, 3, 0, 4, 99, 0, 0, 0]), "unexpected_message"),
    ],
    ids=["http", "ssh", "strange handshake"],
)
def test_other_nonsense_is_a_violation_in_openssls_words(answer, detail):
    fault = translate(told(answer), answer)
    assert isinstance(fault, ProtocolViolation)
    assert (fault.layer, fault.detail) == ("tls", detail)


def test_our_own_complaint_is_not_taken_for_the_peers():
    # Reasons with a similar name that OpenSSL raises of its own accord.
    for reason in ("BAD_SSL_SESSION_ID_LENGTH", "UNSUPPORTED_EXTENSION", "NO_RENEGOTIATION"):
        error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1006)")
        error.reason = reason
        assert isinstance(translate(error, b""), ProtocolViolation)


def test_a_rejected_chain_keeps_its_code():
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 10, "certificate has expired"
    fault = translate(error, b"")
    assert isinstance(fault, CertificateRejected)
    assert (fault.verify_code, fault.problem) == (10, "certificate has expired")


def test_an_end_of_file_is_a_fin():
    assert isinstance(translate(ssl.SSLEOFError(8, "EOF"), b""), PeerFin)


@pytest.mark.parametrize(
    ("tail", "number"),
    [
        (alert(40), 40),
        (b"\x16\x03\x03 something before" + alert(255), 255),
        (bytes([21, 3, 1, 0, 2, FATAL, 70]), 70),
        (alert(40, level=1), None),
        (alert(40)[1:], None),
        (alert(40) + b"x", None),
        (b"", None),
        (bytes(7), None),
    ],
)
def test_an_alert_in_the_clear_is_the_last_record(tail, number):
    assert plaintext_alert(tail) == number


@given(tail=st.none() | st.binary(max_size=40), words=st.text(max_size=40))
def test_whatever_openssl_says_becomes_a_fault(tail, words):
    error = ssl.SSLError(1, words)
    error.reason = words
    assert isinstance(translate(error, tail), (PeerAlert, ProtocolViolation))
