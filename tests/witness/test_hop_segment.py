"""Segments of a walk, beside packets made field by field from the RFCs."""

import pytest

from stresser.model.hops import MOST_HOPS
from stresser.witness.hop_segment import TRIES, FlowEdges, checksum, edges, segment
from stresser.witness.packet_filter import remote_end
from tests.witness import made_packets as made

ENDS = remote_end("198.51.100.2:40000"), remote_end("203.0.113.2:443")
ENDS6 = remote_end("[2001:db8::2]:40000"), remote_end("[2001:db8:1::2]:443")
FLOW = FlowEdges(*ENDS, 5000, 7000)
FLOW6 = FlowEdges(*ENDS6, 5000, 7000, flow_label=0x12345)


def test_a_segment_is_the_flows_own_and_dies_at_its_hop():
    packet = segment(FLOW, 7, 0)
    # Linux writes length, checksum and nothing else of what is 0 here (raw(7)).
    wanted = made.outgoing("A", seq=5000 - 1 - 7, ack=7000, window=502, ttl=7, ip_id=5000 - 8)
    assert packet[4:36] == wanted[4:36]
    assert len(packet) == 40


def test_a_segment_of_ipv6_keeps_the_flows_label():
    packet = segment(FLOW6, 9, 0)
    wanted = made.outgoing("A", v6=True, seq=5000 - 1 - 9, ack=7000, window=502, ttl=9)
    assert packet[4:56] == wanted[4:56]
    assert packet[:4].hex() == "60012345"
    assert len(packet) == 60


@pytest.mark.parametrize(("flow", "begins"), [(FLOW, 12), (FLOW6, 8)], ids=["IPv4", "IPv6"])
def test_the_sum_over_a_segment_and_its_pseudo_header_is_zero(flow, begins):
    packet = segment(flow, 3, 1)
    pseudo = packet[begins:] + (6 + 20).to_bytes(2, "big")
    # Ones' complement addition of words is addition modulo 65535 (RFC 1071 section 2).
    assert int.from_bytes(pseudo, "big") % 0xFFFF == 0


def test_an_identification_is_never_left_to_the_kernel():
    # A sequence number of which the lower half is 0.
    assert segment(FLOW._replace(unacknowledged=0x20000 + 4), 3, 0)[4:6] == b"\0\1"


def test_no_two_segments_of_a_flow_are_the_same_and_each_is_acknowledged_already():
    found = {
        FLOW.sequence(hop, attempt) for hop in range(1, MOST_HOPS + 1) for attempt in range(TRIES)
    }
    assert len(found) == MOST_HOPS * TRIES
    assert all(number < FLOW.unacknowledged - 1 for number in found)


def test_sequence_numbers_begin_again_after_the_largest():
    assert FlowEdges(*ENDS, 3, 0).sequence(5, 0) == 2**32 - 3


def test_where_a_flow_stands():
    # SYN-ACK: SEQ 100, ACK 51; 1,000 bytes and the SYN acknowledged, 300 received.
    flow = edges(ENDS, (100, 51), 1001, 300)
    assert flow is not None
    assert (flow.unacknowledged, flow.expected) == (1051, 401)
    wrapped = edges(ENDS, (2**32 - 1, 0), 1001, 300)
    assert wrapped is not None
    assert (wrapped.unacknowledged, wrapped.expected) == (1000, 300)


@pytest.mark.parametrize(("acked", "received"), [(None, 5), (500, None), (1, 0), (128, 5)])
def test_of_what_the_kernel_does_not_count_or_what_is_too_young_nothing_is_known(acked, received):
    assert edges(ENDS, (100, 51), acked, received) is None


def test_of_a_flow_on_which_nothing_was_sent_old_numbers_may_be_older_than_it():
    young = edges(ENDS, (100, 51), 1, 0, is_young=True)
    assert young is not None
    assert (young.unacknowledged, young.expected) == (51, 101)


def test_the_checksum_of_an_odd_number_of_bytes():
    assert checksum(b"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7") == 0x220D  # RFC 1071 section 3
    assert checksum(b"\x01") == 0xFEFF
