"""Who ended what came unannounced: silence, refusal, no route.

Traps: a SYN proxy or a load balancer accepts for the dead, so that only a ServerHello proves that
an endpoint lives; losses and big packets look like a box that drops one flow; RFC 1812 section
5.2.7.1 and RFC 4443 section 3.1 for ICMP's codes.
"""

from stresser.classify import predicates as flow
from stresser.classify.hop_reading import names_a_box
from stresser.classify.rule import Case, Rule
from stresser.model.ending import Grade, Initiator, Kind, Phase

_SILENT = frozenset({Kind.SILENCE, Kind.KERNEL_TIMEOUT, Kind.UNREACHABLE, Kind.FOUND_DEAD})
_QUIET = _SILENT | {Kind.UNRESPONSIVE, Kind.TIMEOUT}
_UNANSWERED = _SILENT | {Kind.TIMEOUT}


def _path_loses_packets(case: Case) -> bool:
    """What others met is no sign where TCP is well: an endpoint that is slow answers late, too."""
    if case.kind is Kind.UNRESPONSIVE:
        return flow.lost_segments(case.seen)
    return flow.losses_before(case.seen)


SILENT: tuple[Rule, ...] = (
    Rule(
        "endpoint-refuses",
        frozenset({Kind.REFUSED}),
        lambda case: not case.seen.by_proxy and flow.refused_by_own_stack(case.seen),
        Initiator.ENDPOINT,
        Grade.PACKET,
        "The endpoint refused the connection, and so it did through each other egress, from as "
        "far away as it used to accept them: the service does not listen.",
    ),
    Rule(
        "own-route-changed",
        _UNANSWERED,
        lambda case: bool(case.seen.own_route_changes),
        Initiator.HOST,
        Grade.TCP_INFO,
        "This host changed how it sends to the endpoint: the interface, its address or the "
        "kernel's route for this connection is no longer what it was at the last proof of life.",
    ),
    Rule(
        "not-sent",
        _SILENT,
        lambda case: flow.could_not_leave(case.seen),
        Initiator.HOST,
        Grade.TCP_INFO,
        "This host's kernel could not send: its TCP state counts probes, and not one "
        "retransmission left (no route, no link or no address on this host).",
    ),
    Rule(
        "failed-here",
        frozenset({Kind.UNREACHABLE}),
        lambda case: case.failed_here,
        Initiator.HOST,
        Grade.ERRNO,
        "This host's kernel refused to send at once: it has no route, device or address for it.",
    ),
    Rule(
        "cannot-send-here",
        _QUIET,
        lambda case: flow.cannot_send(case.seen),
        Initiator.HOST,
        Grade.ERRNO,
        "This host's kernel refused to send a fresh connection through the same egress.",
    ),
    Rule(
        "prohibited-by-router",
        _QUIET,
        lambda case: flow.prohibited_on_the_way(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "A router on the path said, by an ICMP error about this very flow, that it is "
        "administratively prohibited; the endpoint's own address did not say so.",
    ),
    Rule(
        "path-loses-packets",
        _SILENT | {Kind.UNRESPONSIVE},
        _path_loses_packets,
        Initiator.UNKNOWN,
        Grade.TCP_INFO,
        "The path loses packets: at least one in twenty of this connection's segments had to be "
        "sent again before, or a fresh connection's. Such losses can silence a connection that "
        "nothing drops.",
    ),
    Rule(
        "big-packets-dropped",
        _SILENT,
        lambda case: flow.big_ones_dropped(case.seen),
        Initiator.UNKNOWN,
        Grade.TCP_INFO,
        "Something on the path dropped the big segments of this connection, while a fresh "
        "connection passed with smaller ones: perhaps big packets are lost here, whatever their "
        "connection.",
    ),
    Rule(
        "stops-at-a-hop",
        _SILENT,
        lambda case: case.seen.phase is Phase.HELD and names_a_box(case.seen.hops),
        Initiator.MIDDLEBOX,
        Grade.COMPARISON,
        "This flow's segments reach a router on the path and, each time they were sent, not the "
        "next one that answers, while new connections through the same egress pass it to there: "
        "neither is the endpoint.",
    ),
    Rule(
        "flow-dropped-alone",
        _SILENT,
        lambda case: flow.dropped_alone(case.seen),
        Initiator.MIDDLEBOX,
        Grade.TCP_INFO,
        "Something on the path that keeps state dropped this flow alone: a fresh connection "
        "through the same egress passed, this flow's segments still did not, and the endpoint "
        "kept older sessions through another egress.",
    ),
    Rule(
        "flow-dropped-somewhere",
        _SILENT,
        lambda case: flow.dropped_here(case.seen),
        Initiator.UNKNOWN,
        Grade.TCP_INFO,
        "Something that keeps state dropped this flow: a fresh connection through the same "
        "egress passed, and this flow's segments still did not. Either a box on the path did so "
        "or the endpoint's own firewall: no older session through another egress shows which.",
    ),
    Rule(
        "egress-is-dead",
        _UNANSWERED,
        lambda case: flow.egress_is_dead(case.seen),
        Initiator.MIDDLEBOX,
        Grade.TCP_INFO,
        "Something on this egress's path lets nothing pass, not even a fresh connection, while "
        "the endpoint answers at the same address through another egress.",
    ),
    Rule(
        "address-dead-through-egress",
        _UNANSWERED,
        lambda case: flow.unanswered_here(case.seen),
        Initiator.UNKNOWN,
        Grade.TCP_INFO,
        "Nothing reaches this address through this egress, while it answers through another "
        "egress. Either a box drops what goes to it, or each egress leads to another machine of "
        "that address (anycast), or the endpoint drops what comes from us.",
    ),
    Rule(
        "address-dead-everywhere",
        _UNANSWERED,
        lambda case: flow.address_is_dead(case.seen),
        Initiator.UNKNOWN,
        Grade.TCP_INFO,
        "No egress reaches this address, while this egress reaches another endpoint. Either the "
        "endpoint's host or its own network is gone, or one policy drops this address on each "
        "path.",
    ),
    Rule(
        "endpoint-hangs",
        frozenset({Kind.UNRESPONSIVE}),
        lambda case: flow.hangs_everywhere(case.seen),
        Initiator.ENDPOINT,
        Grade.TCP_INFO,
        "The endpoint's process hangs: its kernel acknowledged our ping and accepts fresh "
        "connections through each egress, and nothing answers them, while another endpoint "
        "answers.",
    ),
)
