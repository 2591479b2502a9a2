"""The provenance card: true sentences, and none from a file that is not as it was written."""

import pytest
from msgspec.structs import replace

from stresser.analysis.words.packet_words import provenance_in_words
from stresser.classify.packet_origin import provenance
from stresser.model.evidence import Evidence
from stresser.model.packet import FlowPackets, IcmpError
from tests.classify.test_packet_origin import EXPECTED, SENT_NS, flow, no_socket, packet


def evidence_of(packets, expected=EXPECTED, **known):
    """As a recorded ending has it."""
    found = provenance(packets, expected_seq=expected, **known)
    return Evidence(packets=packets, origin=found)


def words(packets, **known):
    return provenance_in_words(evidence_of(packets, **known))


HEADLINES = {
    "a box one hop away": (
        flow(no_socket(ttl=63, t_ns=SENT_NS + 400_000)),
        (
            "reset 400 us after our last send, TTL 63 where the connection's own data packets carry"
            " 54: consistent with a box 1 hop away, not with the sender 10 hops away"
        ),
    ),
    "a box on our link": (
        flow(no_socket(ttl=255, t_ns=SENT_NS + 400_000)),
        (
            "reset 400 us after our last send, TTL 255 where the connection's own data packets"
            " carry 54: consistent with a box on our own link, not with the sender 10 hops away"
        ),
    ),
    "the peer": (
        flow(packet("RA")),
        (
            "reset 1 ms after our last send, TTL 54 as the connection's own data packets carry:"
            " consistent with the endpoint, or a proxy that holds the connection"
        ),
    ),
    "only a SYN-ACK to compare with": (
        FlowPackets(syn_ack=packet("SA"), ends=[packet("FA", seq=EXPECTED - 1)]),
        (
            "FIN 1 ms after our last send, TTL 54 as the connection's own SYN-ACK carries:"
            " consistent with the endpoint, or a proxy that holds the connection"
        ),
    ),
    "nothing to compare with": (
        FlowPackets(ends=[packet("RA")]),
        (
            "reset 1 ms after our last send, TTL 54; no other packet of the connection was seen to"
            " compare it with"
        ),
    ),
    "as far away": (
        flow(packet("RA", ttl=245)),
        (
            "reset 1 ms after our last send, TTL 245 where the connection's own data packets carry"
            " 54: as far away (10 hops), but sent with another initial TTL"
        ),
    ),
    "this host": (
        flow(packet("RA", outgoing=True, ttl=64)),
        "reset 1 ms after our last send, sent by this host itself on eth0",
    ),
    "before any send": (
        flow(packet("RA", t_ns=0)),
        (
            "reset, TTL 54 as the connection's own data packets carry:"
            " consistent with the endpoint, or a proxy that holds the connection"
        ),
    ),
}


@pytest.mark.parametrize(("packets", "headline"), HEADLINES.values(), ids=HEADLINES)
def test_the_first_line_says_where_it_came_from(packets, headline):
    assert words(packets, sent_ns=SENT_NS)[0] == headline


def test_a_whole_card():
    card = words(flow(no_socket(ttl=63, seq=EXPECTED), no_socket(ttl=63), syn_ack_ttl=63))
    assert card == [
        (
            "reset, TTL 63 where the connection's own data packets carry 54: consistent with a box"
            " 1 hop away, not with the sender 10 hops away"
        ),
        "the SYN-ACK carried TTL 63 and the data 54: another box may have answered the handshake",
        (
            "it has no ACK and window 0, as a host sends that does not know the connection, or a"
            " firewall that rejects"
        ),
        "its SEQ is exactly the one expected: its sender saw the connection or owned it",
        (
            "signals: handshake ttl differs from data (neutral), ttl matches handshake alone"
            " (speaks for another box), no socket reset (neutral), ip id zero (neutral),"
            " seq as expected (neutral)"
        ),
    ]


def test_what_was_not_accepted_is_said():
    forged = no_socket(seq=EXPECTED + 500, ttl=57)
    assert words(flow(forged)) == [
        "a reset was seen with TTL 57; nothing shows that it ended the session"
    ]
    card = words(flow(forged, packet("RA")))
    assert "1 packet before it had a wrong SEQ: TCP does not accept such" in card
    assert "resets came from another distance, too" in card


def test_errors_and_what_is_not_listed_are_said():
    error = IcmpError(
        t_ns=1,
        unix_ns=1,
        interface="eth0",
        offender="192.0.2.1",
        type=3,
        code=4,
        words="fragmentation needed",
        mtu=1400,
    )
    assert words(FlowPackets(icmp=[error], unlisted=2)) == [
        "no FIN or RST of this connection was seen",
        'ICMP from 192.0.2.1: "fragmentation needed", next MTU 1400',
        "2 packets more of the connection's FIN, RST and ICMP: not listed",
    ]


def test_without_the_sequence_it_is_not_claimed():
    card = words(flow(packet("RA")), expected=None)
    assert "whether its SEQ is the one expected is not known" in card


def test_where_nothing_was_witnessed_nothing_is_said():
    assert provenance_in_words(Evidence()) == []


def test_texts_of_a_file_do_not_play_with_the_terminal():
    evidence = evidence_of(flow(packet("RA", outgoing=True)))
    assert evidence.origin is not None
    signals = [replace(evidence.origin.signals[0], name="\x07bell")]
    found = replace(evidence.origin, interface="\x1b[2J", signals=signals)
    card = provenance_in_words(replace(evidence, origin=found))
    assert all(line.isprintable() for line in card)
    assert "\\x1b[2J" in card[0]
