"""What the rules ask of the evidence: one question each, answered yes only where it is shown.

A missing witness answers no question.
"""

from stresser.classify.observations import Sighting
from stresser.model.ending import Phase
from stresser.model.fresh_connection import Look, LookResult
from stresser.model.packet import IcmpError, Reading, Shape

_FEWEST_RETRANSMITS = 2
"""One lost segment is chance; what is lost again and again is not."""
_PROHIBITED = {9, 10, 13}
"""ICMP destination unreachable: network, host, communication administratively prohibited
(RFC 1812 section 5.2.7.1)."""
_PROHIBITED_V6 = {1, 5, 6}
"""ICMPv6 destination unreachable: prohibited, source address failed policy, reject route
(RFC 4443 section 3.1)."""
_ICMP_V6_UNREACHABLE = 1
_ICMP_UNREACHABLE = 3


_OTHER_DISTANCE = frozenset({"ttl_differs", "ttl_matches_handshake_alone"})
_SAME_DISTANCE = "ttl_matches"
_QUARREL = frozenset(
    {
        "out_of_window_before_it",
        "resets_with_rising_seq",
        "resets_with_differing_ttl",
        "fin_after_reset",
        "data_after_reset",
    }
)
_TOO_SOON = "answers_sooner_than_a_round_trip"


def _signals(seen: Sighting, reading: Reading | None = None) -> frozenset[str]:
    """The names of what the packets showed; those of one reading."""
    found = () if seen.provenance is None else seen.provenance.signals
    return frozenset(one.name for one in found if reading is None or one.reading is reading)


def said_by_verified_end(seen: Sighting) -> bool:
    """After the handshake, by an end whose chain verifies as the endpoint's.

    Before that nobody has authenticated what comes.
    """
    return seen.tls_end_verified and seen.phase not in {Phase.TLS, Phase.PROXY}


def left_this_host_first(seen: Sighting) -> bool:
    """Our own RST or FIN went out before any came in, while stresser held the session."""
    return bool(_signals(seen, Reading.THIS_HOST))


def from_another_box(seen: Sighting) -> bool:
    """The TTL is not that of the flow's own packets."""
    return bool(_signals(seen) & _OTHER_DISTANCE)


def injected(seen: Sighting) -> bool:
    """Several resets that disagree, or a flow that goes on after its end."""
    return bool(_signals(seen) & _QUARREL)


def answered_too_soon(seen: Sighting) -> bool:
    """It answered what we sent in less time than a round trip takes."""
    return _TOO_SOON in _signals(seen)


def answered_by_stranger(seen: Sighting) -> bool:
    """In answer to what we sent, from as far as the flow's peer: "I know no such connection"."""
    found = seen.provenance
    return (
        found is not None
        and found.shape is Shape.NO_SOCKET
        and found.after_send_ns is not None
        and _SAME_DISTANCE in _signals(seen)
    )


def of_another_make(seen: Sighting) -> bool:
    """From as far away as the flow's own packets, but with another DF bit or another kind of ID."""
    names = _signals(seen, Reading.ANOTHER_BOX)
    return _SAME_DISTANCE in _signals(seen) and bool(names - _QUARREL - {_TOO_SOON})


def matches_own_peer(seen: Sighting) -> bool:
    """There are packets to compare with, and nothing of what was compared differs."""
    return _SAME_DISTANCE in _signals(seen) and not _signals(seen, Reading.ANOTHER_BOX)


def refused_by_own_peer(seen: Sighting) -> bool:
    """The flow's own peer ended it, and then refused a fresh connection with the same TTL."""
    found = seen.provenance
    if found is None or not matches_own_peer(seen):
        return False
    return any(
        look.result is LookResult.REFUSED and look.ttl in {found.data_ttl, found.syn_ack_ttl}
        for look in seen.looks_by(own_endpoint=True, own_egress=True)
        if look.ttl is not None
    )


def refused_by_all_ways(seen: Sighting) -> bool:
    """So it did, and so does who answers at that address by each other way.

    By one way alone the flow's peer may be a proxy in it that is gone, and where TLS is
    intercepted it is one.
    """
    others = _other_ways(seen)
    is_everywhere = bool(others) and others == {LookResult.REFUSED}
    return is_everywhere and not seen.intercepted and refused_by_own_peer(seen)


def _own_way(seen: Sighting) -> frozenset[LookResult]:
    return seen.results(own_endpoint=True, own_egress=True)


def _other_ways(seen: Sighting) -> frozenset[LookResult]:
    """To the same server through other egresses."""
    return seen.results(own_endpoint=True, own_egress=False)


def _elsewhere(seen: Sighting) -> frozenset[LookResult]:
    """To other servers through the same egress."""
    return seen.results(own_endpoint=False, own_egress=True)


def could_not_leave(seen: Sighting) -> bool:
    """Probes, and no retransmission ever: sending fails on this host (net/ipv4/tcp_output.c)."""
    sent = seen.sent
    if sent is None or sent.total_retrans:
        return False
    return sent.probes > 0 and (sent.unacked > 0 or sent.unsent_bytes > 0)


def no_way_out(seen: Sighting) -> bool:
    """A fresh connection by the same egress failed on this host."""
    return LookResult.NO_WAY_OUT in _own_way(seen) | _elsewhere(seen)


def prohibited_on_the_way(seen: Sighting) -> bool:
    """An ICMP error of the prohibiting kind from somebody else than the server."""
    return any(_prohibits(error) and error.offender != seen.server for error in seen.icmp)


def _prohibits(error: IcmpError) -> bool:
    if ":" in error.offender:
        return error.type == _ICMP_V6_UNREACHABLE and error.code in _PROHIBITED_V6
    return error.type == _ICMP_UNREACHABLE and error.code in _PROHIBITED


def dropped_alone(seen: Sighting) -> bool:
    """A fresh connection got through; a segment of ours sent after that did not, nor did others."""
    sent = seen.sent
    if sent is None or not sent.unacked or sent.retransmits < _FEWEST_RETRANSMITS:
        return False
    looks = seen.looks_by(own_endpoint=True, own_egress=True)
    return any(_connected_before(look, sent.last_sent_ns) for look in looks)


def _connected_before(look: Look, t_ns: int) -> bool:
    return look.result is LookResult.CONNECTED and look.answered_ns <= t_ns


_DEAD = frozenset({LookResult.SILENT, LookResult.UNREACHABLE})


def way_is_dead(seen: Sighting) -> bool:
    """This way is dead to a fresh connection as well, and another one to the same server lives."""
    return bool(_own_way(seen) & _DEAD) and LookResult.CONNECTED in _other_ways(seen)


def server_is_dead(seen: Sighting) -> bool:
    """No way leads to this server, of two or more; this way leads to another."""
    own, others = _own_way(seen), _other_ways(seen)
    is_dead = bool(own) and bool(others) and own | others <= _DEAD
    return is_dead and LookResult.CONNECTED in _elsewhere(seen)
