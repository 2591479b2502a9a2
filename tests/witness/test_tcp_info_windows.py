"""The vendor's struct, made byte by byte; asking for it needs Windows."""

import socket
import struct
import sys

import msgspec
import pytest

from stresser.model.evidence import TcpInfo
from stresser.witness.tcp_info_windows import facts_in, windows_tcp_info


def made(*, state=4, mss=1000, in_flight=0, retrans=0, timeouts=0):
    """TCP_INFO_v0, each field at the offset that C gives it."""
    raw = bytearray(88)
    for offset, value in ((0, state), (4, mss), (20, 1234), (28, in_flight)):
        struct.pack_into("<I", raw, offset, value)
    struct.pack_into("<Q", raw, 8, 99)  # ConnectionTimeMs
    struct.pack_into("<QQ", raw, 48, 7, 5_000_000_000)  # BytesOut, BytesIn
    struct.pack_into("<5I", raw, 64, 0, retrans, 0, 0, timeouts)
    return bytes(raw)


def test_bytes_in_flight_are_segments_without_an_acknowledgement():
    facts = facts_in(made(in_flight=1500, retrans=3000, timeouts=2))
    info = msgspec.convert(facts, TcpInfo)
    assert (info.state, info.unacked, info.total_retrans) == ("ESTABLISHED", 2, 3)
    assert (info.retransmits, info.rtt_us, info.bytes_received) == (2, 1234, 5_000_000_000)
    assert info.last_ack_recv_ms is None


def test_a_quiet_connection():
    info = msgspec.convert(facts_in(made(timeouts=5)), TcpInfo)
    assert (info.unacked, info.retransmits) == (0, 0)


@pytest.mark.parametrize(("state", "name"), [(0, "CLOSE"), (7, "CLOSE_WAIT"), (77, "77")])
def test_states(state, name):
    facts = facts_in(made(state=state))
    assert facts is not None
    assert facts["state"] == name


@pytest.mark.parametrize("length", [0, 1, 84])
def test_a_shorter_struct_says_nothing(length):
    assert facts_in(made()[:length]) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there it answers")
def test_elsewhere_it_cannot_tell():
    with socket.socket() as sock:
        assert windows_tcp_info(sock) == b""
