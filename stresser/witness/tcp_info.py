"""The kernel's own view of one TCP connection: TCP_INFO (Linux, tcp(7), linux/tcp.h).

The struct grew over the years and its length shows the version: ask for plenty, parse what
came. Reading it changes nothing, unlike SO_ERROR.
"""

import socket
import struct
import sys

import msgspec

from stresser.model.evidence import TcpInfo
from stresser.witness import tcp_info_windows

_ASK = 512
_LEADING_BYTES = 8
_WORDS = (
    "rto",
    "ato",
    "snd_mss",
    "rcv_mss",
    "unacked",
    "sacked",
    "lost",
    "retrans",
    "fackets",
    "last_data_sent",
    "last_ack_sent",
    "last_data_recv",
    "last_ack_recv",
    "pmtu",
    "rcv_ssthresh",
    "rtt",
    "rttvar",
    "snd_ssthresh",
    "snd_cwnd",
    "advmss",
    "reordering",
    "rcv_rtt",
    "rcv_space",
    "total_retrans",
)
TICK_MS = 10
"""The times are cut to the kernel's tick, at most 10 ms (CONFIG_HZ=100): a proof of life must not
be dated after the ending that followed it."""
_LAYOUT = struct.Struct(f"={len(_WORDS)}I")
_BYTES = struct.Struct("=Q")
_BYTES_ACKED_AT, _BYTES_RECEIVED_AT = 120, 128
"""After total_retrans: pacing_rate, max_pacing_rate, then these, each of 64 bits."""
_SEGMENTS = struct.Struct("=I")
_SEGMENTS_SENT_AT = 136
_DATA_SEGMENTS_AT, _DATA_SENT_AT, _OUT_OF_ORDER_AT = 152, 156, 224
"""data_segs_in, data_segs_out and rcv_ooopack: read where the kernel is asked for all."""
_NOTSENT_BYTES = struct.Struct("=I")
_NOTSENT_BYTES_AT = 144
"""After bytes_received: segs_out and segs_in, each of 32 bits."""
_LENGTH = _NOTSENT_BYTES_AT + _NOTSENT_BYTES.size
"""All that is read of a session that is held; more where the kernel is asked for more."""
_STATES = (
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)


def parse_tcp_info(raw: bytes) -> TcpInfo | None:
    """Decode `struct tcp_info`; None when it is shorter than this layout."""
    if len(raw) < _LEADING_BYTES + _LAYOUT.size:
        return None
    words = dict(zip(_WORDS, _LAYOUT.unpack_from(raw, _LEADING_BYTES), strict=True))
    return TcpInfo(
        state=_STATES[raw[0]] if raw[0] < len(_STATES) else str(raw[0]),
        retransmits=raw[2],
        probes=raw[3],
        backoff=raw[4],
        unacked=words["unacked"],
        notsent_bytes=_at(raw, _NOTSENT_BYTES, _NOTSENT_BYTES_AT),
        total_retrans=words["total_retrans"],
        last_data_sent_ms=words["last_data_sent"],
        last_data_recv_ms=words["last_data_recv"],
        last_ack_recv_ms=words["last_ack_recv"],
        rtt_us=words["rtt"],
        rttvar_us=words["rttvar"],
        pmtu=words["pmtu"],
        segments_sent=_at(raw, _SEGMENTS, _SEGMENTS_SENT_AT),
        bytes_acked=_at(raw, _BYTES, _BYTES_ACKED_AT),
        bytes_received=_at(raw, _BYTES, _BYTES_RECEIVED_AT),
        data_segments_sent=_at(raw, _SEGMENTS, _DATA_SENT_AT),
        data_segments_received=_at(raw, _SEGMENTS, _DATA_SEGMENTS_AT),
        out_of_order=_at(raw, _SEGMENTS, _OUT_OF_ORDER_AT),
    )


def _at(raw: bytes, layout: struct.Struct, place: int) -> int | None:
    if len(raw) < place + layout.size:
        return None
    number: int
    (number,) = layout.unpack_from(raw, place)
    return number


def sample_tcp_info(sock: socket.socket) -> TcpInfo | None:
    """Ask the kernel; None where it cannot tell (neither Linux nor Windows, socket closed)."""
    return read_tcp_info(raw_tcp_info(sock, _ASK))


def read_tcp_info(raw: bytes) -> TcpInfo | None:
    """What `raw_tcp_info` of this system gave, decoded."""
    if sys.platform == "win32":
        facts = tcp_info_windows.facts_in(raw)
        return None if facts is None else msgspec.convert(facts, TcpInfo)
    return parse_tcp_info(raw)


def raw_tcp_info(sock: socket.socket, length: int = _LENGTH) -> bytes:
    """As the kernel gives it, for `read_tcp_info` later; empty where it cannot tell. 1 us."""
    if sys.platform == "win32":
        return tcp_info_windows.windows_tcp_info(sock)
    if sys.platform != "linux":
        return b""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, length)
    except OSError:
        return b""
