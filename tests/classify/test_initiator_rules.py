"""One row for each state of the evidence: who is named, by which rule, how well supported."""

import pytest

from stresser.classify.initiator_rules import BY_NAME, RULES
from stresser.classify.judge import judge
from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.units import NS_PER_MS, NS_PER_S
from tests.classify.cases import (
    COLLECTING,
    FIN,
    RESET,
    SENT_NS,
    SERVER,
    STOPPED,
    STRANGER,
    case,
    flow,
    icmp,
    look,
    origin,
    packet,
    sent,
)

UNKNOWN, ENDPOINT, BOX = Initiator.UNKNOWN, Initiator.ENDPOINT, Initiator.MIDDLEBOX
HOST, TOOL, PLAN = Initiator.HOST, Initiator.TOOL, Initiator.PLAN
NEARER = packet("RA", ttl=63)
OTHER_WAY = look("connected", egress="direct")
ELSEWHERE = look("connected", endpoint="gateway")
TLS_ENDINGS = ["tls_close_notify", "ws_close", "tls_alert", "http_refusal"]
TCP_ENDINGS = {"tcp_reset": RESET, "tcp_fin": FIN}

ROWS = [
    # What needs no witness.
    (case("planned"), PLAN, "planned", Grade.ERRNO),
    (case("tool"), TOOL, "tool-limit", Grade.ERRNO),
    (case("host_slept"), HOST, "host-slept", Grade.ERRNO),
    (case("proxy_error", phase=Phase.PROXY), BOX, "explicit-proxy-refused", Grade.ERRNO),
    (case("tls_alert", failure="proxy_tls_alert"), BOX, "explicit-proxy-said-so", Grade.ERRNO),
    (
        case("tls_alert", failure="proxy_tls_alert", tls_end_verified=True),
        BOX,
        "explicit-proxy-said-so",
        Grade.ERRNO,
    ),
    (
        case("tls_alert", failure="proxy_tls_alert", phase=Phase.PROXY),
        UNKNOWN,
        "nothing-decides",
        Grade.ERRNO,
    ),
    # We or our host were not there: whatever else was seen.
    (case("tcp_reset", unfit=(COLLECTING,)), TOOL, "tool-unfit", Grade.ERRNO),
    (case("silence", unfit=(STOPPED,)), HOST, "host-unfit", Grade.ERRNO),
    (
        case("tcp_reset", unfit=(COLLECTING,), provenance=origin(flow(NEARER))),
        TOOL,
        "tool-unfit",
        Grade.ERRNO,
    ),
    # Said under TLS: the chain decides.
    *[
        (case(k, tls_end_verified=True), ENDPOINT, "endpoint-said-so", Grade.ERRNO)
        for k in TLS_ENDINGS
    ],
    *[(case(k, intercepted=True), BOX, "interceptor-said-so", Grade.ERRNO) for k in TLS_ENDINGS],
    *[(case(k), UNKNOWN, "nothing-decides", Grade.ERRNO) for k in TLS_ENDINGS],
    (
        case("tls_alert", phase=Phase.TLS, tls_end_verified=True),
        UNKNOWN,
        "nothing-decides",
        Grade.ERRNO,
    ),
    # A reset or FIN without packets: nothing, however well the chain verifies.
    *[
        (
            case(k, tls_end_verified=True, sent=sent(unacked=0)),
            UNKNOWN,
            "nothing-decides",
            Grade.ERRNO,
        )
        for k in TCP_ENDINGS
    ],
    # With packets.
    *[
        (
            case(k, provenance=origin(flow(end))),
            UNKNOWN,
            "own-peer-or-perfect-forgery",
            Grade.PACKET,
        )
        for k, end in TCP_ENDINGS.items()
    ],
    (case("tcp_reset", provenance=origin(flow(NEARER))), BOX, "another-box", Grade.PACKET),
    (
        case("tcp_fin", provenance=origin(flow(packet("FA", ttl=63, seq=FIN.seq)))),
        BOX,
        "another-box",
        Grade.PACKET,
    ),
    (
        # A SYN proxy answers our SYN; the reset comes from it, the data from behind it.
        case("tcp_reset", provenance=origin(flow(NEARER, syn_ttl=63))),
        BOX,
        "another-box",
        Grade.PACKET,
    ),
    (
        # A load balancer answers SYNs itself; a reset with the data's TTL is the endpoint's own.
        case("tcp_reset", provenance=origin(flow(RESET, syn_ttl=63))),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        Grade.PACKET,
    ),
    (
        case("tcp_reset", provenance=origin(flow(RESET, packet("R", seq=RESET.seq + 99)))),
        BOX,
        "injected",
        Grade.PACKET,
    ),
    (
        case("tcp_reset", provenance=origin(flow(packet("RA", df=False)))),
        UNKNOWN,
        "other-make",
        Grade.PACKET,
    ),
    (
        case(
            "tcp_reset",
            provenance=origin(
                flow(STRANGER),
                sent_ns=STRANGER.t_ns - 2 * NS_PER_MS,
                rtt_ns=80 * NS_PER_MS,
                idle_before_send_ns=10 * NS_PER_S,
            ),
        ),
        BOX,
        "answered-too-soon",
        Grade.PACKET,
    ),
    # The server's host answers that it knows no such connection.
    (
        case(
            "tcp_reset",
            neighbour_lives=True,
            provenance=origin(flow(STRANGER), sent_ns=STRANGER.t_ns - NS_PER_MS),
        ),
        BOX,
        "flow-unknown-there",
        Grade.PACKET,
    ),
    (
        # Without a neighbour the server may have been started anew.
        case(
            "tcp_reset",
            looks=(look("connected"), OTHER_WAY),
            provenance=origin(flow(STRANGER), sent_ns=STRANGER.t_ns - NS_PER_MS),
        ),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        Grade.PACKET,
    ),
    (
        # It came unasked: nothing was answered.
        case("tcp_reset", neighbour_lives=True, provenance=origin(flow(STRANGER))),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        Grade.PACKET,
    ),
    # The service stopped listening.
    *[
        (
            case(
                k,
                provenance=origin(flow(end)),
                looks=(look("refused", ttl=54), look("refused", egress="direct")),
            ),
            ENDPOINT,
            "endpoint-stopped-listening",
            Grade.PACKET,
        )
        for k, end in TCP_ENDINGS.items()
    ],
    *[
        # By one way alone: a proxy in it may have gone.
        (
            case(k, provenance=origin(flow(end)), looks=(look("refused", ttl=54), *others)),
            UNKNOWN,
            "peer-stopped-listening",
            Grade.PACKET,
        )
        for k, end in TCP_ENDINGS.items()
        for others in ((OTHER_WAY,), (), (look("silent", egress="direct"),))
    ],
    *[
        # An inspector that has gone refuses, too.
        (
            case(
                k,
                intercepted=True,
                provenance=origin(flow(end)),
                looks=(look("refused", ttl=54),),
            ),
            BOX,
            "interceptor-owns-flow",
            Grade.ERRNO,
        )
        for k, end in TCP_ENDINGS.items()
    ],
    (
        # Refused by a nearer box: it may be a firewall that refuses everything now.
        case("tcp_reset", provenance=origin(flow(RESET)), looks=(look("refused", ttl=63),)),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        Grade.PACKET,
    ),
    (
        case("tcp_reset", provenance=origin(flow(RESET)), looks=(look("refused"),)),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        Grade.PACKET,
    ),
    (case("tcp_reset", looks=(look("refused"),)), UNKNOWN, "nothing-decides", Grade.ERRNO),
    # The interceptor owns the TCP connection.
    (case("tcp_reset", intercepted=True), BOX, "interceptor-owns-flow", Grade.ERRNO),
    (case("unresponsive", intercepted=True), BOX, "interceptor-owns-flow", Grade.ERRNO),
    # Killed on this host.
    (
        case("tcp_reset", failure="connection_aborted"),
        HOST,
        "killed-on-this-host",
        Grade.TCP_INFO,
    ),
    (
        case("tcp_reset", provenance=origin(flow(packet("RA", outgoing=True, ttl=64)))),
        HOST,
        "killed-on-this-host",
        Grade.TCP_INFO,
    ),
    # Silence.
    (case("silence", sent=sent()), UNKNOWN, "nothing-decides", Grade.ERRNO),
    (
        case("silence", sent=sent(), looks=(look("connected"),)),
        BOX,
        "flow-dropped-alone",
        Grade.TCP_INFO,
    ),
    (
        # The way came back after our last retransmission: the flow may be as well as it.
        case("silence", sent=sent(last_sent_ns=104 * NS_PER_S), looks=(look("connected"),)),
        UNKNOWN,
        "nothing-decides",
        Grade.ERRNO,
    ),
    (
        # One segment may be lost by chance.
        case("silence", sent=sent(retransmits=1, total=1), looks=(look("connected"),)),
        UNKNOWN,
        "nothing-decides",
        Grade.ERRNO,
    ),
    (
        case("silence", sent=sent(), looks=(look("silent"), OTHER_WAY)),
        BOX,
        "way-dead-server-alive",
        Grade.TCP_INFO,
    ),
    (
        case("silence", sent=sent(), looks=(look("silent"),)),
        UNKNOWN,
        "nothing-decides",
        Grade.ERRNO,
    ),
    (
        case("silence", sent=sent(), looks=(look("silent"), ELSEWHERE)),
        UNKNOWN,
        "nothing-decides",
        Grade.ERRNO,
    ),
    (
        case(
            "silence",
            sent=sent(),
            looks=(look("silent"), look("silent", egress="direct"), ELSEWHERE),
        ),
        ENDPOINT,
        "server-dead-ways-alive",
        Grade.TCP_INFO,
    ),
    (
        # Of two other ways one still leads there.
        case(
            "silence",
            sent=sent(),
            looks=(look("silent"), look("silent", egress="lte"), OTHER_WAY, ELSEWHERE),
        ),
        BOX,
        "way-dead-server-alive",
        Grade.TCP_INFO,
    ),
    (
        case("silence", sent=sent(probes=3, retransmits=0, total=0)),
        HOST,
        "not-sent",
        Grade.TCP_INFO,
    ),
    (
        case("silence", sent=sent(), looks=(look("no_way_out"), OTHER_WAY)),
        HOST,
        "no-way-out",
        Grade.ERRNO,
    ),
    (
        case("silence", sent=sent(), way_out_changes=("tun0 went down",)),
        HOST,
        "way-out-changed",
        Grade.TCP_INFO,
    ),
    (case("unreachable", failed_here=True, phase=Phase.CONNECT), HOST, "failed-here", Grade.ERRNO),
    (case("unreachable", phase=Phase.CONNECT), UNKNOWN, "nothing-decides", Grade.ERRNO),
    *[
        (
            case("silence", sent=sent(), icmp=(icmp(code),)),
            BOX,
            "prohibited-by-router",
            Grade.PACKET,
        )
        for code in (9, 10, 13)
    ],
    *[
        # The last router says it of a host that is gone, too.
        (case("silence", sent=sent(), icmp=(icmp(code),)), UNKNOWN, "nothing-decides", Grade.ERRNO)
        for code in (0, 1, 3, 4)
    ],
    (
        case("silence", sent=sent(), icmp=(icmp(13, offender=SERVER),)),
        UNKNOWN,
        "nothing-decides",
        Grade.ERRNO,
    ),
    (
        case("silence", sent=sent(), icmp=(icmp(1, offender="2001:db8::1", kind=1),)),
        BOX,
        "prohibited-by-router",
        Grade.PACKET,
    ),
    (
        case("unresponsive", sent=sent(unacked=0), looks=(look("connected"),)),
        UNKNOWN,
        "nothing-decides",
        Grade.ERRNO,
    ),
]


@pytest.mark.parametrize(
    ("judged", "initiator", "rule", "grade"),
    ROWS,
    ids=[f"{n}-{row[2]}" for n, row in enumerate(ROWS)],
)
def test_who_is_named_and_why(judged, initiator, rule, grade):
    judgement = judge(judged)
    assert (judgement.initiator, judgement.why[0], judgement.grade) == (initiator, rule, grade)
    assert judgement.against == ()


def test_every_rule_decides_a_row():
    assert {row[2] for row in ROWS} == set(BY_NAME)


def test_names_are_unique_and_every_kind_is_spoken_of():
    assert len(BY_NAME) == len(RULES)
    for kind in Kind:
        assert [rule for rule in RULES if rule.kinds is None or kind in rule.kinds]
    assert RULES[-1].kinds is None
    assert RULES[-1].holds(case("unknown"))


def test_no_rule_names_anybody_without_a_witness():
    """What a program without privileges and without a chain that verifies can say of anybody."""
    needs_no_witness = {Kind.PLANNED, Kind.TOOL, Kind.HOST_SLEPT, Kind.PROXY_ERROR}
    for kind in set(Kind) - needs_no_witness:
        assert judge(case(kind)).initiator is UNKNOWN, kind


def test_only_connections_by_the_sessions_own_way_speak_of_it():
    other_egress = case("silence", sent=sent(), looks=(OTHER_WAY,))
    other_endpoint = case("silence", sent=sent(), looks=(ELSEWHERE,))
    assert judge(other_egress).initiator is judge(other_endpoint).initiator is UNKNOWN


def test_the_latest_look_counts():
    early, late = SENT_NS + NS_PER_S, SENT_NS + 8 * NS_PER_S
    own = (look("connected", answered_ns=early), look("silent", answered_ns=late))
    judged = case("silence", sent=sent(last_sent_ns=SENT_NS), looks=(*own, OTHER_WAY))
    assert judge(judged).why[0] == "way-dead-server-alive"
    judged = case("silence", sent=sent(last_sent_ns=SENT_NS), looks=(*reversed(own), OTHER_WAY))
    assert judge(judged).why[0] == "way-dead-server-alive"
