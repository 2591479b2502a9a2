"""One row for each state of the evidence of an announced end: who is named, and by which rule."""

from stresser.classify.announced_rules import ANNOUNCED
from stresser.model.ending import Grade, Initiator, Phase
from stresser.model.units import NS_PER_MS, NS_PER_S, NS_PER_US
from tests.classify.cases import (
    ELSEWHERE,
    FIN,
    OTHER_WAY,
    REFUSED_HERE,
    REFUSED_THERE,
    RESET,
    STRANGER,
    answer,
    assert_judged,
    case,
    flow,
    look,
    origin,
    packet,
    rows_as_tests,
    sent,
)
from tests.classify.nearby_boxes import NEARBY
from tests.classify.walked_hellos import HELLOS, INNOCENT_HELLOS

ENDPOINT, BOX, HOST = Initiator.ENDPOINT, Initiator.MIDDLEBOX, Initiator.HOST
UNKNOWN = Initiator.UNKNOWN
ERRNO, TCP_INFO, PACKET = Grade.ERRNO, Grade.TCP_INFO, Grade.PACKET
NEARER = packet("RA", ttl=63)
HUNG_UP = look("connected", failure="reset")
CONTROL = {"control_lives": True, "looks": (OTHER_WAY,)}
TLS_ENDINGS = ["tls_close_notify", "ws_close", "tls_alert", "http_refusal"]
TCP_ENDINGS = {"tcp_reset": RESET, "tcp_fin": FIN}
LATER_NS = RESET.t_ns + 5 * NS_PER_MS
# An endpoint aborts after a loss: its reset is ahead of what is missing here, our kernel asks
# (RFC 5961), and the endpoint's answers that it knows no such connection.
AFTER_LOSS = flow(packet("RA", seq=RESET.seq + 900), STRANGER)


def through_proxy(kind, **witnesses):
    return case(kind, by_proxy=True, **witnesses)


def unknown_there(packets=None, *, after_ms=1, **witnesses):
    """The endpoint's host answers what we sent: it knows no such connection."""
    asked = origin(packets or flow(STRANGER), sent_ns=STRANGER.t_ns - after_ms * NS_PER_MS)
    return case("tcp_reset", provenance=asked, **witnesses)


def soon(*, rtt_ms=80, **witnesses):
    asked = origin(
        flow(STRANGER),
        sent_ns=STRANGER.t_ns - 2 * NS_PER_MS,
        rtt_ns=rtt_ms * NS_PER_MS,
        idle_before_send_ns=10 * NS_PER_S,
    )
    return case("tcp_reset", provenance=asked, **witnesses)


def refused_by_proxy(failure, status, **witnesses):
    return case("proxy_error", failure=failure, status=status, phase=Phase.PROXY, **witnesses)


PROXIES = [
    (refused_by_proxy("proxy_http_403", 403), BOX, "proxy-refused", ERRNO),
    (refused_by_proxy("socks_connection_not_allowed", 2), BOX, "proxy-refused", ERRNO),
    # It reports what it met: tinyproxy 500, mitmproxy 502, squid 503, ncat 504, SOCKS 3 to 6.
    *[
        (
            refused_by_proxy(f"proxy_http_{n}", n, looks=looks),
            UNKNOWN,
            "proxy-reports-trouble",
            ERRNO,
        )
        for n in (500, 502, 503, 504)
        for looks in ((), (OTHER_WAY,), (look("silent", egress="direct"),))
    ],
    (refused_by_proxy("socks_host_unreachable", 4), UNKNOWN, "proxy-reports-trouble", ERRNO),
    (
        refused_by_proxy("proxy_http_503", 503, looks=(REFUSED_THERE,)),
        ENDPOINT,
        "proxy-reports-dead-endpoint",
        PACKET,
    ),
    (
        # A firewall on the other path refuses, perhaps: not from as far away as the endpoint.
        refused_by_proxy("proxy_http_503", 503, looks=(look("refused", egress="direct", ttl=63),)),
        UNKNOWN,
        "proxy-reports-trouble",
        ERRNO,
    ),
    (case("tls_alert", failure="proxy_tls_alert"), BOX, "proxy-said-so", ERRNO),
    (
        case("tls_alert", failure="proxy_tls_alert", tls_end_verified=True),
        BOX,
        "proxy-said-so",
        ERRNO,
    ),
    # The TCP connection is the proxy's own.
    *[
        (through_proxy("tcp_reset", provenance=o), BOX, "proxy-owns-flow", ERRNO)
        for o in (None, origin(flow(RESET)))
    ],
    (through_proxy("tcp_reset", phase=Phase.PROXY), BOX, "proxy-owns-flow", ERRNO),
    # Some open the tunnel first, and reset it when they do not reach the endpoint.
    (through_proxy("tcp_reset", phase=Phase.TLS), UNKNOWN, "proxy-may-pass-on", ERRNO),
    (through_proxy("tcp_reset", phase=Phase.TLS, **CONTROL), BOX, "proxy-owns-flow", ERRNO),
    (through_proxy("tcp_fin", **CONTROL), BOX, "proxy-cut-tunnel", TCP_INFO),
    *[
        (through_proxy("tcp_fin", **seen), UNKNOWN, "proxy-may-pass-on", ERRNO)
        for seen in ({}, {"control_lives": True}, {"looks": (OTHER_WAY,)})
    ],
    *[
        # The endpoint has died: the proxy follows, now with a FIN, now with a RST.
        (through_proxy(k, looks=(REFUSED_THERE,)), ENDPOINT, "endpoint-gone-behind-proxy", PACKET)
        for k in TCP_ENDINGS
    ],
    *[
        (
            through_proxy(k, looks=(look("silent", egress="direct"),)),
            UNKNOWN,
            "proxy-may-pass-on",
            ERRNO,
        )
        for k in (*TCP_ENDINGS, "unresponsive")
    ],
]

UNDER_TLS = [
    *[(case(k, tls_end_verified=True), ENDPOINT, "endpoint-said-so", ERRNO) for k in TLS_ENDINGS],
    (
        # A front with the endpoint's key closes what is silent; through another egress it stays.
        case("tls_close_notify", tls_end_verified=True, as_old_is_open=True),
        UNKNOWN,
        "verified-end-closed-one-egress",
        Grade.COMPARISON,
    ),
    (
        # Words of WebSocket are the endpoint's: no front was seen to make them up.
        case("ws_close", tls_end_verified=True, as_old_is_open=True),
        ENDPOINT,
        "endpoint-said-so",
        ERRNO,
    ),
    # An interceptor passes on what the endpoint said, code and reason unchanged.
    *[(case(k, intercepted=True), UNKNOWN, "interceptor-said-so", ERRNO) for k in TLS_ENDINGS],
    # An in-house endpoint's, perhaps, or an interceptor's.
    *[(case(k, undeclared_root=True), UNKNOWN, "undeclared-root", ERRNO) for k in TLS_ENDINGS],
]

INTERCEPTED = [
    (case("tcp_reset", intercepted=True), BOX, "interceptor-owns-flow", ERRNO),
    # What happened behind it may have become a FIN, or a process that does not answer.
    *[
        (case(k, intercepted=True, **CONTROL), UNKNOWN, "interceptor-may-pass-on", ERRNO)
        for k in ("tcp_fin", "unresponsive")
    ],
    *[
        # It refuses, or hangs up while its process ends.
        (case("tcp_fin", intercepted=True, **seen), BOX, "interceptor-is-gone", TCP_INFO)
        for seen in (
            {"looks": (REFUSED_HERE, OTHER_WAY)},
            {"looks": (HUNG_UP, OTHER_WAY), "control_lives": True},
        )
    ],
    *[
        # The interceptor refuses because the endpoint does.
        (
            case(
                "tcp_fin",
                intercepted=True,
                provenance=origin(flow(FIN)),
                looks=(REFUSED_HERE, *more),
            ),
            UNKNOWN,
            "interceptor-may-pass-on",
            ERRNO,
        )
        for more in ((), (REFUSED_THERE,))
    ],
]

DISTANCE = [
    *[
        (
            case(
                k, provenance=origin(flow(end, **syn)), looks=(answer(ttl=syn.get("syn_ttl", 54)),)
            ),
            BOX,
            "another-box",
            PACKET,
        )
        for k, end, syn in [
            ("tcp_reset", NEARER, {}),
            ("tcp_fin", packet("FA", ttl=63, seq=FIN.seq), {}),
            # A SYN proxy answers our SYN; the reset comes from it, the data from behind it.
            ("tcp_reset", NEARER, {"syn_ttl": 63}),
        ]
    ],
    (
        # The kernel of a process that hangs accepts, and that tells as much of the path.
        case("tcp_reset", provenance=origin(flow(NEARER)), looks=(look("connected", ttl=54),)),
        BOX,
        "another-box",
        PACKET,
    ),
    *[
        # The path has become longer, and the endpoint resets: a fresh SYN-ACK is as far away as
        # the reset. Or nobody knows how long the path is now.
        (
            case("tcp_reset", provenance=origin(flow(packet("RA", ttl=53))), looks=looks),
            UNKNOWN,
            "path-may-have-changed",
            PACKET,
        )
        for looks in (
            (answer(ttl=53, hello_ttl=53),),
            (answer(ttl=52, hello_ttl=52),),
            (answer(ttl=54, hello_ttl=53),),
            (answer(ttl=None, hello_ttl=None),),
            (look("refused", ttl=54),),
            (look("silent"),),
            (OTHER_WAY, ELSEWHERE),
            (),
        )
    ],
    (
        # An attempt has only just shaken hands: its own SYN-ACK is fresh.
        case("tcp_reset", phase=Phase.TLS, provenance=origin(flow(packet("RA", ttl=50)))),
        BOX,
        "another-box",
        PACKET,
    ),
    (
        # A load balancer answers SYNs itself; a reset with the data's TTL is the endpoint's own.
        case("tcp_reset", provenance=origin(flow(RESET, syn_ttl=63)), looks=(answer(ttl=63),)),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        PACKET,
    ),
]

FORGED = [
    *[
        (case("tcp_reset", provenance=origin(packets)), BOX, "injected", PACKET)
        for packets in (
            flow(RESET, packet("R", seq=RESET.seq + 99)),
            flow(packet("R", seq=RESET.seq + 99, window=0), STRANGER),
            flow(packet("RA", seq=RESET.seq + 99), packet("RA", seq=RESET.seq + 999), STRANGER),
            flow(RESET, packet("R", outgoing=True, ttl=64, t_ns=LATER_NS)),
            flow(RESET, packet("FA", t_ns=LATER_NS)),
        )
    ],
    *[
        (
            case("tcp_reset", provenance=origin(packets)),
            UNKNOWN,
            "own-peer-or-perfect-forgery",
            PACKET,
        )
        for packets in (
            flow(RESET),
            AFTER_LOSS,
            # Segments of ours that were on their way are refused one by one.
            flow(packet("R", seq=RESET.seq - 90, window=0), STRANGER, STRANGER),
            # A reset may overtake what was sent just before it.
            flow(RESET, packet("R", outgoing=True, ttl=64)),
        )
    ],
    (
        case("tcp_fin", provenance=origin(flow(FIN))),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        PACKET,
    ),
    (
        case("tcp_reset", provenance=origin(flow(packet("RA", df=False)))),
        UNKNOWN,
        "other-make",
        PACKET,
    ),
    (soon(looks=(answer(rtt_ns=79 * NS_PER_MS),)), BOX, "answered-too-soon", PACKET),
    *[
        # The path may have become shorter.
        (soon(looks=looks), UNKNOWN, "own-peer-or-perfect-forgery", PACKET)
        for looks in ((), (answer(rtt_ns=3 * NS_PER_MS),))
    ],
    (
        # A busy machine makes a round trip of a millisecond longer.
        soon(rtt_ms=6, looks=(answer(rtt_ns=4900 * NS_PER_US),)),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        PACKET,
    ),
]

STRANGERS = [
    (unknown_there(sibling_lives=True, egress_heard=True), BOX, "flow-unknown-there", PACKET),
    *[
        # The server may have been started anew, or have said goodbye during an outage.
        (unknown_there(**seen), UNKNOWN, "own-peer-or-perfect-forgery", PACKET)
        for seen in (
            {"looks": (answer(), OTHER_WAY), "egress_heard": True},
            {"sibling_lives": True, "control_lives": True},
        )
    ],
    *[
        # The endpoint aborted before: its own reset is there, or had to be asked for twice.
        (
            unknown_there(sibling_lives=True, egress_heard=True, **seen),
            UNKNOWN,
            "own-peer-or-perfect-forgery",
            PACKET,
        )
        for seen in ({"packets": AFTER_LOSS}, {"after_ms": 210})
    ],
    (
        # It came unasked: nothing was answered.
        case("tcp_reset", sibling_lives=True, egress_heard=True, provenance=origin(flow(STRANGER))),
        UNKNOWN,
        "own-peer-or-perfect-forgery",
        PACKET,
    ),
]

STOPPED_LISTENING = [
    *[
        (
            case(k, provenance=origin(flow(end)), looks=(look("refused", ttl=54), other)),
            ENDPOINT,
            "endpoint-stopped-listening",
            PACKET,
        )
        for k, end in TCP_ENDINGS.items()
        for other in (look("refused", egress="direct"), look("proxy_failed", egress="direct"))
    ],
    *[
        # By one egress alone: a proxy in it may have gone.
        (
            case(k, provenance=origin(flow(end)), looks=(look("refused", ttl=54), *others)),
            UNKNOWN,
            "peer-stopped-listening",
            PACKET,
        )
        for k, end in TCP_ENDINGS.items()
        for others in ((OTHER_WAY,), (), (look("silent", egress="direct"),))
    ],
    *[
        # Refused by a nearer box: it may be a firewall that refuses everything now.
        (
            case("tcp_reset", provenance=origin(flow(RESET)), looks=(look("refused", ttl=ttl),)),
            UNKNOWN,
            "own-peer-or-perfect-forgery",
            PACKET,
        )
        for ttl in (63, None)
    ],
]

LEFT_FIRST = case("tcp_reset", provenance=origin(flow(packet("RA", outgoing=True, ttl=64))))
KILLED_HERE = [(LEFT_FIRST, HOST, "killed-on-this-host", TCP_INFO)] + [
    (case("tcp_reset", failure="connection_aborted", **seen), HOST, "killed-on-this-host", TCP_INFO)
    for seen in ({}, {"by_proxy": True}, {"intercepted": True})
]

ROWS = [*PROXIES, *UNDER_TLS, *INTERCEPTED, *DISTANCE, *NEARBY, *FORGED, *STRANGERS]
ROWS += [*HELLOS, *STOPPED_LISTENING, *KILLED_HERE]
NOTHING = [
    *INNOCENT_HELLOS,
    *[case(k) for k in TLS_ENDINGS],
    case("tls_alert", phase=Phase.TLS, tls_end_verified=True),
    case("tls_alert", failure="proxy_tls_alert", phase=Phase.PROXY),
    # A reset or FIN without packets: nothing, however well the chain verifies.
    *[case(k, tls_end_verified=True, sent=sent(unacked=0)) for k in TCP_ENDINGS],
    case("tcp_reset", looks=(look("refused"),)),
    *[case(k, undeclared_root=True) for k in TCP_ENDINGS],
]


@rows_as_tests(ROWS)
def test_who_is_named_and_why(judged, initiator, rule, grade):
    assert_judged(judged, initiator, rule, grade)


@rows_as_tests([(one, UNKNOWN, "nothing-decides", ERRNO) for one in NOTHING])
def test_where_nothing_decides(judged, initiator, rule, grade):
    assert_judged(judged, initiator, rule, grade)


def test_every_rule_decides_a_row():
    assert {row[2] for row in ROWS} == {rule.name for rule in ANNOUNCED}
