"""Cases for the rules, made of packets and looks as the witnesses would have seen them."""

from typing import Any

import pytest
from msgspec.structs import replace

from stresser.classify.judge import judge
from stresser.classify.observations import Observations, Transmissions
from stresser.classify.packet_origin import next_seq, provenance
from stresser.classify.rule import Case
from stresser.model.cohort import Pair
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.hops import Hop, HopReading, HopWalk
from stresser.model.packet import FlowPackets, IcmpError, Packet
from stresser.model.unfit import Unfit, UnfitCause
from stresser.model.units import NS_PER_MS, NS_PER_S

SERVER = "203.0.113.2"
REMOTE = f"{SERVER}:443"
OWN = Pair("broker", "vpn")
SENT_NS, DETECTED_NS = 100 * NS_PER_S, 110 * NS_PER_S
ISN, RECEIVED = 1000, 500


def packet(flags, *, t_ns=DETECTED_NS, ttl=54, seq=ISN + 1 + RECEIVED, **fields):
    """A packet from the server, as its own are made."""
    made = {
        "unix_ns": t_ns,
        "interface": "eth0",
        "outgoing": False,
        "ip_id": 7,
        "df": True,
        "window": 500,
        "ack": 1,
        "length": 0,
    }
    return Packet(flags=flags, t_ns=t_ns, ttl=ttl, seq=seq, **{**made, **fields})


def flow(*ends, hello_ttl=54, syn_ttl=54):
    """The packets of a connection that these ended."""
    return FlowPackets(
        syn_ack=packet("SA", t_ns=1, ttl=syn_ttl, seq=ISN, ip_id=0),
        server_hello=packet("PA", t_ns=2, ttl=hello_ttl, seq=ISN + 1, ip_id=3, length=RECEIVED),
        ends=list(ends),
    )


def rerouted(*ends, ttl=53):
    """The same after its path has become a router longer, with a pong of since then."""
    late = packet("PA", t_ns=3, ttl=ttl, seq=ISN + RECEIVED, length=30)
    return replace(flow(*ends), last=[late])


def origin(packets, **known):
    return provenance(packets, expected_seq=next_seq(packets, RECEIVED), **known)


RESET = packet("RA")
STRANGER = packet("R", window=0, ip_id=0, ack=0)
FIN = packet("FA", seq=ISN + RECEIVED)


def look(result, *, endpoint="broker", egress="vpn", answered_ns=105 * NS_PER_S, **seen):
    return FreshConnection(
        endpoint=endpoint,
        egress=egress,
        remote=REMOTE,
        result=FreshResult(result),
        asked_ns=answered_ns - NS_PER_MS,
        answered_ns=answered_ns,
        **seen,
    )


def sent(*, unacked=1, retransmits=5, total=5, probes=0, last_sent_ns=107 * NS_PER_S, **more):
    return Transmissions(
        unacked=unacked,
        retransmits=retransmits,
        total_retrans=total,
        probes=probes,
        last_sent_ns=last_sent_ns,
        **more,
    )


STOPPED = Unfit(Initiator.HOST, UnfitCause.STOPPED, SENT_NS, DETECTED_NS, 10 * NS_PER_S)
COLLECTING = Unfit(Initiator.TOOL, UnfitCause.GC, SENT_NS, DETECTED_NS, 2 * NS_PER_S)


def icmp(code, *, offender="198.51.100.1", kind=3):
    return IcmpError(
        t_ns=DETECTED_NS,
        unix_ns=0,
        interface="eth0",
        offender=offender,
        type=kind,
        code=code,
        words="x",
        mtu=None,
    )


def observations(phase=Phase.HELD, **witnesses):
    return Observations(
        phase=phase,
        began_ns=0,
        detected_ns=DETECTED_NS,
        alive_ns=SENT_NS,
        server=SERVER,
        own_pair=OWN,
        **witnesses,
    )


def case(kind, *, failure="x", failed_here=False, status=None, phase=Phase.HELD, **witnesses):
    return Case(Kind(kind), failure, observations(phase, **witnesses), failed_here, status)


def answer(*, ttl=54, hello_ttl=54, **more):
    """A fresh connection through the session's own egress that the endpoint answered."""
    return look("answered", ttl=ttl, hello_ttl=hello_ttl, **more)


OTHER_WAY = look("answered", egress="direct", ttl=50, hello_ttl=50, usual_ttl=50)
REFUSED_HERE = look("refused", ttl=54, usual_ttl=54)
REFUSED_THERE = look("refused", egress="direct", ttl=50, usual_ttl=50)
ELSEWHERE = look("answered", endpoint="gateway")


def assert_judged(judged, initiator, rule, grade):
    """Who is named, by which rule first, how well supported; and nothing speaks against it."""
    judgement = judge(judged)
    assert (judgement.initiator, judgement.why[0], judgement.grade) == (initiator, rule, grade)
    assert judgement.against == ()


def rows_as_tests(rows):
    """For `pytest.mark.parametrize`, each row under its number and its rule."""
    return pytest.mark.parametrize(
        ("judged", "initiator", "rule", "grade"),
        rows,
        ids=[f"{n}-{row[2]}" for n, row in enumerate(rows)],
    )


def walk(**changes):
    """Two new connections pass hop 2, and this flow does not."""
    two, three = (Hop(number=n, address=f"198.51.100.{n}") for n in (2, 3))
    seen: dict[str, Any] = {
        "reading": HopReading.STOPS_ALONE,
        "last": two,
        "next": three,
        "connections": 2,
    } | changes
    return HopWalk(**seen)
