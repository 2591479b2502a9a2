"""The packets of each connection, in little room: headers as they came, read when asked for.

Pure: packets go in one by one, with their stamps. Bounded whatever arrives: a connection keeps
two packets of its beginning, eight of its end and four ICMP errors, and what belongs to no
watched connection is dropped, but for SYN-ACKs: their connection is watched a moment later.
"""

import struct

from stresser.model.packet import MOST_ENDS, MOST_ICMP, FlowPackets, IcmpError, Packet
from stresser.model.units import NS_PER_MS
from stresser.witness.hop_answers import HopAnswers
from stresser.witness.packet_parse import (
    END,
    ICMP_ERROR,
    SYN_ACK,
    Sketch,
    Stamp,
    read_icmp,
    read_packet,
    sketch,
    time_exceeded,
)

MOST_EARLY = 4096
"""So many SYN-ACKs wait for their connection to be watched; the oldest goes first."""
_MOST_INTERFACES = 1000
_SAME_PACKET_NS = 10 * NS_PER_MS
"""A bridge and the interface below it show one packet twice, as close together as this."""
_RECORD = struct.Struct("=qqHB")
_SEQUENCE = slice(-16, -12)
"""In headers that end with TCP's twenty bytes."""


class _Flow:
    __slots__ = ("ends", "icmp", "server_hello", "syn_ack", "unlisted")

    def __init__(self) -> None:
        self.syn_ack: bytes | None = None
        self.server_hello: bytes | None = None
        self.ends: tuple[bytes, ...] = ()
        self.icmp: tuple[bytes, ...] = ()
        self.unlisted = 0


class FlowTable:
    """The watched connections and what was seen of them; keys as `packet_parse.flow_key`."""

    def __init__(self) -> None:
        self._flows: dict[bytes, _Flow] = {}
        self._early: dict[bytes, _Flow] = {}
        self._walked: dict[bytes, HopAnswers] = {}
        self._interfaces: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def watch(self, key: bytes) -> None:
        """Keep what is seen of a connection, with what was seen of it since its SYN-ACK."""
        early = self._early.pop(key, None)
        if key not in self._flows:
            self._flows[key] = early or _Flow()

    def forget(self, key: bytes) -> None:
        """Drop a connection, before its socket is closed: its ports will be another's."""
        self._flows.pop(key, None)
        self._walked.pop(key, None)

    def answers(self, key: bytes) -> HopAnswers:
        """What routers answer to the walks of a connection, until it is forgotten.

        They are kept here alone: an error that a walk called for is no evidence of anything else.
        """
        return self._walked.setdefault(key, HopAnswers())

    def take(self, packet: bytes, stamp: Stamp) -> bytes | None:
        """Keep a packet that concerns a connection. Returns the key where one has an end."""
        seen = sketch(packet, outgoing=stamp.outgoing)
        if seen is None:
            return None
        flow = self._flows.get(seen.key)
        if seen.what is ICMP_ERROR and self._is_of_walk(packet, seen.key, stamp):
            return None
        if flow is None:
            flow = self._early_flow(seen)
        if flow is not None:
            self._keep(flow, seen, self._record(seen.headers, stamp))
        return seen.key if seen.what is END and flow is not None else None

    def has_end(self, key: bytes) -> bool:
        """Whether a FIN or RST was seen, in either direction."""
        flow = self._flows.get(key)
        return flow is not None and flow.ends != ()

    def packets(self, key: bytes) -> FlowPackets:
        """What was seen of a connection; nothing for one that is not watched.

        In the order in which the kernel queued it: no clock that steps can change that.
        """
        flow = self._flows.get(key) or _Flow()
        hello, answer = flow.server_hello, flow.syn_ack
        return FlowPackets(
            syn_ack=None if answer is None else self._packet(answer),
            server_hello=None if hello is None else self._packet(hello),
            ends=list(map(self._packet, flow.ends)),
            icmp=list(map(self._icmp, flow.icmp)),
            unlisted=flow.unlisted,
        )

    def _is_of_walk(self, packet: bytes, key: bytes, stamp: Stamp) -> bool:
        walked = self._walked.get(key)
        answer = None if walked is None else time_exceeded(packet)
        return walked is not None and answer is not None and walked.take(answer, stamp.t_ns)

    def _early_flow(self, seen: Sketch) -> _Flow | None:
        flow = self._early.get(seen.key)
        if seen.what is not SYN_ACK:
            return flow
        if flow is not None and flow.syn_ack is not None:
            if flow.syn_ack[_SEQUENCE] == seen.headers[_SEQUENCE]:
                return flow  # sent again
            del self._early[seen.key]  # the ports are a new connection's
        elif len(self._early) >= MOST_EARLY:
            del self._early[next(iter(self._early))]
        flow = self._early[seen.key] = _Flow()
        return flow

    def _keep(self, flow: _Flow, seen: Sketch, record: bytes) -> None:
        if seen.what is END:
            if len(flow.ends) >= MOST_ENDS:
                flow.unlisted += 1
            elif not any(_is_same(record, other) for other in flow.ends):
                flow.ends += (record,)
        elif seen.what is ICMP_ERROR:
            if len(flow.icmp) >= MOST_ICMP:
                flow.unlisted += 1
            elif not any(_is_same(record, other) for other in flow.icmp):
                flow.icmp += (record,)
        elif seen.what is SYN_ACK:
            flow.syn_ack = flow.syn_ack or record
        else:
            flow.server_hello = flow.server_hello or record

    def _record(self, headers: bytes, stamp: Stamp) -> bytes:
        names = self._interfaces
        if stamp.interface not in names and len(names) < _MOST_INTERFACES:
            names[stamp.interface] = len(names)
        number = names.get(stamp.interface, _MOST_INTERFACES)
        return _RECORD.pack(stamp.t_ns, stamp.unix_ns, number, stamp.outgoing) + headers

    def _stamp(self, record: bytes) -> Stamp:
        t_ns, unix_ns, number, outgoing = _RECORD.unpack_from(record)
        names = list(self._interfaces)
        name = names[number] if number < len(names) else "?"
        return Stamp(t_ns, unix_ns, name, bool(outgoing))

    def _packet(self, record: bytes) -> Packet:
        return read_packet(record[_RECORD.size :], self._stamp(record))

    def _icmp(self, record: bytes) -> IcmpError:
        return read_icmp(record[_RECORD.size :], self._stamp(record))


def _is_same(record: bytes, other: bytes) -> bool:
    """Whether it is one packet, seen on its way through two interfaces of this host."""
    if record[_RECORD.size :] != other[_RECORD.size :]:
        return False
    t_ns, _, interface, _ = _RECORD.unpack_from(record)
    other_ns, _, other_interface, _ = _RECORD.unpack_from(other)
    return bool(interface != other_interface and abs(t_ns - other_ns) <= _SAME_PACKET_NS)
