"""Who ended what was announced: by a proxy, under TLS, by a FIN or a RST.

Traps: Weaver, Sommer and Paxson, "Detecting Forged TCP Reset Packets" (NDSS 2009), for what a
packet's TTL, IP ID and sequence number tell; RFC 9293 section 3.10.7 for who sends a RST when.
Of nineteen proxies and load balancers none passed an endpoint's reset on as a reset.
"""

from stresser.classify import predicates as flow
from stresser.classify.hop_reading import names_a_box
from stresser.classify.rule import Case, Rule
from stresser.model.ending import Grade, Initiator, Kind, Phase

PROXY_ALERT = "proxy_tls_alert"
"""Failure string of an alert from the proxy's own TLS."""
_TLS_ENDINGS = frozenset(
    {
        Kind.TLS_CLOSE_NOTIFY, Kind.WS_CLOSE, Kind.TLS_ALERT, Kind.HTTP_REFUSAL,
        Kind.MESSAGE_REFUSAL, Kind.MQTT_REFUSAL, Kind.MQTT_DISCONNECT,
    }
)  # fmt: skip
_TCP_ENDINGS = frozenset({Kind.TCP_RESET, Kind.TCP_FIN})


def _killed_here(case: Case) -> bool:
    return case.failure == "connection_aborted" or flow.left_this_host_first(case.seen)


def _by_proxy(case: Case) -> bool:
    return case.seen.by_proxy and not _killed_here(case)


def _intercepted(case: Case) -> bool:
    return case.seen.intercepted and not _killed_here(case)


ANNOUNCED: tuple[Rule, ...] = (
    Rule(
        "proxy-refused",
        frozenset({Kind.PROXY_ERROR}),
        lambda case: case.proxy_decided,
        Initiator.MIDDLEBOX,
        Grade.ERRNO,
        "The proxy that the scenario names refused the connection by a rule of its own.",
    ),
    Rule(
        "proxy-reports-dead-endpoint",
        frozenset({Kind.PROXY_ERROR}),
        lambda case: flow.refused_by_own_stack(case.seen),
        Initiator.ENDPOINT,
        Grade.PACKET,
        "The proxy reported that it could not reach the endpoint. At once the endpoint refused "
        "fresh connections through each other egress, from as far away as it used to accept "
        "them: the service stopped listening.",
    ),
    Rule(
        "proxy-reports-trouble",
        frozenset({Kind.PROXY_ERROR}),
        lambda _: True,
        Initiator.UNKNOWN,
        Grade.ERRNO,
        "The proxy reported that it could not reach the endpoint, or that it failed itself. "
        "Either the endpoint, or the proxy, or what lies between them is at fault.",
    ),
    Rule(
        "proxy-said-so",
        frozenset({Kind.TLS_ALERT}),
        lambda case: case.failure == PROXY_ALERT and case.seen.phase is not Phase.PROXY,
        Initiator.MIDDLEBOX,
        Grade.ERRNO,
        "The proxy that the scenario names sent the alert, in its own TLS, outside the endpoint's.",
    ),
    Rule(
        "interceptor-said-so",
        _TLS_ENDINGS,
        lambda case: case.seen.intercepted,
        Initiator.UNKNOWN,
        Grade.ERRNO,
        "An interceptor ends TLS here, and it sent this. Either the interceptor decided so, or it "
        "passed on what the endpoint sent. Only the same moment, or the same age, through an "
        "egress without it decides.",
    ),
    Rule(
        "undeclared-root",
        _TLS_ENDINGS,
        lambda case: case.seen.undeclared_root,
        Initiator.UNKNOWN,
        Grade.ERRNO,
        "The sender's chain leads to a private root that this host trusts and the scenario"
        " does not declare. Either it is the endpoint's own or an interceptor's: `ca` in the"
        " scenario declares the endpoint's.",
    ),
    Rule(
        "verified-end-closed-one-egress",
        frozenset({Kind.TLS_CLOSE_NOTIFY}),
        lambda case: flow.said_by_verified_end(case.seen) and case.seen.as_old_is_open,
        Initiator.UNKNOWN,
        Grade.COMPARISON,
        "Who sent this under TLS holds the endpoint's key. A session of the same activity, no "
        "younger, stayed open through another egress. Either the endpoint closed this one alone, "
        "or a front on this egress that holds the endpoint's key did.",
    ),
    Rule(
        "endpoint-said-so",
        _TLS_ENDINGS,
        lambda case: flow.said_by_verified_end(case.seen) and case.failure != PROXY_ALERT,
        Initiator.ENDPOINT,
        Grade.ERRNO,
        "The endpoint sent this under TLS, and its certificate chain verifies.",
    ),
    Rule(
        "killed-on-this-host",
        _TCP_ENDINGS,
        _killed_here,
        Initiator.HOST,
        Grade.TCP_INFO,
        "This host's own kernel aborted the connection (ECONNABORTED, or our own RST or FIN "
        "went out before any came in): something on this host destroyed the socket.",
    ),
    Rule(
        "hello-stops-at-a-hop",
        _TCP_ENDINGS | {Kind.TIMEOUT, Kind.SILENCE, Kind.KERNEL_TIMEOUT},
        lambda case: case.seen.phase is Phase.TLS and names_a_box(case.seen.hops),
        Initiator.MIDDLEBOX,
        Grade.COMPARISON,
        "A ClientHello that dies at a router before the endpoint is reset or swallowed, twice, "
        "while a segment without data on the same connection reaches that router, and a "
        "connection beside it on which nothing is said is spared: the endpoint never saw it.",
    ),
    Rule(
        "another-box",
        _TCP_ENDINGS,
        lambda case: not case.seen.by_proxy and flow.from_another_box(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "A box other than the flow's own peer sent the packet that ended it: its TTL is not "
        "that of the flow, and the packets of a fresh connection show that the path has not "
        "changed.",
    ),
    Rule(
        "injected",
        frozenset({Kind.TCP_RESET}),
        lambda case: flow.injected(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "A box forged the reset: resets came that no endpoint sends for one flow, or the flow "
        "went on after its reset (Weaver et al. 2009).",
    ),
    Rule(
        "proxy-owns-flow",
        frozenset({Kind.TCP_RESET}),
        lambda case: _by_proxy(case) and flow.proxy_reset_by_itself(case.seen),
        Initiator.MIDDLEBOX,
        Grade.ERRNO,
        "The proxy that the scenario names owns the TCP connection, and reset it. (It may "
        "follow what happened behind it, but a proxy passes an endpoint's reset on as a FIN.)",
    ),
    Rule(
        "proxy-cut-tunnel",
        frozenset({Kind.TCP_FIN}),
        # Without TLS a FIN is how an endpoint ends a session, too, and a proxy passes it on.
        lambda case: (
            _by_proxy(case) and not case.seen.in_clear and flow.endpoint_is_well(case.seen)
        ),
        Initiator.MIDDLEBOX,
        Grade.TCP_INFO,
        "The proxy that the scenario names owns the TCP connection, and cut it in the middle of "
        "TLS, while the endpoint answered through another egress and kept older sessions there. "
        "(It may pass on what happened behind it.)",
    ),
    Rule(
        "endpoint-gone-behind-proxy",
        _TCP_ENDINGS,
        lambda case: _by_proxy(case) and flow.refused_by_own_stack(case.seen),
        Initiator.ENDPOINT,
        Grade.PACKET,
        "The proxy that the scenario names ended the TCP connection, and at once the endpoint "
        "refused fresh connections through each other egress, from as far away as it used to "
        "accept them: the service stopped listening.",
    ),
    Rule(
        "proxy-may-pass-on",
        _TCP_ENDINGS | {Kind.UNRESPONSIVE},
        _by_proxy,
        Initiator.UNKNOWN,
        Grade.ERRNO,
        "The proxy that the scenario names owns the TCP connection. Either it ended the "
        "connection, or it passed on what happened behind it.",
    ),
    Rule(
        "interceptor-owns-flow",
        frozenset({Kind.TCP_RESET}),
        lambda case: _intercepted(case) and not flow.of_other_distance(case.seen),
        Initiator.MIDDLEBOX,
        Grade.ERRNO,
        "An interceptor ends TLS here, so it owns the TCP connection, and reset it. (It may "
        "follow what happened behind it, but it passes an endpoint's reset on in another form.)",
    ),
    Rule(
        "interceptor-is-gone",
        _TCP_ENDINGS,
        lambda case: flow.interceptor_is_gone(case.seen),
        Initiator.MIDDLEBOX,
        Grade.TCP_INFO,
        "An interceptor ends TLS here. It ended the connection, and refused a fresh one or hung "
        "up on it, while the endpoint answered through another egress.",
    ),
    Rule(
        "interceptor-may-pass-on",
        frozenset({Kind.TCP_FIN, Kind.UNRESPONSIVE}),
        lambda case: case.seen.intercepted,
        Initiator.UNKNOWN,
        Grade.ERRNO,
        "An interceptor ends TLS here, so it owns the TCP connection. Either it ended the "
        "connection, or it passed on what the endpoint did.",
    ),
    Rule(
        "nearby-box-cut-flow",
        _TCP_ENDINGS,
        lambda case: (
            flow.ends_nearby(case.seen)
            and not (case.seen.in_clear and case.kind is Kind.TCP_FIN)
            and flow.endpoint_is_well(case.seen)
        ),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "A box before the first router took the TCP connection in place of the endpoint, which "
        "is behind routers through another egress. The box reset the connection, or cut it in "
        "the middle of TLS, while the endpoint answered there and kept older sessions. (It may "
        "pass on what happened behind it.)",
    ),
    Rule(
        "answered-too-soon",
        frozenset({Kind.TCP_RESET}),
        lambda case: flow.answered_too_soon(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "A box nearer than the endpoint sent the reset: it answered what we sent in less than "
        "half the time of a round trip to the endpoint, a fresh connection's included.",
    ),
    Rule(
        "flow-unknown-there",
        frozenset({Kind.TCP_RESET}),
        lambda case: flow.flow_was_lost(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "The endpoint's host answered that it knows no such connection (RST, no ACK, window 0). "
        "An older session to it lived on, and no outage can have hidden its goodbye. A box in "
        "between (NAT, load balancer) lost this flow's state or changed its addresses.",
    ),
    Rule(
        "endpoint-stopped-listening",
        _TCP_ENDINGS,
        lambda case: flow.refused_by_all_egresses(case.seen),
        Initiator.ENDPOINT,
        Grade.PACKET,
        "The flow's own peer sent the packet that ended it. At once it refused a fresh "
        "connection, and so did the endpoint through each other egress: the service stopped "
        "listening.",
    ),
    Rule(
        "peer-stopped-listening",
        _TCP_ENDINGS,
        lambda case: flow.refused_by_own_peer(case.seen),
        Initiator.UNKNOWN,
        Grade.PACKET,
        "The flow's own peer sent the packet that ended it, and at once refused a fresh "
        "connection: the peer stopped listening. Through one egress alone that peer is either "
        "the endpoint or a proxy in between.",
    ),
    Rule(
        "path-may-have-changed",
        _TCP_ENDINGS,
        lambda case: flow.of_unknown_distance(case.seen),
        Initiator.UNKNOWN,
        Grade.PACKET,
        "The packet that ended it does not carry the TTL of the flow's latest data that was kept, "
        "or else of its first packets. Either another box sent it, or the path has changed since: "
        "no fresh connection shows that the path is as it was.",
    ),
    Rule(
        "other-make",
        _TCP_ENDINGS,
        lambda case: flow.of_another_make(case.seen),
        Initiator.UNKNOWN,
        Grade.PACKET,
        "The packet that ended it comes from as far away as the flow's own packets, but its IP "
        "header is made differently (DF bit, IP ID). This speaks for another box and does not "
        "prove it, as one host makes several kinds.",
    ),
    Rule(
        "own-peer-or-perfect-forgery",
        _TCP_ENDINGS,
        lambda case: flow.matches_own_peer(case.seen),
        Initiator.UNKNOWN,
        Grade.PACKET,
        "The packet that ended it matches the flow's own packets in everything that can be "
        "seen. Either the endpoint sent it, or a box that owns this TCP connection (a proxy), "
        "or one that imitates the endpoint perfectly.",
    ),
)
