"""One row for each fault, phase and state of the witnesses; then what holds for all endings."""

import errno
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.classify.ending_of import classify
from stresser.classify.observations import SLEPT_AT_LEAST_NS, Observations, Transmissions
from stresser.model.ending import Ending, Grade, Initiator, Kind, Phase
from stresser.model.faults import (
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
from stresser.model.units import NS_PER_S

UNKNOWN, ENDPOINT, TOOL, PLAN, HOST = (
    Initiator.UNKNOWN,
    Initiator.ENDPOINT,
    Initiator.TOOL,
    Initiator.PLAN,
    Initiator.HOST,
)
CONNECT, TLS, UPGRADE, HELD, CLOSING, RESOLVE = (
    Phase.CONNECT,
    Phase.TLS,
    Phase.UPGRADE,
    Phase.HELD,
    Phase.CLOSING,
    Phase.RESOLVE,
)
OPEN = (CONNECT, TLS, UPGRADE, HELD)
PROVED: dict[str, Any] = {"tls_end_verified": True}


def sock(number):
    return OSError(number, os.strerror(number))


NO_PONG = NoPong(15 * NS_PER_S, 25 * NS_PER_S)
NOTIFIED = PeerCloseNotify()
REFUSED = HttpRefused(503, "Busy", {})
SAID_NO = MessageRefused(1008, "no")
NOT_IN = MqttRefused(135, "not authorized")
GOODBYE = MqttDisconnected(139, "server shutting down")
NOT_LET = ProxyRefused("proxy_http_407", 407, "Who are you", {"via": "px"})
NO_SOCKS = ProxyRefused("socks_host_unreachable", 4, "host unreachable")
LOST = sock(errno.EADDRNOTAVAIL)
NAP = SLEPT_AT_LEAST_NS - 1


def seen(phase, *, unacked=None, acked=None, **witnesses):
    times = {"began_ns": 10, "detected_ns": 100, "alive_ns": 60, "last_passed_ns": 70}
    return Observations(phase=phase, sent=sent(unacked, acked), **{**times, **witnesses})


def sent(unacked, ping_acked=None):
    """What TCP_INFO says of our segments; None: it says nothing."""
    if unacked is None:
        return None
    return Transmissions(
        unacked=unacked,
        retransmits=0,
        total_retrans=0,
        probes=0,
        last_sent_ns=70,
        ping_acked=ping_acked,
    )


def row(fault, phases, kind, failure, initiator=UNKNOWN, **witnesses):
    """One fault in several phases."""
    return [(fault, phase, witnesses, kind, failure, initiator) for phase in phases]


def dns(code, failure):
    return row(NameNotResolved(code, "x"), (RESOLVE,), Kind.RESOLVE_ERROR, failure)


def chain(code, failure):
    return row(CertificateRejected("no", code), (TLS,), Kind.CERTIFICATE, failure)


def nonsense(layer, phases, **witnesses):
    fault = ProtocolViolation(layer, "x")
    return row(fault, phases, Kind.PROTOCOL_ERROR, f"{layer}_protocol_error", **witnesses)


def overslept(fault, failure, slept_ns, **witnesses):
    return row(fault, (HELD,), Kind.HOST_SLEPT, failure, HOST, slept_ns=slept_ns, **witnesses)


BELOW_TLS = [  # who sent it is not in the errno, whatever the chain says
    row(sock(errno.ECONNRESET), OPEN, Kind.TCP_RESET, "connection_reset"),
    row(sock(errno.ECONNRESET), (HELD,), Kind.TCP_RESET, "connection_reset", **PROVED),
    row(sock(errno.EPIPE), (TLS, UPGRADE, HELD), Kind.TCP_RESET, "connection_reset"),
    row(sock(errno.ECONNREFUSED), (CONNECT,), Kind.REFUSED, "connection_refused"),
    row(sock(errno.ETIMEDOUT), OPEN, Kind.KERNEL_TIMEOUT, "timed_out"),
    row(sock(errno.EHOSTUNREACH), OPEN, Kind.UNREACHABLE, "host_unreachable"),
    row(sock(errno.ENETUNREACH), (CONNECT,), Kind.UNREACHABLE, "network_unreachable"),
    row(sock(errno.EACCES), (CONNECT,), Kind.UNREACHABLE, "permission_denied"),
    row(sock(errno.EMFILE), (CONNECT,), Kind.TOOL, "too_many_open_files", TOOL),
    row(LOST, (CONNECT,), Kind.UNREACHABLE, "address_not_available", source_chosen=True),
    row(LOST, (CONNECT,), Kind.TOOL, "local_ports_exhausted", TOOL),
    row(PeerFin(), (TLS, UPGRADE, HELD), Kind.TCP_FIN, "eof_error", **PROVED),
]
WITHIN_TLS = [  # the endpoint where its chain proved it, else whoever holds the other end
    row(NOTIFIED, (UPGRADE, HELD), Kind.TLS_CLOSE_NOTIFY, "tls_close_notify", ENDPOINT, **PROVED),
    row(NOTIFIED, (TLS, UPGRADE, HELD), Kind.TLS_CLOSE_NOTIFY, "tls_close_notify"),
    row(PeerAlert(40, "x"), (TLS,), Kind.TLS_ALERT, "ssl_failed_handshake"),
    row(PeerAlert(40, "x"), (TLS,), Kind.TLS_ALERT, "ssl_failed_handshake", **PROVED),
    row(PeerAlert(20, "x"), (UPGRADE, HELD), Kind.TLS_ALERT, "tls_alert", ENDPOINT, **PROVED),
    row(PeerAlert(20, "x"), (UPGRADE, HELD), Kind.TLS_ALERT, "tls_alert"),
    row(PeerAlert(None, "x"), (HELD,), Kind.TLS_ALERT, "tls_alert"),
    row(PeerClosed(1001, "bye"), (HELD,), Kind.WS_CLOSE, "websocket_close", ENDPOINT, **PROVED),
    row(PeerClosed(1005, ""), (HELD,), Kind.WS_CLOSE, "websocket_close"),
    row(REFUSED, (UPGRADE,), Kind.HTTP_REFUSAL, "http_request_failed", ENDPOINT, **PROVED),
    row(REFUSED, (UPGRADE,), Kind.HTTP_REFUSAL, "http_request_failed"),
    row(SAID_NO, (Phase.OPEN,), Kind.MESSAGE_REFUSAL, "message_refused", ENDPOINT, **PROVED),
    row(SAID_NO, (Phase.OPEN,), Kind.MESSAGE_REFUSAL, "message_refused"),
    row(NOT_IN, (Phase.OPEN,), Kind.MQTT_REFUSAL, "mqtt_refused", ENDPOINT, **PROVED),
    row(NOT_IN, (Phase.OPEN,), Kind.MQTT_REFUSAL, "mqtt_refused"),
    row(GOODBYE, (HELD,), Kind.MQTT_DISCONNECT, "mqtt_disconnect", ENDPOINT, **PROVED),
    row(GOODBYE, (HELD,), Kind.MQTT_DISCONNECT, "mqtt_disconnect"),
    nonsense("tls", (TLS, HELD), **PROVED),  # proves nothing of who sent it
    nonsense("http", (UPGRADE,), **PROVED),
    nonsense("websocket", (HELD,)),
    chain(62, "ssl_invalid_hostname"),
    chain(64, "ssl_invalid_hostname"),
    *[chain(code, "ssl_unknown_authority") for code in (2, 18, 19, 20, 21)],
    chain(10, "ssl_invalid_certificate"),
    chain(None, "ssl_invalid_certificate"),
    row(SecretWithheld("no"), (TLS,), Kind.CERTIFICATE, "secret_withheld"),
]
NO_ANSWER = [
    *[dns(code, "dns_nxdomain_error") for code in (-2, -5, 8, 7, 11001, 11004)],
    *[dns(code, "dns_temporary_failure") for code in (-3, 2, 11002)],
    dns(-4, "dns_lookup_error"),
    dns(None, "dns_lookup_error"),
    *[
        row(DeadlinePassed(phase, NS_PER_S), (phase,), Kind.TIMEOUT, "generic_timeout_error")
        for phase in (RESOLVE, CONNECT, Phase.PROXY, TLS, UPGRADE)
    ],
    # TCP_INFO alone tells a black hole from a peer that is there and does not answer.
    row(NO_PONG, (HELD,), Kind.SILENCE, "generic_timeout_error", unacked=1),
    row(NO_PONG, (HELD,), Kind.SILENCE, "generic_timeout_error", unacked=7, **PROVED),
    row(NO_PONG, (HELD,), Kind.UNRESPONSIVE, "generic_timeout_error", unacked=0),
    row(NO_PONG, (HELD,), Kind.UNKNOWN, "no_pong", unacked=None),
    # A pong of ours is on its way; the ping arrived. Or it did not, whatever else is counted.
    row(NO_PONG, (HELD,), Kind.UNRESPONSIVE, "generic_timeout_error", unacked=1, acked=True),
    row(NO_PONG, (HELD,), Kind.SILENCE, "generic_timeout_error", unacked=0, acked=False),
]
NOT_THE_PEER = [
    overslept(sock(errno.ECONNRESET), "connection_reset", NS_PER_S),
    overslept(NO_PONG, "generic_timeout_error", NS_PER_S, unacked=1),
    overslept(PeerClosed(1001, ""), "websocket_close", 60 * NS_PER_S, **PROVED),
    row(sock(errno.ECONNRESET), (HELD,), Kind.TCP_RESET, "connection_reset", slept_ns=NAP),
    row(Planned("over"), (CONNECT, TLS, UPGRADE, CLOSING), Kind.PLANNED, None, PLAN),
    row(Planned("over"), (CLOSING,), Kind.PLANNED, None, PLAN, slept_ns=NS_PER_S),
    row(FoundDead("reset at the close", 1, 1), (HELD,), Kind.FOUND_DEAD, "found_dead"),
]
UNFORESEEN = [
    row(RuntimeError("x"), OPEN, Kind.UNKNOWN, "unknown_failure: RuntimeError"),
    row(sock(errno.EDOM), OPEN, Kind.UNKNOWN, "unknown_failure: EDOM"),
]
PROXIES = [  # a proxy that says no is a middlebox, whatever the endpoint's chain proves
    row(NOT_LET, (Phase.PROXY,), Kind.PROXY_ERROR, "proxy_http_407", Initiator.MIDDLEBOX),
    row(NO_SOCKS, (Phase.PROXY,), Kind.PROXY_ERROR, "socks_host_unreachable"),
    row(ProxyAlert(40, "x"), (Phase.PROXY,), Kind.TLS_ALERT, "proxy_tls_alert"),
    row(ProxyAlert(80, "x"), (TLS, UPGRADE, HELD), Kind.TLS_ALERT, "proxy_tls_alert",
        Initiator.MIDDLEBOX, **PROVED),
    row(PeerFin(), (Phase.PROXY,), Kind.TCP_FIN, "eof_error"),
    row(sock(errno.ECONNRESET), (Phase.PROXY,), Kind.TCP_RESET, "connection_reset"),
    row(sock(errno.ECONNREFUSED), (Phase.PROXY,), Kind.REFUSED, "connection_refused"),
    nonsense("proxy_http", (Phase.PROXY,)),
    nonsense("socks", (Phase.PROXY,)),
    nonsense("proxy_tls", (Phase.PROXY, HELD), **PROVED),
]  # fmt: skip
ROWS = [*BELOW_TLS, *WITHIN_TLS, *NO_ANSWER, *PROXIES, *NOT_THE_PEER, *UNFORESEEN]
CASES = [case for rows in ROWS for case in rows]


def case_id(case):
    return f"{case[0]!r}-{case[1]}-{case[2]}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_a_fault_becomes_the_ending(case):
    fault, phase, witnesses, kind, failure, initiator = case
    ending = classify(fault, seen(phase, **witnesses))
    assert (ending.kind, ending.failure, ending.initiator) == (kind, failure, initiator)
    assert ending.phase is phase
    assert ending.planned == (kind is Kind.PLANNED)


def test_every_kind_of_the_closed_list_has_a_row():
    assert {case[3] for case in CASES} == set(Kind)


def test_only_what_nobody_can_know_is_unknown():
    unknown = [case[0] for case in CASES if case[3] is Kind.UNKNOWN]
    foreseen = [rows[0][0] for rows in UNFORESEEN]
    assert [fault for fault in unknown if fault not in foreseen] == [NO_PONG]


@pytest.mark.parametrize("unacked", [0, 1])
def test_only_what_tcp_info_showed_is_graded_by_it(unacked):
    assert classify(NO_PONG, seen(HELD, unacked=unacked)).grade is Grade.TCP_INFO
    fault = sock(errno.ECONNRESET)
    assert classify(fault, seen(HELD, unacked=unacked)).grade is Grade.ERRNO
    assert classify(NO_PONG, seen(HELD)).grade is Grade.ERRNO


@pytest.mark.parametrize(
    ("fault", "fields"),
    [
        (PeerAlert(116, "certificate_required"), {"alert": 116}),
        (PeerClosed(4001, "go away"), {"code": 4001, "reason": "go away"}),
        (PeerClosed(1005, ""), {"code": 1005, "reason": None}),
        (HttpRefused(503, "Busy", {"server": "x"}), {"status": 503, "reason": "Busy"}),
        (HttpRefused(200, "", {}), {"status": 200, "reason": None}),
        (MessageRefused(4001, "no"), {"code": 4001, "reason": "no"}),
        (MessageRefused(), {"code": None, "reason": None}),
        (MqttRefused(99, ""), {"code": 99, "reason": None}),
        (MqttDisconnected(139, "bye"), {"code": 139, "reason": "bye"}),
        (ProxyRefused("proxy_http_502", 502, "Bad"), {"status": 502, "reason": "Bad"}),
        (ProxyRefused("proxy_http_403", 403, ""), {"status": 403, "reason": None}),
        (ProxyAlert(48, "unknown_ca"), {"alert": 48}),
    ],
)
def test_a_protocols_own_words_are_kept(fault, fields):
    ending = classify(fault, seen(HELD))
    mine = {"code": None, "reason": None, "status": None, "alert": None, **fields}
    assert {name: getattr(ending, name) for name in mine} == mine


def test_the_raw_error_is_kept_with_its_cause_and_cut():
    fault = ProtocolViolation("tls", "bad")
    fault.__cause__ = OSError(errno.ECONNRESET, "reset")
    raw = classify(fault, seen(HELD)).raw
    assert raw == f"ProtocolViolation: tls: bad <- ConnectionResetError: {fault.__cause__}"
    assert classify(Planned("over"), seen(CLOSING)).raw is None
    huge = classify(ProtocolViolation("http", "x" * 100_000), seen(UPGRADE)).raw
    assert huge is not None
    assert len(huge) == 512


def test_the_times_of_a_noticed_death():
    ending = classify(sock(errno.ECONNRESET), seen(HELD))
    assert (ending.alive_at_ns, ending.dead_by_ns, ending.detected_at_ns) == (60, 100, 100)
    assert (ending.age_ns, ending.idle_ns) == (90, 30)


def test_a_proof_of_death_before_the_detection_is_the_upper_bound():
    ending = classify(NO_PONG, seen(HELD, unacked=1, dead_by_ns=80))
    assert (ending.alive_at_ns, ending.dead_by_ns, ending.detected_at_ns) == (60, 80, 100)
    assert (ending.age_ns, ending.idle_ns) == (70, 10)


def test_nothing_passed_means_no_idle_time():
    assert classify(sock(errno.ECONNREFUSED), seen(CONNECT, last_passed_ns=None)).idle_ns is None


FAULTS = st.sampled_from([case[0] for case in CASES])
MOMENTS = st.integers(min_value=0, max_value=40 * 86_400 * NS_PER_S)
SIGHTINGS = st.builds(
    Observations,
    phase=st.sampled_from(Phase),
    began_ns=MOMENTS,
    detected_ns=MOMENTS,
    alive_ns=MOMENTS,
    dead_by_ns=st.none() | MOMENTS,
    last_passed_ns=st.none() | MOMENTS,
    tls_end_verified=st.booleans(),
    source_chosen=st.booleans(),
    sent=st.none() | st.builds(sent, st.integers(min_value=0, max_value=2**32 - 1)),
    slept_ns=MOMENTS,
)


@given(fault=FAULTS, sighting=SIGHTINGS)
def test_whatever_was_seen_the_ending_holds_together(fault, sighting):
    ending = classify(fault, sighting)
    assert isinstance(ending, Ending)
    assert ending.alive_at_ns <= ending.dead_by_ns <= ending.detected_at_ns
    assert ending.age_ns >= 0
    assert ending.idle_ns is None or ending.idle_ns >= 0
    assert ending.planned == (ending.kind is Kind.PLANNED) == (ending.initiator is PLAN)
    assert (ending.failure is None) == ending.planned
    assert not (ending.initiator is ENDPOINT and not sighting.tls_end_verified)


@given(
    error=st.builds(OSError, st.sampled_from(sorted(errno.errorcode)), st.text(max_size=20)),
    sighting=SIGHTINGS,
)
def test_every_errno_of_this_system_becomes_an_ending(error, sighting):
    ending = classify(error, sighting)
    assert ending.failure
    assert ending.raw
