"""What the rules ask of the evidence: one question each, answered yes only where it is shown.

A missing witness answers no question.
"""

from collections.abc import Iterator

from stresser.classify.observations import Observations
from stresser.classify.packet_origin import hops
from stresser.model.ending import Phase
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.packet import IcmpError, Reading, Shape
from stresser.model.units import NS_PER_MS

_FEWEST_RETRANSMITS = 2
"""One lost segment is chance; what is lost again and again is not."""
_LOSSY_SHARE = 0.05
_BIG_BYTES = 512
"""A ping without a message takes 30 bytes with its record, a ClientHello 300 to 1,600."""
_SHORTEST_RTO_NS = 200 * NS_PER_MS
"""Linux sends nothing again sooner (TCP_RTO_MIN): what comes earlier answers the first sending."""
_FAR_NS = 5 * NS_PER_MS
"""A shorter round trip is made longer by what else the machines have to do."""
_PROHIBITED = {9, 10, 13}
"""ICMP destination unreachable: network, host, communication administratively prohibited
(RFC 1812 section 5.2.7.1)."""
_PROHIBITED_V6 = {1, 5, 6}
"""ICMPv6 destination unreachable: prohibited, source address failed policy, reject route
(RFC 4443 section 3.1)."""
_ICMP_V6_UNREACHABLE = 1
_ICMP_UNREACHABLE = 3

_OTHER_DISTANCE = frozenset({"ttl_differs", "ttl_matches_handshake_alone"})
_CHANGED_DISTANCE = frozenset({"ttl_varies", "ttl_matches_earlier_data"})
_SAME_DISTANCE = "ttl_matches"
_QUARREL = frozenset(
    {
        "resets_with_rising_seq",
        "resets_with_differing_ttl",
        "fin_after_reset",
        "data_after_reset",
        "answer_after_reset",
    }
)
_TOO_SOON = "answers_sooner_than_a_round_trip"


# Packets


def _signals(seen: Observations, reading: Reading | None = None) -> frozenset[str]:
    """The names of what the packets showed; those of one reading."""
    found = () if seen.provenance is None else seen.provenance.signals
    return frozenset(one.name for one in found if reading is None or one.reading is reading)


def said_by_verified_end(seen: Observations) -> bool:
    """After the handshake, by an end whose chain verifies as the endpoint's.

    Before that nothing has authenticated what comes.
    """
    return seen.tls_end_verified and seen.phase not in {Phase.TLS, Phase.PROXY}


def left_this_host_first(seen: Observations) -> bool:
    """Our own RST or FIN went out before any came in, while stresser held the session."""
    return bool(_signals(seen, Reading.THIS_HOST))


def of_other_distance(seen: Observations) -> bool:
    """The TTL is not that of the flow's own packets, the latest that were kept."""
    return bool(_signals(seen) & _OTHER_DISTANCE)


def of_unknown_distance(seen: Observations) -> bool:
    """It is not, or the flow's own packets came by paths of differing length."""
    return bool(_signals(seen) & (_OTHER_DISTANCE | _CHANGED_DISTANCE))


def from_another_box(seen: Observations) -> bool:
    """It came from another distance than the flow's, and the path has not changed meanwhile.

    That is shown by a fresh connection at that time, whose packets came from as far away as the
    flow's own; an attempt has only just shaken hands.
    """
    if not of_other_distance(seen):
        return False
    is_young = seen.phase not in {Phase.HELD, Phase.CLOSING}
    return is_young or any(_path_is_as_it_was(seen, look) for look in _own_looks(seen))


def _path_is_as_it_was(seen: Observations, look: FreshConnection) -> bool:
    found = seen.provenance
    if found is None or look.ttl is None or look.result is FreshResult.REFUSED:
        return False
    if found.latest_ttl is not None and look.hello_ttl is not None:
        return found.latest_ttl == look.hello_ttl != found.ttl
    was, now = (found.syn_ack_ttl, found.data_ttl), (look.ttl, look.hello_ttl)
    pairs = [(old, new) for old, new in zip(was, now, strict=True) if None not in {old, new}]
    return bool(pairs) and all(old == new for old, new in pairs) and found.ttl != pairs[-1][1]


def injected(seen: Observations) -> bool:
    """Several resets that no endpoint sends for one flow, or a flow that goes on after its end."""
    return bool(_signals(seen) & _QUARREL)


def answered_too_soon(seen: Observations) -> bool:
    """It answered what we sent in less time than a round trip takes, a fresh one included."""
    found = seen.provenance
    if found is None or found.after_send_ns is None or _TOO_SOON not in _signals(seen):
        return False
    trips = [look.rtt_ns for look in _own_looks(seen) if look.rtt_ns is not None]
    shortest = min(trips, default=0)
    return shortest >= _FAR_NS and 2 * found.after_send_ns < shortest


def answered_by_stranger(seen: Observations) -> bool:
    """In answer to what we sent, from as far as the flow's peer: "I know no such connection"."""
    found = seen.provenance
    return (
        found is not None
        and found.shape is Shape.NO_SOCKET
        and found.after_send_ns is not None
        and _SAME_DISTANCE in _signals(seen)
    )


def flow_was_lost(seen: Observations) -> bool:
    """So it was, the server was not started anew, and it cannot have said goodbye unheard.

    It would have been heard: nothing is missing that was sent before (an abort after a loss comes
    in two resets), nothing of ours had to be sent again, and this egress was never silent.
    """
    found = seen.provenance
    if found is None or not answered_by_stranger(seen) or found.ignored:
        return False
    is_prompt = (found.after_send_ns or 0) < _SHORTEST_RTO_NS
    return is_prompt and seen.sibling_lives and seen.egress_heard


def of_another_make(seen: Observations) -> bool:
    """From as far away as the flow's own packets, but with another DF bit or another kind of ID."""
    names = _signals(seen, Reading.ANOTHER_BOX)
    return _SAME_DISTANCE in _signals(seen) and bool(names - _QUARREL - {_TOO_SOON})


def matches_own_peer(seen: Observations) -> bool:
    """There are packets to compare with, and nothing of what was compared differs.

    How soon it came tells only where a fresh round trip is known: `answered_too_soon`.
    """
    others = _signals(seen, Reading.ANOTHER_BOX) - {_TOO_SOON}
    return _SAME_DISTANCE in _signals(seen) and not others


def ends_nearby(seen: Observations) -> bool:
    """The flow's own peer stands before the first router, its address behind one, the endpoint far.

    How far, another egress shows: the gateway itself may hold the endpoint's address.
    """
    found = seen.provenance
    if found is None or found.outgoing or not seen.behind_gateway or seen.by_proxy:
        return False
    ttls = {found.data_ttl, found.syn_ack_ttl} - {None}
    is_near = bool(ttls) and all(ttl is not None and hops(ttl) == 0 for ttl in ttls)
    return is_near and any(look.ttl is not None and hops(look.ttl) > 0 for look in _answers(seen))


# Who refuses


def refused_by_own_peer(seen: Observations) -> bool:
    """The flow's own peer ended it, and then refused a fresh connection with the same TTL."""
    found = seen.provenance
    if found is None or not matches_own_peer(seen):
        return False
    return any(
        look.result is FreshResult.REFUSED and look.ttl in {found.peer_ttl, found.syn_ack_ttl}
        for look in _own_looks(seen)
        if look.ttl is not None
    )


def refused_by_all_egresses(seen: Observations) -> bool:
    """So it did, and so does who answers at that address by each other egress.

    By one alone the flow's peer may be a proxy in it that is gone, and where TLS is intercepted
    it is one.
    """
    return refused_elsewhere(seen) and not seen.intercepted and refused_by_own_peer(seen)


def refused_elsewhere(seen: Observations) -> bool:
    """Through each other egress the endpoint refuses, or a proxy says that it cannot reach it."""
    others = _other_egresses(seen)
    return bool(others) and others <= {FreshResult.REFUSED, FreshResult.PROXY_FAILED}


def refused_by_own_stack(seen: Observations) -> bool:
    """Each egress is refused from just as far away as the endpoint used to accept from."""
    own, others = _own_looks(seen), seen.looks_by(own_endpoint=True, own_egress=False)
    refusals = [look for look in (*own, *others) if look.result is FreshResult.REFUSED]
    is_own = all(look.ttl is not None and look.ttl == look.usual_ttl for look in refusals)
    return bool(refusals) and is_own and refused_elsewhere(seen) and not seen.intercepted


def interceptor_is_gone(seen: Observations) -> bool:
    """Who took our connections takes no more, and the endpoint is well through another egress."""
    if not seen.intercepted or FreshResult.ANSWERED not in _other_egresses(seen):
        return False
    looks = _own_looks(seen)
    refused = any(look.result is FreshResult.REFUSED for look in looks)
    # Its kernel accepts while its process ends, and then hangs up.
    hung_up = any(look.result is FreshResult.CONNECTED and look.failure for look in looks)
    return refused or (hung_up and seen.control_lives)


def endpoint_is_well(seen: Observations) -> bool:
    """Through another egress it answers, and, of a session, an older one to it lived on."""
    lived = seen.control_lives or seen.phase not in {Phase.HELD, Phase.CLOSING}
    return FreshResult.ANSWERED in _other_egresses(seen) and lived


def proxy_reset_by_itself(seen: Observations) -> bool:
    """The endpoint is well, as far as anybody knows.

    Some proxies open the tunnel before they reach the endpoint, and reset it if they do not.
    """
    others = _other_egresses(seen)
    if not others:
        return seen.by_proxy and seen.phase in {Phase.PROXY, Phase.HELD}
    return seen.by_proxy and FreshResult.ANSWERED in others


# Fresh connections


def _own_looks(seen: Observations) -> tuple[FreshConnection, ...]:
    return seen.looks_by(own_endpoint=True, own_egress=True)


def _own_egress(seen: Observations) -> frozenset[FreshResult]:
    return seen.results(own_endpoint=True, own_egress=True)


def _other_egresses(seen: Observations) -> frozenset[FreshResult]:
    """To the same server through other egresses."""
    return seen.results(own_endpoint=True, own_egress=False)


def _elsewhere(seen: Observations) -> frozenset[FreshResult]:
    """To other servers through the same egress."""
    return seen.results(own_endpoint=False, own_egress=True)


def cannot_send(seen: Observations) -> bool:
    """A fresh connection by the same egress failed on this host."""
    return FreshResult.CANNOT_SEND in _own_egress(seen) | _elsewhere(seen)


def could_not_leave(seen: Observations) -> bool:
    """Sending fails on this host."""
    return seen.sent is not None and seen.sent.never_left


def prohibited_on_the_way(seen: Observations) -> bool:
    """An ICMP error of the prohibiting kind from somebody else than the server."""
    return any(_prohibits(error) and error.offender != seen.server for error in seen.icmp)


def _prohibits(error: IcmpError) -> bool:
    if ":" in error.offender:
        return error.type == _ICMP_V6_UNREACHABLE and error.code in _PROHIBITED_V6
    return error.type == _ICMP_UNREACHABLE and error.code in _PROHIBITED


def losses_before(seen: Observations) -> bool:
    """Many segments were lost and acknowledged later: of this connection, of others beside it."""
    if seen.sent is None:
        return False
    return lost_segments(seen) or seen.egress_is_lossy or _fresh_ones_lost_some(seen)


def lost_segments(seen: Observations) -> bool:
    """Many of this connection's own were lost and acknowledged later.

    Of a flow that dies at once nothing is lost before its last segment.
    """
    sent = seen.sent
    if sent is None:
        return False
    recovered = sent.total_retrans - sent.retransmits
    return recovered >= max(_FEWEST_RETRANSMITS, _LOSSY_SHARE * (sent.segments or 0))


def _fresh_ones_lost_some(seen: Observations) -> bool:
    """They were answered after a retransmission, or now answered and now not."""
    looks = (*_own_looks(seen), *seen.looks_by(own_endpoint=False, own_egress=True))
    answered = [look for look in looks if look.result is FreshResult.ANSWERED]
    is_mixed = len({look.result for look in _own_looks(seen)} & _SOMETIMES) > 1
    return is_mixed or any(look.retransmits > 0 for look in answered)


def dropped_here(seen: Observations) -> bool:
    """A fresh connection got through; a segment of ours sent after that did not, nor did others."""
    sent = seen.sent
    if sent is None or not sent.unacked or sent.retransmits < _FEWEST_RETRANSMITS:
        return False
    return any(_answered_before(look, sent.last_sent_ns) for look in _own_looks(seen))


def _answered_before(look: FreshConnection, t_ns: int) -> bool:
    return look.result is FreshResult.ANSWERED and look.answered_ns <= t_ns


def big_ones_dropped(seen: Observations) -> bool:
    """So it is, and what did not get through is bigger than what did."""
    sent = seen.sent
    is_big = sent is not None and (sent.unacked_bytes or 0) >= _BIG_BYTES
    return is_big and dropped_here(seen)


def dropped_alone(seen: Observations) -> bool:
    """So it is, while an older session to the same server lived on through another egress."""
    return seen.control_lives and dropped_here(seen)


_SOMETIMES = frozenset({FreshResult.ANSWERED, FreshResult.SILENT})
_DEAD = frozenset({FreshResult.SILENT, FreshResult.UNREACHABLE})
_UNANSWERED = _DEAD | {FreshResult.CONNECTED}


def unanswered_here(seen: Observations) -> bool:
    """Through this egress nothing is answered, and through another one the same address answers.

    Where this host itself sends otherwise than before, that is why.
    """
    own = _own_egress(seen)
    is_dead = bool(own) and own <= _UNANSWERED
    if seen.egress_lives or seen.own_route_changes:
        return False
    return is_dead and any(_is_same_machine(seen, look) for look in _answers(seen))


def _answers(seen: Observations) -> Iterator[FreshConnection]:
    for look in seen.looks_by(own_endpoint=True, own_egress=False):
        if look.result is FreshResult.ANSWERED:
            yield look


def _is_same_machine(seen: Observations, look: FreshConnection) -> bool:
    """Nothing says that it is another one: a site of its own has, often, a chain of its own."""
    return None in {seen.chain, look.chain} or seen.chain == look.chain


def egress_is_dead(seen: Observations) -> bool:
    """So it is, and no other endpoint answers through this egress, either.

    Of an attempt that has to be shown: an endpoint may refuse to know one of our addresses.
    """
    elsewhere = _elsewhere(seen)
    if seen.phase is not Phase.HELD and not elsewhere:
        return False
    return unanswered_here(seen) and elsewhere <= _UNANSWERED


def address_is_dead(seen: Observations) -> bool:
    """No egress leads to this server, of two or more; this one leads to another."""
    own, others = _own_egress(seen), _other_egresses(seen)
    is_dead = bool(own) and bool(others) and own | others <= _UNANSWERED
    return is_dead and FreshResult.ANSWERED in _elsewhere(seen)


def hangs_everywhere(seen: Observations) -> bool:
    """Through each egress its kernel accepts and it says nothing; another endpoint answers."""
    own, others = _own_egress(seen), _other_egresses(seen)
    if not own or not others or seen.intercepted or seen.by_proxy:
        return False
    return own | others == {FreshResult.CONNECTED} and FreshResult.ANSWERED in _elsewhere(seen)
