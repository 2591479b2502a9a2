"""A path that changes in the life of a flow: the latest data is the measure of what ends it."""

import pytest
from msgspec.structs import replace

from stresser.model.ending import Grade, Initiator
from stresser.model.packet import Shape
from stresser.model.units import NS_PER_MS
from tests.classify import cases
from tests.classify.cases import RESET, answer, assert_judged, case, origin, rerouted, rows_as_tests
from tests.classify.test_packet_origin import (
    ANOTHER,
    NEUTRAL,
    OWN,
    SENT_NS,
    SEQ,
    flow,
    found_in,
    packet,
    signals,
)


def last(packets, *ttls, **fields):
    """The connection's last data came with these TTLs, the latest last."""
    usual = {"length": 30, "t_ns": SENT_NS} | fields
    return replace(packets, last=[packet("PA", ttl=ttl, **usual) for ttl in ttls])


SHOWN = {
    "the path became longer before the peer aborts": (
        last(flow(packet("RA", ttl=53)), 54, 53, ip_id=499),
        Shape.SOCKET,
        {"ttl_matches": OWN, "socket_reset": OWN, "ip_id_counts_on": OWN, **SEQ},
    ),
    "the path became longer before a box resets": (
        last(flow(packet("RA", ttl=60)), 54, 53),
        Shape.SOCKET,
        {"ttl_differs": ANOTHER, "socket_reset": OWN, **SEQ},
    ),
    "the path became longer, and shorter again": (
        last(flow(packet("RA", ttl=54), data_ttl=55, syn_ack_ttl=55), 54, 53, 53),
        Shape.SOCKET,
        {"ttl_matches_earlier_data": NEUTRAL, "socket_reset": OWN, **SEQ},
    ),
    "packets by paths of several lengths": (
        last(flow(packet("RA", ttl=52)), 53, 54, 53),
        Shape.SOCKET,
        {"ttl_varies": NEUTRAL, "socket_reset": OWN, **SEQ},
    ),
    "what is no data of this connection before its end": (
        replace(
            flow(packet("RA", ttl=53)),
            last=[
                packet("A", ttl=53, t_ns=SENT_NS),
                packet("PA", ttl=53, length=9, t_ns=SENT_NS, outgoing=True),
                packet("PA", ttl=53, length=9, t_ns=SENT_NS + 2 * NS_PER_MS),
                packet("FA", ttl=53, length=9, t_ns=SENT_NS),
                packet("PA", ttl=53, length=9, t_ns=1),
            ],
        ),
        Shape.SOCKET,
        {"ttl_differs": ANOTHER, "socket_reset": OWN, "ip_id_counts_on": OWN, **SEQ},
    ),
}


@pytest.mark.parametrize(("packets", "shape", "expected"), SHOWN.values(), ids=SHOWN)
def test_what_the_packets_speak_for(packets, shape, expected):
    found = found_in(packets)
    assert (found.shape, signals(found)) == (shape, expected)


JUDGED = [
    # The path became longer long before a box resets: the latest data is the measure, and a
    # fresh connection says that it still is.
    (case("tcp_reset", provenance=origin(packets), looks=looks), initiator, rule, Grade.PACKET)
    for packets, looks, initiator, rule in (
        (
            rerouted(cases.packet("RA", ttl=60)),
            (answer(ttl=53, hello_ttl=53),),
            Initiator.MIDDLEBOX,
            "another-box",
        ),
        (
            rerouted(cases.packet("RA", ttl=60)),
            (answer(),),
            Initiator.UNKNOWN,
            "path-may-have-changed",
        ),
        # The endpoint's own, over the longer path and over the first one again.
        (
            rerouted(cases.packet("RA", ttl=53)),
            (answer(),),
            Initiator.UNKNOWN,
            "own-peer-or-perfect-forgery",
        ),
        (
            rerouted(RESET),
            (answer(ttl=53, hello_ttl=53),),
            Initiator.UNKNOWN,
            "path-may-have-changed",
        ),
    )
]


@rows_as_tests(JUDGED)
def test_who_is_named_and_why(judged, initiator, rule, grade):
    assert_judged(judged, initiator, rule, grade)
