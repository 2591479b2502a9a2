"""One row for each state of the evidence of an end that nobody announced."""

from stresser.classify.judge import judge
from stresser.classify.silent_rules import SILENT
from stresser.model.ending import Grade, Initiator, Phase
from stresser.model.hops import HopReading
from stresser.model.units import NS_PER_S
from tests.classify.cases import (
    ELSEWHERE,
    OTHER_WAY,
    REFUSED_HERE,
    REFUSED_THERE,
    SENT_NS,
    SERVER,
    answer,
    assert_judged,
    case,
    icmp,
    look,
    rows_as_tests,
    sent,
    walk,
)

UNKNOWN, ENDPOINT, BOX, HOST = (
    Initiator.UNKNOWN,
    Initiator.ENDPOINT,
    Initiator.MIDDLEBOX,
    Initiator.HOST,
)
ERRNO, TCP_INFO, PACKET = Grade.ERRNO, Grade.TCP_INFO, Grade.PACKET
COMPARED = Grade.COMPARISON
SILENT_THERE = look("silent", egress="direct")


def silence(*looks, said=None, **witnesses):
    return case("silence", sent=said or sent(), looks=looks, **witnesses)


def attempt(kind, *looks, phase=Phase.CONNECT, **witnesses):
    return case(kind, phase=phase, looks=looks, **witnesses)


REFUSED = [
    (attempt("refused", REFUSED_HERE, REFUSED_THERE), ENDPOINT, "endpoint-refuses", PACKET),
    (
        attempt("refused", REFUSED_HERE, look("proxy_failed", egress="direct")),
        ENDPOINT,
        "endpoint-refuses",
        PACKET,
    ),
]

THIS_HOST = [
    *[
        (case(k, own_route_changes=("tun0 went down",)), HOST, "own-route-changed", TCP_INFO)
        for k in ("silence", "unreachable", "kernel_timeout", "timeout")
    ],
    # Nothing else is needed to explain that this egress is dead.
    (
        silence(look("silent"), OTHER_WAY, own_route_changes=("to 203.0.113.2: ...",)),
        HOST,
        "own-route-changed",
        TCP_INFO,
    ),
    (silence(said=sent(probes=3, retransmits=0, total=0)), HOST, "not-sent", TCP_INFO),
    (attempt("unreachable", failed_here=True), HOST, "failed-here", ERRNO),
    (silence(look("cannot_send"), OTHER_WAY), HOST, "cannot-send-here", ERRNO),
]

ROUTERS = [
    *[(silence(icmp=(icmp(code),)), BOX, "prohibited-by-router", PACKET) for code in (9, 10, 13)],
    (
        silence(icmp=(icmp(1, offender="2001:db8::1", kind=1),)),
        BOX,
        "prohibited-by-router",
        PACKET,
    ),
]


WALKED = [
    *[
        (case(kind, sent=sent(), looks=(answer(),), hops=walk()), BOX, "stops-at-a-hop", COMPARED)
        for kind in ("silence", "kernel_timeout", "found_dead")
    ],
    # The endpoint's own firewall stands behind all routers: it needs no control then.
    (silence(answer(), hops=walk(), control_lives=True), BOX, "stops-at-a-hop", COMPARED),
    *[
        (silence(answer(), hops=walk(**changes)), UNKNOWN, "flow-dropped-somewhere", TCP_INFO)
        for changes in (
            {"last": None},
            {"many_paths": True},
            {"connections": 1},
            {"reading": HopReading.PASSES},
            {"reading": HopReading.UNDECIDED},
        )
    ],
]

ONE_FLOW = [
    (silence(answer(), control_lives=True), BOX, "flow-dropped-alone", TCP_INFO),
    # Its own firewall may have forgotten what it knew, of all egresses.
    (silence(answer()), UNKNOWN, "flow-dropped-somewhere", TCP_INFO),
    (silence(answer(), OTHER_WAY), UNKNOWN, "flow-dropped-somewhere", TCP_INFO),
    # 30 % are lost: eight pings of twenty were sent again before this one.
    *[
        (silence(*looks, said=said, control_lives=True), UNKNOWN, "path-loses-packets", TCP_INFO)
        for looks, said in [
            ((answer(),), sent(total=13, segments=60)),
            ((answer(retransmits=1),), sent()),
            ((look("silent"), OTHER_WAY), sent(total=13, segments=60)),
            ((answer(), look("silent", answered_ns=104 * NS_PER_S)), sent()),
        ]
    ],
    (
        silence(answer(), control_lives=True, egress_is_lossy=True),
        UNKNOWN,
        "path-loses-packets",
        TCP_INFO,
    ),
    (
        # Our ping came through, the pong did not.
        case("unresponsive", sent=sent(unacked=0, retransmits=0, total=3, segments=12)),
        UNKNOWN,
        "path-loses-packets",
        TCP_INFO,
    ),
    (
        # Of a night's ten thousand segments a few are lost anywhere.
        silence(answer(), said=sent(total=25, segments=10_000), control_lives=True),
        BOX,
        "flow-dropped-alone",
        TCP_INFO,
    ),
    (
        silence(answer(), said=sent(unacked_bytes=4200), control_lives=True),
        UNKNOWN,
        "big-packets-dropped",
        TCP_INFO,
    ),
    (
        silence(answer(), said=sent(unacked_bytes=64), control_lives=True),
        BOX,
        "flow-dropped-alone",
        TCP_INFO,
    ),
]

EGRESSES = [
    *[
        (silence(look(own), OTHER_WAY, *more), BOX, "egress-is-dead", TCP_INFO)
        for own in ("silent", "unreachable", "connected")
        for more in ((), (look("silent", endpoint="gateway"),))
    ],
    (
        # Of two other egresses one still leads there.
        silence(look("silent"), look("silent", egress="lte"), OTHER_WAY),
        BOX,
        "egress-is-dead",
        TCP_INFO,
    ),
    *[
        # The way itself lives: only this address is not reached by it. Anycast does that, too.
        (
            silence(look("silent"), OTHER_WAY, *more),
            UNKNOWN,
            "address-dead-through-egress",
            TCP_INFO,
        )
        for more in ((ELSEWHERE,), (ELSEWHERE, look("silent", endpoint="third")))
    ],
    (
        # The same chain: nothing says that it is another machine.
        silence(look("silent"), look("answered", egress="direct", chain="b"), chain="b"),
        BOX,
        "egress-is-dead",
        TCP_INFO,
    ),
    *[
        (silence(look(own), SILENT_THERE, ELSEWHERE), UNKNOWN, "address-dead-everywhere", TCP_INFO)
        for own in ("silent", "connected")
    ],
    # Attempts: an endpoint may not want to know the address that an egress gives us.
    (
        attempt("timeout", look("silent"), OTHER_WAY),
        UNKNOWN,
        "address-dead-through-egress",
        TCP_INFO,
    ),
    (
        attempt("timeout", look("silent"), OTHER_WAY, look("silent", endpoint="gateway")),
        BOX,
        "egress-is-dead",
        TCP_INFO,
    ),
    (
        attempt("timeout", look("silent"), SILENT_THERE, ELSEWHERE),
        UNKNOWN,
        "address-dead-everywhere",
        TCP_INFO,
    ),
    (
        case(
            "unresponsive",
            sent=sent(unacked=0),
            looks=(look("connected"), look("connected", egress="direct"), ELSEWHERE),
        ),
        ENDPOINT,
        "endpoint-hangs",
        TCP_INFO,
    ),
]

ROWS = [*REFUSED, *THIS_HOST, *ROUTERS, *WALKED, *ONE_FLOW, *EGRESSES]
NOTHING = [
    silence(),
    # Somebody accepted, and nothing proves that the endpoint lives.
    silence(look("connected"), control_lives=True),
    silence(look("connected"), look("connected", egress="direct")),
    # The way came back after our last retransmission: the flow may be as well as it.
    silence(answer(), said=sent(last_sent_ns=104 * NS_PER_S), control_lives=True),
    # One segment may be lost by chance.
    silence(answer(), said=sent(retransmits=1, total=1), control_lives=True),
    silence(look("silent")),
    silence(look("silent"), ELSEWHERE),
    # Another site of one address.
    silence(look("silent"), look("answered", egress="direct", chain="b"), chain="a"),
    # Others through this egress are answered.
    silence(look("silent"), OTHER_WAY, egress_lives=True),
    case("unreachable", phase=Phase.CONNECT),
    # The last router says it of a host that is gone, too.
    *[silence(icmp=(icmp(code),)) for code in (0, 1, 3, 4)],
    silence(icmp=(icmp(13, offender=SERVER),)),
    case("unresponsive", sent=sent(unacked=0), looks=(answer(),)),
    # A slow endpoint answers others late, too, and one that hangs takes connections late.
    case(
        "unresponsive", sent=sent(unacked=0), egress_is_lossy=True, looks=(answer(retransmits=1),)
    ),
    case("unresponsive", sent=sent(unacked=0), looks=(look("connected"), ELSEWHERE)),
    case("unresponsive", sent=sent(unacked=0), looks=(look("connected"), OTHER_WAY, ELSEWHERE)),
    # A firewall refuses here, or the endpoint where it always was: nothing to compare with.
    attempt("refused", look("refused", ttl=63, usual_ttl=54), REFUSED_THERE),
    attempt("refused", look("refused", ttl=54), REFUSED_THERE),
    attempt("refused", REFUSED_HERE),
    attempt("refused", REFUSED_HERE, OTHER_WAY),
]


@rows_as_tests(ROWS)
def test_who_is_named_and_why(judged, initiator, rule, grade):
    assert_judged(judged, initiator, rule, grade)


@rows_as_tests([(one, UNKNOWN, "nothing-decides", ERRNO) for one in NOTHING])
def test_where_nothing_decides(judged, initiator, rule, grade):
    assert_judged(judged, initiator, rule, grade)


def test_a_route_of_this_host_that_changed_comes_first_and_the_walk_stays_visible():
    changed = silence(answer(), hops=walk(), own_route_changes=("to 203.0.113.2: ...",))
    judged = judge(changed)
    assert (judged.initiator, judged.why[0]) == (HOST, "own-route-changed")
    assert "stops-at-a-hop" in judged.against


def test_every_rule_decides_a_row():
    assert {row[2] for row in ROWS} == {rule.name for rule in SILENT}


def test_the_latest_look_counts():
    early, late = SENT_NS + NS_PER_S, SENT_NS + 8 * NS_PER_S
    own = (look("refused", answered_ns=early), look("silent", answered_ns=late))
    said = sent(last_sent_ns=SENT_NS)
    for looks in (own, own[::-1]):
        assert judge(silence(*looks, OTHER_WAY, said=said)).why[0] == "egress-is-dead"
