"""Faults carry what was seen, and say it."""

import pytest

from stresser.model.ending import Phase
from stresser.model.faults import (
    CertificateRejected,
    DeadlinePassed,
    Fault,
    HttpRefused,
    NameNotResolved,
    NoPong,
    PeerAlert,
    PeerClosed,
    ProtocolViolation,
    SecretWithheld,
)
from stresser.model.units import NS_PER_S


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (PeerAlert(40, "handshake_failure"), "TLS alert 40 (handshake_failure)"),
        (PeerAlert(None, "?"), "TLS alert ? (?)"),
        (PeerClosed(1001, "away"), "WebSocket close 1001"),
        (ProtocolViolation("http", "no status"), "http: no status"),
        (HttpRefused(503, "Busy", {}), "HTTP 503 Busy"),
        (DeadlinePassed(Phase.TLS, 10 * NS_PER_S), "no answer in phase tls within 10 s"),
        (NoPong(5 * NS_PER_S, 15 * NS_PER_S), "no pong within 10 s"),
        (NameNotResolved(-2, "unknown"), "unknown"),
    ],
)
def test_a_fault_says_what_was_seen(fault, text):
    assert isinstance(fault, Fault)
    assert str(fault) == text


def test_a_withheld_secret_is_a_matter_of_the_chain():
    assert issubclass(SecretWithheld, CertificateRejected)
    assert SecretWithheld("expired", 10).verify_code == 10
