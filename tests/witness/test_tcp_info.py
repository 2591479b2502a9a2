"""TCP_INFO: a struct made byte by byte, and the kernel's own of live connections."""

import ctypes
import select
import socket
import struct
import sys

import pytest
from msgspec.structs import replace

from stresser.model.evidence import TcpInfo
from stresser.witness.tcp_info import parse_tcp_info, sample_tcp_info
from tests.net.peers import reset, tcp_pair, wait_for

linux = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO as Linux has it")

# linux/tcp.h, struct tcp_info: eight bytes, then 32-bit words; written out apart from the parser.
LEADING = ("state", "ca_state", "retransmits", "probes", "backoff", "options", "wscale", "flags")
WORDS = (
    "rto", "ato", "snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans", "fackets",
    "last_data_sent", "last_ack_sent", "last_data_recv", "last_ack_recv", "pmtu", "rcv_ssthresh",
    "rtt", "rttvar", "snd_ssthresh", "snd_cwnd", "advmss", "reordering", "rcv_rtt", "rcv_space",
    "total_retrans",
)  # fmt: skip


LONG_WORDS = ("pacing_rate", "max_pacing_rate", "bytes_acked", "bytes_received")  # 64 bits
LAST_WORDS = ("segs_out", "segs_in", "notsent_bytes")
DATA_SEGMENTS_AT, DATA_SENT_AT, OUT_OF_ORDER_AT = 152, 156, 224
"""data_segs_in, data_segs_out (Linux 4.6) and rcv_ooopack (5.4), counted in linux/tcp.h."""


def made(length=None, **values):
    """A struct in which each field has a value of its own, or the one given."""
    leading = [values.get(name, 100 + place) for place, name in enumerate(LEADING)]
    words = [values.get(name, 1000 + place) for place, name in enumerate(WORDS)]
    long_words = [values.get(name, 10**12 + place) for place, name in enumerate(LONG_WORDS)]
    last = [values.get(name, 2000 + place) for place, name in enumerate(LAST_WORDS)]
    raw = struct.pack(f"=8B{len(WORDS)}I{len(LONG_WORDS)}Q3I", *leading, *words, *long_words, *last)
    return raw if length is None else (raw + bytes(512))[:length]


def test_every_field_is_read_from_its_place():
    assert parse_tcp_info(made(state=1)) == TcpInfo(
        state="ESTABLISHED",
        retransmits=102,
        probes=103,
        backoff=104,
        unacked=1004,
        notsent_bytes=2002,
        total_retrans=1023,
        last_data_sent_ms=1009,
        last_data_recv_ms=1011,
        last_ack_recv_ms=1012,
        rtt_us=1015,
        rttvar_us=1016,
        pmtu=1013,
        segments_sent=2000,
        bytes_acked=10**12 + 2,
        bytes_received=10**12 + 3,
    )


@pytest.mark.parametrize(
    ("number", "name"),
    [(1, "ESTABLISHED"), (2, "SYN_SENT"), (7, "CLOSE"), (8, "CLOSE_WAIT"), (11, "CLOSING")],
)
def test_states_have_the_kernels_names(number, name):
    info = parse_tcp_info(made(state=number))
    assert info is not None
    assert info.state == name


@pytest.mark.parametrize("number", [12, 255])
def test_a_state_of_a_later_kernel_is_its_number(number):
    info = parse_tcp_info(made(state=number))
    assert info is not None
    assert info.state == str(number)


@pytest.mark.parametrize(("length", "segments", "sent", "out_of_order"), [
    (148, None, None, None), (156, 0, None, None), (160, 0, 0, None), (232, 0, 0, 0),
    (280, 0, 0, 0), (512, 0, 0, 0),
])  # fmt: skip
def test_the_struct_may_be_longer(length, segments, sent, out_of_order):
    longer, info = parse_tcp_info(made(length)), parse_tcp_info(made())
    assert longer is not None
    assert (longer.data_segments_received, longer.out_of_order) == (segments, out_of_order)
    assert longer.data_segments_sent == sent
    none = {"data_segments_received": None, "data_segments_sent": None, "out_of_order": None}
    assert replace(longer, **none) == info


def test_segments_behind_a_gap_are_counted():
    raw = bytearray(made(512))
    struct.pack_into("=I", raw, DATA_SEGMENTS_AT, 7)
    struct.pack_into("=I", raw, DATA_SENT_AT, 8)
    struct.pack_into("=I", raw, OUT_OF_ORDER_AT, 5)
    info = parse_tcp_info(bytes(raw))
    assert info is not None
    assert (info.data_segments_received, info.out_of_order) == (7, 5)
    assert info.data_segments_sent == 8


@pytest.mark.parametrize("length", [104, 135])
def test_an_old_kernel_does_not_count_bytes(length):
    info = parse_tcp_info(made(length))
    assert info is not None
    assert info.bytes_received is None
    assert info.pmtu == 1013


@pytest.mark.parametrize("length", [0, 1, 8, 100, 103])
def test_a_shorter_struct_says_nothing(length):
    assert parse_tcp_info(made(length)) is None


def test_the_largest_numbers():
    info = parse_tcp_info(made(unacked=2**32 - 1, retransmits=255))
    assert info is not None
    assert (info.unacked, info.retransmits) == (2**32 - 1, 255)


@linux
def test_a_live_connection():
    near, far = tcp_pair()
    with near, far:
        near.send(b"x")
        wait_for(far, select.POLLIN)
        info = sample_tcp_info(near)
        assert info is not None
        assert (info.state, info.unacked, info.total_retrans) == ("ESTABLISHED", 0, 0)
        assert info.pmtu >= 1280
        assert 0 < info.rtt_us < 10_000_000
        assert (info.last_data_sent_ms or 0) < 10_000


@linux
def test_reading_it_does_not_take_the_error_away():
    near, far = tcp_pair()
    with near:
        reset(far)
        wait_for(near, select.POLLHUP)
        info = sample_tcp_info(near)
        assert info is not None
        assert info.state == "CLOSE"
        with pytest.raises(ConnectionResetError):
            near.recv(1)


@linux
def test_a_fin_shows_as_close_wait():
    near, far = tcp_pair()
    with near:
        far.close()
        wait_for(near, select.POLLRDHUP)
        info = sample_tcp_info(near)
        assert info is not None
        assert info.state == "CLOSE_WAIT"


@linux
def test_bytes_are_counted_as_tcp_takes_them_and_so_is_the_fin():
    near, far = tcp_pair()
    with near:
        far.send(b"12345")
        wait_for(near, select.POLLIN)  # nobody has read them
        before = sample_tcp_info(near)
        far.close()
        wait_for(near, select.POLLRDHUP)
        after = sample_tcp_info(near)
    assert before is not None
    assert after is not None
    assert (before.bytes_received, after.bytes_received) == (5, 6)


def drop_everything(sock):
    """Discard what comes in for this socket before TCP sees it: a black hole (socket(7))."""
    attach_filter, return_zero = 26, struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K, 0
    program = ctypes.create_string_buffer(return_zero)
    fprog = struct.pack("@HP", 1, ctypes.addressof(program))
    sock.setsockopt(socket.SOL_SOCKET, attach_filter, fprog)


@linux
def test_what_a_black_hole_swallows_stays_unacknowledged():
    near, far = tcp_pair()
    with near, far:
        drop_everything(far)
        near.send(b"ping")
        info = sample_tcp_info(near)
        assert info is not None
        assert info.state == "ESTABLISHED"
        assert info.unacked == 1


@linux
def test_what_a_sleeping_peer_gets_is_acknowledged():
    near, far = tcp_pair()
    with near, far:  # nobody reads at the far end
        near.send(b"ping")
        wait_for(far, select.POLLIN)
        info = sample_tcp_info(near)
        assert info is not None
        assert info.unacked == 0


def test_a_closed_socket_says_nothing():
    near, far = tcp_pair()
    far.close()
    near.close()
    assert sample_tcp_info(near) is None


@linux
def test_a_socket_that_is_not_tcp_says_nothing():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert sample_tcp_info(sock) is None
