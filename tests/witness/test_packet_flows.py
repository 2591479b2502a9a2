"""The table of connections: what is kept of each, and that it is little."""

import tracemalloc

import pytest

from stresser.model.packet import MOST_ENDS, MOST_ICMP, FlowPackets
from stresser.model.units import NS_PER_MS
from stresser.witness.hop_segment import FlowEdges
from stresser.witness.packet_filter import remote_end
from stresser.witness.packet_flows import MOST_EARLY, FlowTable
from stresser.witness.packet_parse import Stamp, flow_key
from tests.witness import made_packets as made

KEY = flow_key(remote_end("198.51.100.2:40000"), remote_end("203.0.113.2:443"))


def take(table, packet, t_ns=0, interface="eth0", *, outgoing=False):
    return table.take(packet, Stamp(t_ns, 10**18 + t_ns, interface, outgoing))


def watched(*packets):
    table = FlowTable()
    table.watch(KEY)
    for number, packet in enumerate(packets):
        take(table, packet, number * NS_PER_MS)
    return table


def test_a_life_is_kept_from_its_syn_ack_to_its_ends():
    table = FlowTable()
    assert take(table, made.incoming("SA", ttl=60), 1) is None
    table.watch(KEY)
    assert take(table, made.incoming("PA", payload=made.SERVER_HELLO, ttl=54), 2) is None
    assert not table.has_end(KEY)
    assert take(table, made.icmp(3, 1), 3) is None
    assert take(table, made.incoming("FA"), 4) == KEY
    assert take(table, made.outgoing("RA"), 5, "tun0", outgoing=True) == KEY
    assert table.has_end(KEY)
    seen = table.packets(KEY)
    assert seen.syn_ack is not None
    assert seen.server_hello is not None
    assert (seen.syn_ack.ttl, seen.server_hello.ttl) == (60, 54)
    assert [(end.flags, end.outgoing, end.interface, end.t_ns) for end in seen.ends] == [
        ("FA", False, "eth0", 4),
        ("RA", True, "tun0", 5),
    ]
    assert [error.words for error in seen.icmp] == ["host unreachable"]
    assert seen.unlisted == 0


def test_a_reset_before_it_is_watched_is_kept_with_its_syn_ack():
    table = FlowTable()
    take(table, made.incoming("SA"))
    assert take(table, made.incoming("R")) == KEY
    table.watch(KEY)
    assert [end.flags for end in table.packets(KEY).ends] == ["R"]


def test_what_nobody_watches_is_dropped():
    table = FlowTable()
    assert take(table, made.incoming("R")) is None
    table.watch(KEY)
    assert table.packets(KEY) == FlowPackets()
    assert not table.has_end(KEY)
    assert not table.has_end(b"another")


def test_ports_that_are_used_again_begin_anew():
    table = FlowTable()
    take(table, made.incoming("SA", seq=1))
    take(table, made.incoming("R"))
    take(table, made.incoming("SA", seq=2))
    take(table, made.incoming("SA", seq=2), 9)  # sent again
    table.watch(KEY)
    seen = table.packets(KEY)
    assert seen.syn_ack is not None
    assert (seen.syn_ack.seq, seen.syn_ack.t_ns, seen.ends) == (2, 0, [])


def test_a_forgotten_connection_leaves_nothing_to_the_next():
    table = watched(made.incoming("SA", seq=1), made.incoming("R"))
    table.forget(KEY)
    table.forget(KEY)
    assert len(table) == 0
    take(table, made.outgoing("FA"), outgoing=True)
    table.watch(KEY)
    assert table.packets(KEY) == FlowPackets()


def test_watching_twice_changes_nothing():
    table = watched(made.incoming("SA"), made.incoming("R"))
    before = table.packets(KEY)
    table.watch(KEY)
    assert table.packets(KEY) == before


def test_the_first_of_each_beginning_is_kept():
    table = watched(
        made.incoming("SA", ttl=60),
        made.incoming("SA", ttl=61),
        made.incoming("PA", payload=made.SERVER_HELLO, ttl=54),
        made.incoming("PA", payload=made.SERVER_HELLO, ttl=55),
    )
    seen = table.packets(KEY)
    assert seen.syn_ack is not None
    assert seen.server_hello is not None
    assert (seen.syn_ack.ttl, seen.server_hello.ttl) == (60, 54)


def test_beyond_eight_ends_and_four_errors_it_counts():
    ends = [made.incoming("R", seq=number) for number in range(MOST_ENDS + 5)]
    errors = [made.icmp(3, number) for number in range(MOST_ICMP + 2)]
    seen = watched(*ends, *errors).packets(KEY)
    assert [end.seq for end in seen.ends] == list(range(MOST_ENDS))
    assert [error.code for error in seen.icmp] == list(range(MOST_ICMP))
    assert seen.unlisted == 5 + 2


def test_ends_are_in_the_order_of_their_arrival_whatever_the_clock_says():
    table = FlowTable()
    table.watch(KEY)
    take(table, made.incoming("R", seq=2), 20)
    take(table, made.incoming("R", seq=1), 10)
    assert [end.seq for end in table.packets(KEY).ends] == [2, 1]


@pytest.mark.parametrize(
    ("interface", "later_ns", "ttl", "listed"),
    [
        ("br0", 1000, 54, 1),  # a bridge shows what its member has shown
        ("eth0", 1000, 54, 2),  # sent twice
        ("br0", 11 * NS_PER_MS, 54, 2),  # too late for the same packet
        ("br0", 1000, 53, 2),  # another packet
    ],
)
def test_one_packet_on_two_interfaces_is_listed_once(interface, later_ns, ttl, listed):
    table = FlowTable()
    table.watch(KEY)
    take(table, made.incoming("R", ttl=54), 0, "eth0")
    take(table, made.incoming("R", ttl=ttl), later_ns, interface)
    seen = table.packets(KEY)
    assert (len(seen.ends), seen.unlisted) == (listed, 0)
    assert seen.ends[0].interface == "eth0"


def test_an_error_on_two_interfaces_is_listed_once():
    table = FlowTable()
    table.watch(KEY)
    for interface in ("eth0", "br0"):
        take(table, made.icmp(3, 1), 0, interface)
    assert len(table.packets(KEY).icmp) == 1


def test_interfaces_that_come_and_go_for_ever_take_no_room():
    table = FlowTable()
    table.watch(KEY)
    for number in range(1500):
        take(table, made.incoming("R", seq=number), number, f"veth{number}")
    assert len(table._interfaces) == 1000
    take(table, made.icmp(3, 1), 0, "the last")
    assert [error.interface for error in table.packets(KEY).icmp] == ["?"]


def test_syn_acks_that_nobody_claims_go_the_oldest_first():
    table = FlowTable()
    for port in range(MOST_EARLY + 10):
        take(table, made.segment(made.REMOTE, (made.LOCAL[0], 1000 + port), "SA"))
    assert len(table._early) == MOST_EARLY
    for port, known in ((1009, False), (1010, True)):
        key = flow_key((made.packed(made.LOCAL[0]), port), (made.packed(made.REMOTE[0]), 443))
        table.watch(key)
        assert (table.packets(key).syn_ack is not None) is known


def test_a_connection_takes_less_than_a_kilobyte():
    flows, table = 1000, FlowTable()
    packets = [
        [
            made.segment(made.REMOTE, (made.LOCAL[0], 1000 + port), "SA"),
            made.segment(made.REMOTE, (made.LOCAL[0], 1000 + port), "A", payload=made.SERVER_HELLO),
            made.segment(made.REMOTE, (made.LOCAL[0], 1000 + port), "R"),
        ]
        for port in range(flows)
    ]
    tracemalloc.start()
    try:
        for port, of_one in enumerate(packets):
            local = (made.packed(made.LOCAL[0]), 1000 + port)
            table.watch(flow_key(local, (made.packed(made.REMOTE[0]), 443)))
            for packet in of_one:
                take(table, packet)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / flows < 1024


def test_what_answers_a_walk_is_no_evidence_and_the_rest_is():
    table = watched(made.incoming("SA"))
    flow = FlowEdges(remote_end("198.51.100.2:40000"), remote_end("203.0.113.2:443"), 5000, 7000)
    answers = table.answers(KEY)
    answers.expect(flow, [1, 2], 0, 5)
    walked = made.outgoing("A", seq=flow.sequence(1, 0))
    assert take(table, made.icmp(11, 0, quoted=walked), 9) is None
    take(table, made.icmp(11, 0, quoted=made.outgoing("PA", seq=5000)), 10)
    take(table, made.icmp(3, 13), 11)
    words = [error.words for error in table.packets(KEY).icmp]
    assert words == ["hop limit exceeded in transit", "administratively prohibited"]
    assert table.answers(KEY) is answers


def test_a_forgotten_connection_is_walked_no_more():
    table = watched(made.incoming("SA"))
    answers = table.answers(KEY)
    table.forget(KEY)
    assert table.answers(KEY) is not answers
