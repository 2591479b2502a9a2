"""A segment that dies at a hop: it belongs to a held flow, and changes nothing for it.

It looks like the kernel's keepalive (RFC 9293 section 3.8.4): no data, a sequence number that the
other end has acknowledged long ago. What follows from that, each of it looked up in Linux:

* Should it reach the other end after all, an ACK comes back and nothing else (section 3.10.7.4).
* The ICMP error that quotes it is out of our own socket's window, and ignored there
  (net/ipv4/tcp_ipv4.c, tcp_v4_err): the error of a real segment would turn up when it ends.
* Each differs from the others: a NAT that sees the same segment three times takes it for one sent
  again, and forgets the flow after five minutes (nf_conntrack_proto_tcp.c, tcp_max_retrans).
* Its window is not 0, for the same reason.
* Ports and addresses are the flow's own, so that routers which share load by them send it the
  flow's way (and its IPv6 flow label, where it has been seen).
"""

import struct
from typing import NamedTuple

from stresser.model.hops import MOST_HOPS

TRIES = 4
"""So many walks of one flow have different sequence numbers."""
_LEAST_ACKED = TRIES * (MOST_HOPS + 2)
_ACK = 0x10
_WINDOW = 502
_TCP = 6
_WRAP = 1 << 32
_DONT_FRAGMENT = 0x4000


class FlowEdges(NamedTuple):
    """Where a flow stands: both ends as in packets, and its sequence numbers."""

    local: tuple[bytes, int]
    remote: tuple[bytes, int]
    unacknowledged: int
    """The next sequence number that the other end has not acknowledged (SND.UNA)."""
    expected: int
    """The next one that we expect (RCV.NXT)."""
    flow_label: int = 0

    def sequence(self, hop: int, attempt: int) -> int:
        """Of the segment for a hop: it tells hop and attempt when a router quotes it."""
        return (self.unacknowledged - 1 - hop - (MOST_HOPS + 1) * attempt) % _WRAP


def edges(
    ends: tuple[tuple[bytes, int], tuple[bytes, int]],
    syn_ack: tuple[int, int],
    acked: int | None,
    received: int | None,
    flow_label: int = 0,
    *,
    is_young: bool = False,
) -> FlowEdges | None:
    """From both ends, SEQ and ACK of the SYN-ACK, and what TCP_INFO counts since.

    None: the kernel counts no bytes, or so few have been acknowledged that an old sequence number
    would be older than the flow; of a young one on which nothing was sent that does not matter.
    """
    if acked is None or received is None or (acked <= _LEAST_ACKED and not is_young):
        return None
    seq, ack = syn_ack
    # `acked` counts the SYN (net/ipv4/tcp_input.c, tcp_snd_una_update).
    return FlowEdges(*ends, (ack - 1 + acked) % _WRAP, (seq + 1 + received) % _WRAP, flow_label)


def segment(flow: FlowEdges, hop: int, attempt: int) -> bytes:
    """An IP packet that dies at a hop."""
    (source, source_port), (to, to_port) = flow.local, flow.remote
    sequence = flow.sequence(hop, attempt)
    tcp = struct.pack(
        "!HHIIBBHHH", source_port, to_port, sequence, flow.expected, 5 << 4, _ACK, _WINDOW, 0, 0
    )
    pseudo = source + to + struct.pack("!II", len(tcp), _TCP)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    if len(source) == len(to) == 4:  # noqa: PLR2004 - IPv4
        # Linux fills in length and checksum, and an identification where there is none (raw(7)).
        head = struct.pack(
            "!BBHHHBBH", 0x45, 0, 20 + len(tcp), (sequence & 0xFFFF) or 1, _DONT_FRAGMENT, hop,
            _TCP, 0,
        )  # fmt: skip
    else:
        head = struct.pack("!IHBB", 6 << 28 | flow.flow_label & 0xFFFFF, len(tcp), _TCP, hop)
    return head + source + to + tcp


def checksum(data: bytes) -> int:
    """RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(word for (word,) in struct.iter_unpack("!H", padded))
    while total > 0xFFFF:  # noqa: PLR2004 - sixteen bits
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total
