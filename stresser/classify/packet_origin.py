"""Where the FIN or RST that ended a session came from, as far as its packet shows it. Pure.

It is compared with packets of the same connection: its SYN-ACK, its first data, and the last
data before it, where that was kept (a reroute changes the TTL of all that comes later). Each
thing that can be compared is a named signal with a reading. Nothing here decides who ended the
session: a TLS-intercepting proxy owns the connection, so its reset matches like the endpoint's.
"""

from collections.abc import Iterator
from itertools import pairwise

from stresser.model.packet import (
    MOST_SIGNALS,
    FlowPackets,
    Packet,
    PacketOrigin,
    Reading,
    Shape,
    Signal,
)
from stresser.model.units import NS_PER_MS

_ENDS = frozenset("SRF")
_INITIAL_TTLS = (64, 128, 255)
_COUNTS_ON = 1000
"""A counter of IP IDs has gone no farther (a random one is here in 1.5 % of all cases)."""
_CLOCK_SLACK_NS = NS_PER_MS
"""The run's clock and the kernel's stamps are read one after the other."""
_RTT_WORTH_COMPARING_NS = NS_PER_MS
_REORDERED_NS = NS_PER_MS
"""What comes sooner than this after a reset may have been sent before it."""
_HALF_OF_ALL = 1 << 31
_ALL = 1 << 32


def next_seq(flow: FlowPackets, bytes_received: int | None) -> int | None:
    """The SEQ that TCP expects next (`TcpInfo.bytes_received`); None: not known."""
    if flow.syn_ack is None or bytes_received is None:
        return None
    return (flow.syn_ack.seq + 1 + bytes_received) % _ALL


def provenance(
    flow: FlowPackets,
    *,
    expected_seq: int | None,
    sent_ns: int | None = None,
    rtt_ns: int | None = None,
    idle_before_send_ns: int | None = None,
) -> PacketOrigin | None:
    """What the packets say of the FIN or RST that ended a session; None: none did.

    `expected_seq` is `next_seq` as of the ending; None: any SEQ is taken for right.
    `sent_ns` is when we last sent, `idle_before_send_ns` how long nothing had passed then.
    """
    place = _cause(flow.ends, expected_seq)
    if place is None:
        return None
    end = flow.ends[place]
    late = _late_data(flow, end)
    latest = late[-1] if late else None
    data = latest or flow.server_hello
    peer = data or flow.syn_ack
    after_send = _after_send(end, sent_ns)
    signals = [
        *_sender(end, flow),
        *([] if end.outgoing or peer is None else [_distance(end, flow, peer, late)]),
        *([] if end.outgoing else _stack(end, data)),
        *_sequence(end, expected_seq),
        *_timing(end, after_send, rtt_ns, idle_before_send_ns),
        *_company(flow, place, max(_REORDERED_NS, (rtt_ns or 0) // 2)),
    ]
    return PacketOrigin(
        t_ns=end.t_ns,
        interface=end.interface,
        outgoing=end.outgoing,
        flags=end.flags,
        shape=_shape(end),
        ttl=end.ttl,
        syn_ack_ttl=None if flow.syn_ack is None else flow.syn_ack.ttl,
        data_ttl=None if flow.server_hello is None else flow.server_hello.ttl,
        latest_ttl=None if latest is None else latest.ttl,
        hops=None if end.outgoing else hops(end.ttl),
        peer_hops=None if peer is None else hops(peer.ttl),
        ip_id=end.ip_id,
        data_ip_id=None if data is None else data.ip_id,
        df=end.df,
        data_df=None if data is None else data.df,
        window=end.window,
        seq_offset=_seq_offset(end, expected_seq),
        after_send_ns=after_send,
        resets=sum(_is_reset(one) and not one.outgoing for one in flow.ends),
        ignored=sum(not one.outgoing for one in flow.ends[:place]),
        signals=signals[:MOST_SIGNALS],
    )


def hops(ttl: int) -> int:
    """Routers passed since a packet left with the next of the usual initial TTLs."""
    return next(initial - ttl for initial in _INITIAL_TTLS if initial >= ttl)


def _late_data(flow: FlowPackets, end: Packet) -> list[Packet]:
    """The last data of the other end before `end`; a bare ACK may be another box's."""
    # The ports may have been an older connection's.
    since = end.t_ns if flow.syn_ack is None else flow.syn_ack.t_ns
    data = (one for one in flow.last if one.length and not one.outgoing)
    return [one for one in data if since < one.t_ns < end.t_ns and not _ENDS & set(one.flags)]


def _cause(ends: list[Packet], expected: int | None) -> int | None:
    for place, end in enumerate(ends):
        if _is_ours(end) if end.outgoing else expected is None or _is_accepted(end, expected):
            return place
    return None


def _is_ours(end: Packet) -> bool:
    """Whether it ended our socket: a RST without ACK answers for a socket that is gone."""
    return "A" in end.flags


def _is_accepted(end: Packet, expected: int) -> bool:
    """Whether TCP takes it (RFC 5961 section 3.2: a RST at exactly the SEQ expected next)."""
    offset = _difference(end.seq, expected)
    if _is_reset(end):
        return offset == 0
    # What was expected when the session ended may count this FIN and its data already.
    return -end.length - 1 <= offset <= 0


def _is_reset(end: Packet) -> bool:
    return "R" in end.flags


def _difference(one: int, other: int) -> int:
    """Of two sequence numbers (RFC 9293 section 3.4): they wrap."""
    return (one - other + _HALF_OF_ALL) % _ALL - _HALF_OF_ALL


def _seq_offset(end: Packet, expected: int | None) -> int | None:
    if expected is None or end.outgoing:
        return None
    if _is_reset(end):
        return _difference(end.seq, expected)
    return _difference(end.seq + end.length + 1, expected)


def _after_send(end: Packet, sent_ns: int | None) -> int | None:
    if sent_ns is None or end.t_ns < sent_ns - _CLOCK_SLACK_NS:
        return None
    return max(0, end.t_ns - sent_ns)


def _shape(end: Packet) -> Shape:
    if not _is_reset(end):
        return Shape.FIN
    if "A" not in end.flags:
        return Shape.NO_SOCKET if end.window == 0 else Shape.OTHER
    return Shape.SOCKET if end.window else Shape.OTHER


def _sender(end: Packet, flow: FlowPackets) -> Iterator[Signal]:
    """Who can have sent it at all."""
    answer, data = flow.syn_ack, flow.server_hello
    if end.outgoing:
        yield Signal("sent_by_this_host", Reading.THIS_HOST)
        return
    came_by = {one.interface for one in (answer, data) if one is not None}
    if came_by and end.interface not in came_by:
        loops = end.interface == "lo"
        name, reading = (
            ("came_over_loopback", Reading.THIS_HOST)
            if loops
            else ("came_by_another_interface", Reading.NEUTRAL)
        )
        yield Signal(name, reading)
    if answer is not None and data is not None and answer.ttl != data.ttl:
        yield Signal("handshake_ttl_differs_from_data", Reading.NEUTRAL)


def _distance(end: Packet, flow: FlowPackets, peer: Packet, late: list[Packet]) -> Signal:
    """How far away its sender is, beside the flow's own, the latest data above all."""
    answer, hello = flow.syn_ack, flow.server_hello
    ttls = [one.ttl for one in (hello, *late) if one is not None]
    if end.ttl == peer.ttl:
        return Signal("ttl_matches", Reading.OWN_PEER)
    if sum(one != other for one, other in pairwise(ttls)) >= len(set(ttls)) > 1:
        return Signal("ttl_varies", Reading.NEUTRAL)  # to and fro: another path each time
    if late and end.ttl in ttls:
        return Signal("ttl_matches_earlier_data", Reading.NEUTRAL)
    if answer is not None and end.ttl == answer.ttl:
        # Who answered our SYN is not who sends the data: a SYN proxy or a load balancer.
        return Signal("ttl_matches_handshake_alone", Reading.ANOTHER_BOX)
    if hops(end.ttl) == hops(peer.ttl):
        # As far away, but another initial TTL: another stack, or one that resets with 255.
        return Signal("ttl_of_another_stack", Reading.NEUTRAL)
    return Signal("ttl_differs", Reading.ANOTHER_BOX)


def _stack(end: Packet, data: Packet | None) -> Iterator[Signal]:
    """How its sender's TCP/IP makes packets."""
    shape = _shape(end)
    if shape is Shape.SOCKET:
        # Its ACK and window are a connection's own.
        yield Signal("socket_reset", Reading.OWN_PEER)
    elif shape is not Shape.FIN:
        yield Signal(shape.value, Reading.NEUTRAL)
    if data is None or end.ip_id is None or data.ip_id is None:
        return
    if end.df != data.df:
        yield Signal("df_differs", Reading.ANOTHER_BOX)
    if data.ip_id == 0 and end.ip_id != 0:
        yield Signal("ip_id_where_data_has_none", Reading.ANOTHER_BOX)
    elif end.ip_id == 0 and data.ip_id != 0:
        # Linux, too, sends 0 where it has no socket that counts.
        shown = Reading.NEUTRAL if shape is Shape.NO_SOCKET else Reading.ANOTHER_BOX
        yield Signal("ip_id_zero", shown)
    elif end.ip_id and 0 < (end.ip_id - data.ip_id) % (1 << 16) <= _COUNTS_ON:
        yield Signal("ip_id_counts_on", Reading.OWN_PEER)


def _sequence(end: Packet, expected: int | None) -> Iterator[Signal]:
    if _seq_offset(end, expected) == 0:
        # Who sees the connection knows it as well as who owns it.
        yield Signal("seq_as_expected", Reading.NEUTRAL)


def _timing(
    end: Packet, after_send: int | None, rtt_ns: int | None, idle_ns: int | None
) -> Iterator[Signal]:
    """An answer to what we sent cannot come from the far end sooner than a round trip."""
    if after_send is None or rtt_ns is None or idle_ns is None or end.outgoing:
        return
    was_silent = idle_ns > rtt_ns >= _RTT_WORTH_COMPARING_NS
    if _shape(end) is Shape.NO_SOCKET and was_silent and after_send < rtt_ns // 2:
        yield Signal("answers_sooner_than_a_round_trip", Reading.ANOTHER_BOX)


def _company(flow: FlowPackets, place: int, later_by_ns: int) -> Iterator[Signal]:
    """What came before and after it (Weaver, Sommer, Paxson: Detecting Forged TCP Resets).

    An endpoint that aborts after losses sends more than one reset: its own, ahead of what is
    missing here, and one for each segment of ours that still comes (RFC 5961 section 3.2).
    """
    end, later = flow.ends[place], flow.ends[place + 1 :]
    if not _is_reset(end) or end.outgoing:
        return
    resets = [one for one in flow.ends if _is_reset(one) and not one.outgoing]
    if _are_guesses(resets, end):
        yield Signal("resets_with_rising_seq", Reading.ANOTHER_BOX)
    if any(hops(one.ttl) != hops(end.ttl) for one in resets):
        yield Signal("resets_with_differing_ttl", Reading.ANOTHER_BOX)
    after = [one for one in later if one.t_ns - end.t_ns >= later_by_ns]
    if any(not _is_reset(one) and not one.outgoing for one in after):
        yield Signal("fin_after_reset", Reading.ANOTHER_BOX)
    if any(one.outgoing and one.flags == "R" for one in after):
        # Our kernel, having no socket any more, refused a segment that came after the reset.
        yield Signal("data_after_reset", Reading.ANOTHER_BOX)
    if flow.server_hello is not None and _goes_on(flow.server_hello, end, later_by_ns):
        yield Signal("answer_after_reset", Reading.ANOTHER_BOX)


def _goes_on(hello: Packet, end: Packet, later_by_ns: int) -> bool:
    """Whether the server answered our hello after that reset.

    Who aborts a connection does so at the end of what was sent on it: where data begins at the
    reset's SEQ, the reset was made before the data, however they were reordered.
    """
    is_behind = "A" in end.flags and _difference(hello.seq, end.seq) >= 0
    later = hello.t_ns - end.t_ns
    return later >= later_by_ns or (later > 0 and is_behind)


def _are_guesses(resets: list[Packet], end: Packet) -> bool:
    """Whether they stand where no endpoint's can.

    A connection is aborted once, at the end of what was sent on it; a host without the connection
    answers a segment at that segment's ACK (RFC 9293 section 3.10.7.1): never ahead of what this
    host has taken in.
    """
    ahead = {one.seq for one in resets if _difference(one.seq, end.seq) > 0}
    if not ahead:
        return False
    is_bare = any(one.seq in ahead and "A" not in one.flags for one in resets)
    return is_bare or len(ahead) > 1 or _shape(end) is Shape.SOCKET
