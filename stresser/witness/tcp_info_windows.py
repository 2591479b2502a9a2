"""The same view on Windows 10 1703 and later: SIO_TCP_INFO (mstcpip.h, TCP_INFO_v0).

It counts bytes where Linux counts segments, and knows no times and no probes. Written after the
vendor's documentation ("TCP_INFO_v0 structure (mstcpip.h)") and not yet run on Windows.
"""

import ctypes
import socket
import struct
import sys

_SIO_TCP_INFO = 0xD8000027
"""_WSAIORW(IOC_VENDOR, 39)."""
_VERSION_0 = struct.Struct("=I")
_LAYOUT = struct.Struct("<IIQB3x7IQQ5IB")
"""State, Mss, ConnectionTimeMs, TimestampsEnabled, RttUs, MinRttUs, BytesInFlight, Cwnd, SndWnd,
RcvWnd, RcvBuf, BytesOut, BytesIn, BytesReordered, BytesRetrans, FastRetrans, DupAcksIn,
TimeoutEpisodes, SynRetrans; the 64-bit fields lie on multiples of eight."""
_ROOM = 128
_STATES = (
    "CLOSE",
    "LISTEN",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
)
"""TCPSTATE, in the names that Linux gives them."""


def windows_tcp_info(sock: socket.socket) -> bytes:
    """As the system gives it; empty where it cannot tell."""
    answer = ctypes.create_string_buffer(_ROOM)
    if sys.platform == "win32":
        version = ctypes.create_string_buffer(_VERSION_0.pack(0), _VERSION_0.size)
        length = ctypes.c_ulong()
        failed = ctypes.windll.ws2_32.WSAIoctl(
            ctypes.c_void_p(sock.fileno()),
            ctypes.c_ulong(_SIO_TCP_INFO),
            version,
            _VERSION_0.size,
            answer,
            _ROOM,
            ctypes.byref(length),
            None,
            None,
        )
        return b"" if failed else answer.raw[: length.value]
    return b""


def facts_in(raw: bytes) -> dict[str, str | int | None] | None:
    """The fields of a `TcpInfo`; None when it is shorter than this layout."""
    if len(raw) < _LAYOUT.size:
        return None
    fields = _LAYOUT.unpack_from(raw)
    state, mss, rtt_us, in_flight = fields[0], max(fields[1], 1), fields[4], fields[6]
    bytes_in, bytes_retrans, timeouts = fields[12], fields[14], fields[17]
    return {
        "state": _STATES[state] if state < len(_STATES) else str(state),
        "retransmits": timeouts if in_flight else 0,
        "probes": 0,
        "backoff": 0,
        "unacked": -(-in_flight // mss),
        "notsent_bytes": None,
        "total_retrans": -(-bytes_retrans // mss),
        "last_data_sent_ms": None,
        "last_data_recv_ms": None,
        "last_ack_recv_ms": None,
        "rtt_us": rtt_us,
        "rttvar_us": 0,
        "pmtu": 0,
        "bytes_received": bytes_in,
    }
