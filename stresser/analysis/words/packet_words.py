"""An ending's packets in words, for `show`: what they say and no more."""

from collections.abc import Iterator

from stresser.model.evidence import Evidence
from stresser.model.packet import (
    FlowPackets,
    IcmpError,
    Packet,
    PacketOrigin,
    Reading,
    Shape,
    Signal,
)
from stresser.model.units import escaped, format_duration

_SHAPES = {
    Shape.NO_SOCKET: "it has no ACK and window 0, as a host sends that does not know the"
    " connection, or a firewall that rejects",
    Shape.SOCKET: "it acknowledges and has a window, as the owner of a connection aborts it",
}
_SIGNALS = {
    "came_over_loopback": "it came over loopback, the connection did not: this host made it",
    "came_by_another_interface": "it came by another interface than the connection's packets",
    "df_differs": "Don't Fragment is set otherwise than in the flow's data",
    "ip_id_where_data_has_none": "it has an IP ID where the flow's data has none",
    "ip_id_counts_on": "its IP ID counts on from the flow's data",
    "answers_sooner_than_a_round_trip": "it answered our send sooner than the endpoint can",
    "resets_with_rising_seq": "resets came ahead of it, at several SEQ or without ACK, as an"
    " injector sends them and no endpoint does",
    "resets_with_differing_ttl": "resets came from another distance, too",
    "fin_after_reset": "a FIN came after it: the other end did not know of the reset",
    "data_after_reset": "a segment came after it that this host refused: the other end went on",
    "answer_after_reset": "the server's hello came after it: the other end went on",
}
_READINGS = {
    Reading.ANOTHER_BOX: "speaks for another box",
    Reading.OWN_PEER: "speaks for the connection's own peer",
    Reading.THIS_HOST: "speaks for this host",
    Reading.NEUTRAL: "neutral",
}
_LONGEST = 60


def provenance_in_words(evidence: Evidence) -> list[str]:
    """The provenance card: sentences without a full stop, the most telling first.

    Empty where no packets were witnessed.
    """
    flow, found = evidence.packets, evidence.origin
    lines = [] if found is None else list(_card(found))
    if flow is not None:
        lines += _around(flow, found)
    return lines


def _card(found: PacketOrigin) -> Iterator[str]:
    yield _headline(found)
    if found.data_ttl is not None and found.syn_ack_ttl not in {None, found.data_ttl}:
        yield (
            f"the SYN-ACK carried TTL {found.syn_ack_ttl} and the data {found.data_ttl}:"
            " another box may have answered the handshake"
        )
    if found.shape in _SHAPES:
        yield _SHAPES[found.shape]
    yield from _sequence(found)
    named = (_SIGNALS.get(signal.name) for signal in found.signals)
    yield from (text for text in named if text is not None)
    told = ", ".join(map(_signal, found.signals))
    if told:
        yield f"signals: {told}"


def _headline(found: PacketOrigin) -> str:
    what = _what(found.flags)
    after = ""
    if found.after_send_ns is not None:
        after = f" {format_duration(found.after_send_ns)} after our last send"
    if found.outgoing:
        return f"{what}{after}, sent by this host itself on {_name(found.interface)}"
    carried = f"{what}{after}, TTL {found.ttl}"
    peer_ttl = found.peer_ttl
    if peer_ttl is None:
        return f"{carried}; no other packet of the connection was seen to compare it with"
    packets = _packets_compared(found)
    if found.ttl == peer_ttl:
        return (
            f"{carried} as the connection's own {packets}:"
            " consistent with the endpoint, or a proxy that holds the connection"
        )
    return f"{carried} where the connection's own {packets} {peer_ttl}: {_distance(found)}"


def _packets_compared(found: PacketOrigin) -> str:
    if found.latest_ttl is not None:
        return "latest data packets carry"
    return "SYN-ACK carries" if found.data_ttl is None else "data packets carry"


def _distance(found: PacketOrigin) -> str:
    names = {signal.name for signal in found.signals}
    if "ttl_varies" in names:
        return "the connection's packets come by paths of differing length"
    if "ttl_matches_earlier_data" in names:
        return f"as its first data, with TTL {found.data_ttl}: the path has changed meanwhile"
    here, there = found.hops, found.peer_hops
    if here is None or there is None:
        return "another box sent it, or it took another path"
    if here == there:
        return f"as far away ({_hops(here)}), but sent with another initial TTL"
    if here == 0:
        return f"consistent with a box on our own link, not with the sender {_hops(there)} away"
    return f"consistent with a box {_hops(here)} away, not with the sender {_hops(there)} away"


def _hops(number: int) -> str:
    return "1 hop" if number == 1 else f"{number} hops"


def _sequence(found: PacketOrigin) -> Iterator[str]:
    if found.seq_offset == 0:
        yield "its SEQ is exactly the one expected: its sender saw the connection or owned it"
    elif found.seq_offset is None and not found.outgoing:
        yield "whether its SEQ is the one expected is not known"


def _signal(signal: Signal) -> str:
    return f"{_name(signal.name).replace('_', ' ')} ({_READINGS[signal.reading]})"


def _around(flow: FlowPackets, found: PacketOrigin | None) -> Iterator[str]:
    if found is None:
        yield from _not_the_cause(flow.ends)
    elif found.ignored:
        yield f"{_packets(found.ignored)} before it had a wrong SEQ: TCP does not accept such"
    for error in flow.icmp:
        yield _icmp(error)
    if flow.unlisted:
        yield f"{_packets(flow.unlisted)} more of the connection's FIN, RST and ICMP: not listed"


def _not_the_cause(ends: list[Packet]) -> Iterator[str]:
    if not ends:
        yield "no FIN or RST of this connection was seen"
    for end in ends:
        way = "from this host" if end.outgoing else f"with TTL {end.ttl}"
        yield f"a {_what(end.flags)} was seen {way}; nothing shows that it ended the session"


def _icmp(error: IcmpError) -> str:
    size = "" if error.mtu is None else f", next MTU {error.mtu}"
    return f'ICMP from {_name(error.offender)}: "{_name(error.words)}"{size}'


def _what(flags: str) -> str:
    return "reset" if "R" in flags else "FIN"


def _packets(number: int) -> str:
    return "1 packet" if number == 1 else f"{number:,} packets"


def _name(text: str) -> str:
    return escaped(text, _LONGEST)
