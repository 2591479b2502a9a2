"""Where an end came from: one row a case, each a connection as its packets show it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stresser.classify.packet_origin import hops, next_seq, provenance
from stresser.model.packet import (
    MOST_SIGNALS,
    FlowPackets,
    Packet,
    PacketOrigin,
    Reading,
    Shape,
)
from stresser.model.units import NS_PER_MS

ISN = 2**32 - 100  # the sequence numbers of these connections wrap
RECEIVED = 5000
EXPECTED = (ISN + 1 + RECEIVED) % 2**32
SENT_NS = 1000 * NS_PER_MS
ANOTHER, OWN, HOST, NEUTRAL = Reading


def packet(flags, **fields):
    usual: dict[str, Any] = {
        "t_ns": SENT_NS + NS_PER_MS, "unix_ns": 0, "interface": "eth0", "outgoing": False,
        "ttl": 54, "ip_id": 500, "df": True, "window": 502, "seq": EXPECTED, "ack": 9, "length": 0,
    }  # fmt: skip
    return Packet(flags=flags, **(usual | fields))


def flow(*ends, syn_ack_ttl=54, data_ttl=54, data_ip_id=400, data_df=True, interface="eth0"):
    """A connection with an endpoint ten hops away, unless told otherwise."""
    answer = packet("SA", t_ns=2, seq=ISN, ttl=syn_ack_ttl, ip_id=0, interface=interface)
    data = packet("PA", ttl=data_ttl, ip_id=data_ip_id, df=data_df, interface=interface)
    return FlowPackets(syn_ack=answer, server_hello=data, ends=list(ends))


def found_in(packets, **known):
    known = {"expected_seq": EXPECTED, "sent_ns": SENT_NS} | known
    found = provenance(packets, **known)
    assert found is not None
    return found


def signals(found):
    return {signal.name: signal.reading for signal in found.signals}


def no_socket(**fields):
    return packet("R", **({"window": 0, "ip_id": 0, "ack": 0} | fields))


SEQ = {"seq_as_expected": NEUTRAL}
CASES = {
    "the peer aborts its socket": (
        flow(packet("RA")),
        Shape.SOCKET,
        {"ttl_matches": OWN, "socket_reset": OWN, "ip_id_counts_on": OWN, **SEQ},
    ),
    "the peer's host does not know the connection": (
        flow(no_socket()),
        Shape.NO_SOCKET,
        {"ttl_matches": OWN, "no_socket_reset": NEUTRAL, "ip_id_zero": NEUTRAL, **SEQ},
    ),
    "a box one hop away rejects": (
        flow(no_socket(ttl=63)),
        Shape.NO_SOCKET,
        {"ttl_differs": ANOTHER, "no_socket_reset": NEUTRAL, "ip_id_zero": NEUTRAL, **SEQ},
    ),
    "a forged reset with an IP ID of its own": (
        flow(packet("R", ttl=57, ip_id=0x1234, window=0), data_ip_id=0),
        Shape.NO_SOCKET,
        {
            "ttl_differs": ANOTHER,
            "no_socket_reset": NEUTRAL,
            "ip_id_where_data_has_none": ANOTHER,
            **SEQ,
        },
    ),
    "a perfect forgery looks like the peer": (
        flow(packet("RA", ttl=54, ip_id=401)),
        Shape.SOCKET,
        {"ttl_matches": OWN, "socket_reset": OWN, "ip_id_counts_on": OWN, **SEQ},
    ),
    "another stack as far away": (
        flow(packet("RA", ttl=245, ip_id=9, df=False, window=0)),
        Shape.OTHER,
        {
            "ttl_of_another_stack": NEUTRAL,
            "other_reset": NEUTRAL,
            "df_differs": ANOTHER,
            **SEQ,
        },
    ),
    "a SYN proxy: the data counts": (
        flow(packet("RA"), syn_ack_ttl=63),
        Shape.SOCKET,
        {
            "handshake_ttl_differs_from_data": NEUTRAL,
            "ttl_matches": OWN,
            "socket_reset": OWN,
            "ip_id_counts_on": OWN,
            **SEQ,
        },
    ),
    "a SYN proxy resets": (
        flow(no_socket(ttl=63), syn_ack_ttl=63),
        Shape.NO_SOCKET,
        {
            "handshake_ttl_differs_from_data": NEUTRAL,
            "ttl_matches_handshake_alone": ANOTHER,
            "no_socket_reset": NEUTRAL,
            "ip_id_zero": NEUTRAL,
            **SEQ,
        },
    ),
    "this host aborts": (
        flow(packet("RA", outgoing=True, ttl=64)),
        Shape.SOCKET,
        {"sent_by_this_host": HOST},
    ),
    "this host's own firewall": (
        flow(no_socket(ttl=64, interface="lo")),
        Shape.NO_SOCKET,
        {
            "came_over_loopback": HOST,
            "ttl_differs": ANOTHER,
            "no_socket_reset": NEUTRAL,
            "ip_id_zero": NEUTRAL,
            **SEQ,
        },
    ),
    "by another interface": (
        flow(packet("RA"), interface="tun0"),
        Shape.SOCKET,
        {
            "came_by_another_interface": NEUTRAL,
            "ttl_matches": OWN,
            "socket_reset": OWN,
            "ip_id_counts_on": OWN,
            **SEQ,
        },
    ),
    "a FIN": (
        flow(packet("FA", seq=EXPECTED - 1)),
        Shape.FIN,
        {"ttl_matches": OWN, "ip_id_counts_on": OWN, **SEQ},
    ),
    "a FIN from another box": (
        flow(packet("FA", seq=EXPECTED - 1, ttl=63, ip_id=0)),
        Shape.FIN,
        {"ttl_differs": ANOTHER, "ip_id_zero": ANOTHER, **SEQ},
    ),
    "IPv6": (
        FlowPackets(
            syn_ack=packet("SA", seq=ISN, ip_id=None, df=None),
            server_hello=packet("PA", ip_id=None, df=None),
            ends=[packet("R", ttl=63, window=0, ip_id=None, df=None)],
        ),
        Shape.NO_SOCKET,
        {"ttl_differs": ANOTHER, "no_socket_reset": NEUTRAL, **SEQ},
    ),
    "nothing to compare it with": (
        FlowPackets(ends=[no_socket()]),
        Shape.NO_SOCKET,
        {"no_socket_reset": NEUTRAL, **SEQ},
    ),
    "no data was seen": (
        FlowPackets(syn_ack=packet("SA", seq=ISN, ip_id=0), ends=[no_socket(ttl=64)]),
        Shape.NO_SOCKET,
        {"ttl_differs": ANOTHER, "no_socket_reset": NEUTRAL, **SEQ},
    ),
}


@pytest.mark.parametrize(("packets", "shape", "expected"), CASES.values(), ids=CASES)
def test_what_the_packets_speak_for(packets, shape, expected):
    found = found_in(packets)
    assert (found.shape, signals(found)) == (shape, expected)


AFTERWARDS = {
    "rising SEQ": (no_socket(seq=EXPECTED + 1460), "resets_with_rising_seq"),
    "another TTL": (no_socket(ttl=40), "resets_with_differing_ttl"),
    "a FIN": (packet("FA", t_ns=SENT_NS + 3 * NS_PER_MS), "fin_after_reset"),
    "data, which our kernel refused": (
        no_socket(outgoing=True, ttl=64, seq=9, t_ns=SENT_NS + 3 * NS_PER_MS),
        "data_after_reset",
    ),
}


@pytest.mark.parametrize(("later", "name"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_what_comes_after_a_reset_that_its_peer_did_not_send(later, name):
    found = found_in(flow(no_socket(), later))
    assert signals(found)[name] is ANOTHER
    alone = signals(found_in(flow(no_socket())))
    assert set(signals(found)) - set(alone) == {name}


@pytest.mark.parametrize(
    "later",
    [
        no_socket(),
        packet("RA", outgoing=True),
        no_socket(seq=EXPECTED - 100),
        packet("RA", seq=EXPECTED + 900),  # its own abort, which was overtaken
        packet("FA"),  # overtaken by its reset
        no_socket(outgoing=True, ttl=64, seq=9),
        no_socket(ttl=118),  # as far away
    ],
)
def test_a_second_answer_is_no_sign_of_forgery(later):
    assert signals(found_in(flow(no_socket(), later))) == signals(found_in(flow(no_socket())))


def test_what_comes_within_half_a_round_trip_may_have_been_sent_before_the_reset():
    data = no_socket(outgoing=True, ttl=64, seq=9, t_ns=SENT_NS + 9 * NS_PER_MS)
    for rtt_ms, later in ((4, {"data_after_reset"}), (40, set())):
        found = found_in(flow(no_socket(), data), rtt_ns=rtt_ms * NS_PER_MS)
        assert signals(found).keys() & {"data_after_reset"} == later


def test_a_server_that_answers_our_hello_after_its_reset_did_not_send_it():
    at_ns = SENT_NS + NS_PER_MS  # of the hello, whose SEQ is the one expected
    for end, goes_on in (
        (no_socket(t_ns=at_ns - 3 * NS_PER_MS), True),
        (no_socket(t_ns=at_ns - 1000), False),  # they may have changed places
        (packet("RA", t_ns=at_ns - 1000), True),  # but it does not stand behind the hello
        (packet("RA", t_ns=at_ns + 1000), False),
    ):
        assert ("answer_after_reset" in signals(found_in(flow(end)))) is goes_on


@pytest.mark.parametrize("offset", [-1, 1, 500, 100_000_000, -(2**31) + 1])
def test_a_reset_out_of_sequence_is_not_the_cause(offset):
    forged = no_socket(seq=(EXPECTED + offset) % 2**32, ttl=57)
    names = {"resets_with_differing_ttl"} | ({"resets_with_rising_seq"} if offset > 0 else set())
    assert provenance(flow(forged), expected_seq=EXPECTED) is None
    found = found_in(flow(forged, packet("RA", t_ns=SENT_NS + 5 * NS_PER_MS)))
    assert (found.ttl, found.seq_offset, found.ignored, found.resets) == (54, 0, 1, 2)
    assert {name for name, reading in signals(found).items() if reading is ANOTHER} == names


def test_without_the_sequence_the_first_is_taken():
    packets = flow(no_socket(seq=EXPECTED + 500, ttl=57), packet("RA"))
    found = found_in(packets, expected_seq=None)
    assert (found.ttl, found.seq_offset, found.ignored) == (57, None, 0)
    assert "seq_as_expected" not in signals(found)


def test_a_refusal_by_a_host_without_the_socket_did_not_end_it():
    refusal = no_socket(outgoing=True, ttl=64)
    assert provenance(flow(refusal), expected_seq=EXPECTED) is None
    assert found_in(flow(refusal, no_socket())).ignored == 0


def test_a_fin_is_the_cause_though_a_reset_follows():
    found = found_in(flow(packet("FA", seq=EXPECTED - 1), packet("R", window=0)))
    assert (found.shape, found.resets) == (Shape.FIN, 1)


@pytest.mark.parametrize(
    ("length", "offset", "is_cause"),
    [
        (0, 0, True),  # TCP has taken it: it counts as one byte
        (0, 1, True),  # not yet
        (10, 0, True),
        (10, 11, True),  # nor its data
        (10, 12, False),
        (0, -1, False),
    ],
)
def test_a_fin_is_where_tcp_has_come_to(length, offset, is_cause):
    fin = packet("FPA", seq=(EXPECTED + offset - length - 1) % 2**32, length=length)
    found = provenance(flow(fin), expected_seq=EXPECTED)
    assert (found is not None) is is_cause
    if found is not None:
        assert found.seq_offset == offset


@pytest.mark.parametrize(
    ("t_ns", "after_ns"),
    [
        (SENT_NS + 400_000, 400_000),
        (SENT_NS, 0),
        (SENT_NS - 900_000, 0),  # on loopback the answer is there before we note the send
        (SENT_NS - 2 * NS_PER_MS, None),
    ],
)
def test_how_long_after_our_send(t_ns, after_ns):
    assert found_in(flow(no_socket(t_ns=t_ns))).after_send_ns == after_ns


@pytest.mark.parametrize(
    ("rtt_ms", "idle_ms", "flags", "too_soon"),
    [
        (20, 15_000, "R", True),
        (20, 5, "R", False),  # it may answer what we sent before
        (1.5, 15_000, "R", False),
        (0.5, 15_000, "R", False),
        (20, 15_000, "RA", False),  # no answer at all
    ],
)
def test_an_answer_sooner_than_a_round_trip(rtt_ms, idle_ms, flags, too_soon):
    found = found_in(
        flow(packet(flags, window=0, t_ns=SENT_NS + NS_PER_MS)),
        rtt_ns=int(rtt_ms * NS_PER_MS),
        idle_before_send_ns=idle_ms * NS_PER_MS,
    )
    assert ("answers_sooner_than_a_round_trip" in signals(found)) is too_soon


@pytest.mark.parametrize(
    ("ttl", "passed"), [(64, 0), (63, 1), (54, 10), (65, 63), (128, 0), (129, 126), (255, 0)]
)
def test_hops_from_the_usual_initial_ttls(ttl, passed):
    assert hops(ttl) == passed


def test_the_figures_of_a_box_one_hop_away():
    found = found_in(flow(no_socket(ttl=63, t_ns=SENT_NS + 400_000), syn_ack_ttl=53))
    assert found == PacketOrigin(
        t_ns=SENT_NS + 400_000,
        interface="eth0",
        outgoing=False,
        flags="R",
        shape=Shape.NO_SOCKET,
        ttl=63,
        syn_ack_ttl=53,
        data_ttl=54,
        hops=1,
        peer_hops=10,
        ip_id=0,
        data_ip_id=400,
        df=True,
        data_df=True,
        window=0,
        seq_offset=0,
        after_send_ns=400_000,
        resets=1,
        ignored=0,
        signals=found.signals,
    )


def test_the_next_sequence_number():
    assert next_seq(flow(), RECEIVED) == EXPECTED
    assert next_seq(flow(), None) is next_seq(FlowPackets(), RECEIVED) is None


@pytest.mark.parametrize("packets", [FlowPackets(), flow()])
def test_without_an_end_there_is_nothing_to_say(packets):
    assert provenance(packets, expected_seq=EXPECTED) is None


numbers = st.integers(0, 2**32 - 1)
packets = st.builds(
    packet,
    st.sampled_from(["R", "RA", "FA", "FPA", "FRA", ""]),
    t_ns=st.integers(0, 2**40),
    interface=st.sampled_from(["eth0", "lo", "tun0"]),
    outgoing=st.booleans(),
    ttl=st.integers(0, 255),
    ip_id=st.none() | st.integers(0, 65535),
    df=st.none() | st.booleans(),
    window=st.integers(0, 65535),
    seq=numbers | st.just(EXPECTED),
    length=st.integers(0, 65535),
)
flows = st.builds(
    FlowPackets,
    syn_ack=st.none() | packets,
    server_hello=st.none() | packets,
    ends=st.lists(packets, max_size=8),
)
maybe = st.none() | st.integers(0, 2**40)


@settings(deadline=None)
@given(flows, st.none() | numbers | st.just(EXPECTED), maybe, maybe, maybe)
def test_whatever_was_seen_the_evidence_is_plain_and_bounded(seen, expected, sent, rtt, idle):
    found = provenance(
        seen, expected_seq=expected, sent_ns=sent, rtt_ns=rtt, idle_before_send_ns=idle
    )
    if found is None:
        return
    assert len(found.signals) <= MOST_SIGNALS
    assert len({signal.name for signal in found.signals}) == len(found.signals)
    encoded = msgspec.json.encode(found)
    assert len(encoded) < 4096
    assert msgspec.convert(msgspec.json.decode(encoded), PacketOrigin) == found
