"""Who ended it: the table from evidence to initiator and grade. Pure; the order is the precedence.

The first rule that holds names the initiator. Rules further down that also hold and name another
one contradict it: they stay visible, and the grade falls by a step (`judgement.py`). A rule that
says `unknown` is a statement too: it tells what was looked at, and that it does not decide.
`stresser explain` prints this table; `stresser show --session` quotes it for each ending.

The signals and their traps: Weaver, Sommer and Paxson, "Detecting Forged TCP Reset Packets"
(NDSS 2009), for what a packet's TTL, IP ID and sequence number tell; RFC 9293 section 3.10.7 for
who sends a RST when; RFC 1812 section 5.2.7.1 and RFC 4443 section 3.1 for ICMP's codes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from stresser.classify import predicates as flow
from stresser.classify.observations import Sighting
from stresser.model.ending import Grade, Initiator, Kind, Phase


class Case(NamedTuple):
    """What is judged."""

    kind: Kind
    failure: str | None
    seen: Sighting
    failed_here: bool = False
    """The error came at once from this host's own kernel: no packet left."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row."""

    name: str
    kinds: frozenset[Kind] | None
    """The kinds of ending that it speaks of; None: all."""
    holds: Callable[[Case], bool]
    initiator: Initiator
    grade: Grade
    says: str
    """What was seen and what follows from it, for the network team."""
    is_final: bool = False
    """No other rule is asked: nothing else matters then."""


PROXY_ALERT = "proxy_tls_alert"
"""Failure string of an alert from the proxy's own TLS."""
_TLS_ENDINGS = frozenset({Kind.TLS_CLOSE_NOTIFY, Kind.WS_CLOSE, Kind.TLS_ALERT, Kind.HTTP_REFUSAL})
_TCP_ENDINGS = frozenset({Kind.TCP_RESET, Kind.TCP_FIN})
_SILENT = frozenset({Kind.SILENCE, Kind.KERNEL_TIMEOUT, Kind.UNREACHABLE})
_QUIET = _SILENT | {Kind.UNRESPONSIVE, Kind.TIMEOUT}

RULES: tuple[Rule, ...] = (
    Rule(
        "planned",
        frozenset({Kind.PLANNED}),
        lambda _: True,
        Initiator.PLAN,
        Grade.ERRNO,
        "The plan of the run ended it.",
        is_final=True,
    ),
    Rule(
        "tool-limit",
        frozenset({Kind.TOOL}),
        lambda _: True,
        Initiator.TOOL,
        Grade.ERRNO,
        "stresser met a limit of its own: open files, local ports, memory, or a bug.",
        is_final=True,
    ),
    Rule(
        "host-slept",
        frozenset({Kind.HOST_SLEPT}),
        lambda _: True,
        Initiator.HOST,
        Grade.ERRNO,
        "This host was suspended since the last proof of life: nobody was there to keep the"
        " session alive.",
        is_final=True,
    ),
    Rule(
        "host-unfit",
        None,
        lambda case: any(one.who is Initiator.HOST for one in case.seen.unfit),
        Initiator.HOST,
        Grade.ERRNO,
        "At the time of the end this host did not let stresser run for a second or more (it"
        " slept, stopped the process or gave it no CPU): that absence may have caused the end.",
        is_final=True,
    ),
    Rule(
        "tool-unfit",
        None,
        lambda case: any(one.who is Initiator.TOOL for one in case.seen.unfit),
        Initiator.TOOL,
        Grade.ERRNO,
        "At the time of the end stresser itself stood still for a second or more: its absence"
        " may have caused the end.",
        is_final=True,
    ),
    Rule(
        "explicit-proxy-refused",
        frozenset({Kind.PROXY_ERROR}),
        lambda _: True,
        Initiator.MIDDLEBOX,
        Grade.ERRNO,
        "The proxy that the scenario names was asked, over a connection of its own, and said no.",
    ),
    Rule(
        "explicit-proxy-said-so",
        frozenset({Kind.TLS_ALERT}),
        lambda case: case.failure == PROXY_ALERT and case.seen.phase is not Phase.PROXY,
        Initiator.MIDDLEBOX,
        Grade.ERRNO,
        "The alert came under the TLS that the proxy of the scenario ends, outside the endpoint's.",
    ),
    Rule(
        "interceptor-said-so",
        _TLS_ENDINGS,
        lambda case: case.seen.intercepted,
        Initiator.MIDDLEBOX,
        Grade.ERRNO,
        "It was said under TLS, and the TLS end is not the endpoint: its chain is an"
        " interceptor's. (An interceptor may pass on what the endpoint said.)",
    ),
    Rule(
        "endpoint-said-so",
        _TLS_ENDINGS,
        lambda case: flow.said_by_verified_end(case.seen) and case.failure != PROXY_ALERT,
        Initiator.ENDPOINT,
        Grade.ERRNO,
        "It was said under TLS by an end whose chain verifies as the endpoint's.",
    ),
    Rule(
        "killed-on-this-host",
        _TCP_ENDINGS,
        lambda case: case.failure == "connection_aborted" or flow.left_this_host_first(case.seen),
        Initiator.HOST,
        Grade.TCP_INFO,
        "This host's own kernel aborted the connection (ECONNABORTED, or our own RST or FIN went"
        " out before any came in): somebody on this host destroyed the socket.",
    ),
    Rule(
        "another-box",
        _TCP_ENDINGS,
        lambda case: flow.from_another_box(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "The packet that ended it does not carry the TTL of this flow's other packets: another"
        " box than the flow's own peer sent it.",
    ),
    Rule(
        "injected",
        frozenset({Kind.TCP_RESET}),
        lambda case: flow.injected(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "Resets with different sequence numbers or TTLs came for one flow, or the flow went on"
        " after its reset: the marks of a box that forges them (Weaver et al. 2009).",
    ),
    Rule(
        "interceptor-owns-flow",
        _TCP_ENDINGS | {Kind.UNRESPONSIVE},
        lambda case: case.seen.intercepted and not flow.from_another_box(case.seen),
        Initiator.MIDDLEBOX,
        Grade.ERRNO,
        "TLS is intercepted, so the TCP connection ends at the interceptor: what it does to the"
        " connection is its own doing. (It may follow what happened on its far side.)",
    ),
    Rule(
        "answered-too-soon",
        frozenset({Kind.TCP_RESET}),
        lambda case: flow.answered_too_soon(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "The reset answered what we sent in less than half the time that a round trip to the"
        " endpoint takes: a box nearer than the endpoint sent it.",
    ),
    Rule(
        "flow-unknown-there",
        frozenset({Kind.TCP_RESET}),
        lambda case: flow.answered_by_stranger(case.seen) and case.seen.neighbour_lives,
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "The reset has the form of a host that knows no such connection (no ACK, window 0) and"
        " answered what we sent, while an older session to the same server lived on: the server"
        " was not started anew, so a box between (NAT, load balancer) lost this flow's state or"
        " changed its addresses.",
    ),
    Rule(
        "endpoint-stopped-listening",
        _TCP_ENDINGS,
        lambda case: flow.refused_by_all_ways(case.seen),
        Initiator.ENDPOINT,
        Grade.PACKET,
        "The packet that ended it matches the flow's own peer, and at once fresh connections to"
        " the same address and port were refused from there and by every other egress: the"
        " service stopped listening.",
    ),
    Rule(
        "peer-stopped-listening",
        _TCP_ENDINGS,
        lambda case: flow.refused_by_own_peer(case.seen),
        Initiator.UNKNOWN,
        Grade.PACKET,
        "The packet that ended it matches the flow's own peer, and at once a fresh connection to"
        " the same address and port was refused from there: who took our connections stopped"
        " listening. By one egress alone that may be the endpoint, or a proxy in the way.",
    ),
    Rule(
        "other-make",
        _TCP_ENDINGS,
        lambda case: flow.of_another_make(case.seen),
        Initiator.UNKNOWN,
        Grade.PACKET,
        "The packet that ended it comes from as far away as the flow's own packets, but its IP"
        " header is made differently (DF bit, IP ID): this speaks for another box, and proves it"
        " not, for one host makes several kinds.",
    ),
    Rule(
        "own-peer-or-perfect-forgery",
        _TCP_ENDINGS,
        lambda case: flow.matches_own_peer(case.seen),
        Initiator.UNKNOWN,
        Grade.PACKET,
        "The packet that ended it matches the flow's own packets in everything that can be seen:"
        " the endpoint sent it, or a box that owns this TCP connection (a proxy), or one that"
        " imitates the endpoint perfectly. Packets cannot tell these apart.",
    ),
    Rule(
        "way-out-changed",
        _QUIET,
        lambda case: bool(case.seen.way_out_changes),
        Initiator.HOST,
        Grade.TCP_INFO,
        "This host's own way out changed: the interface, its address or the route that the"
        " session used went away between the last proof of life and the end.",
    ),
    Rule(
        "not-sent",
        _SILENT,
        lambda case: flow.could_not_leave(case.seen),
        Initiator.HOST,
        Grade.TCP_INFO,
        "This host's kernel could not send: its TCP state counts probes, and not one"
        " retransmission left (no route, no link or no address on this host).",
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
        "no-way-out",
        _QUIET,
        lambda case: flow.no_way_out(case.seen),
        Initiator.HOST,
        Grade.ERRNO,
        "A fresh connection by the same egress failed on this host itself: it has no way out.",
    ),
    Rule(
        "prohibited-by-router",
        _QUIET,
        lambda case: flow.prohibited_on_the_way(case.seen),
        Initiator.MIDDLEBOX,
        Grade.PACKET,
        "An ICMP error about this very flow says that it is administratively prohibited, and it"
        " came from an address that is not the server's.",
    ),
    Rule(
        "flow-dropped-alone",
        _SILENT,
        lambda case: flow.dropped_alone(case.seen),
        Initiator.MIDDLEBOX,
        Grade.TCP_INFO,
        "A fresh connection to the same address and port by the same egress was accepted, and"
        " after that this flow's segments still went unacknowledged: something stateful on the"
        " way (or the endpoint's own firewall) drops this flow alone.",
    ),
    Rule(
        "way-dead-server-alive",
        _SILENT,
        lambda case: flow.way_is_dead(case.seen),
        Initiator.MIDDLEBOX,
        Grade.TCP_INFO,
        "Nothing passes by this egress, not even a fresh connection, while by another egress the"
        " same address and port accept one: the fault is on this way, not at the endpoint.",
    ),
    Rule(
        "server-dead-ways-alive",
        _SILENT,
        lambda case: flow.server_is_dead(case.seen),
        Initiator.ENDPOINT,
        Grade.TCP_INFO,
        "No egress reaches this address, while this egress reaches others: the endpoint's host"
        " or its own network is gone.",
    ),
    Rule(
        "nothing-decides",
        None,
        lambda _: True,
        Initiator.UNKNOWN,
        Grade.ERRNO,
        "Nothing that was witnessed says who ended it.",
    ),
)
BY_NAME = {rule.name: rule for rule in RULES}
