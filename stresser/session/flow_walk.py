"""Walks one flow: segments of its own that die at hop 1, 2, 3, and who says so.

The flow's sequence numbers come from its SYN-ACK, which the packet witness keeps, and from what
the kernel has counted since. How far there is to go: as far as the other end's packets have come,
so that no segment of a walk reaches it (where the way there is shorter than the way back, one
may: it is answered like a keepalive).
"""

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from stresser.classify.packet_origin import hops
from stresser.model.clocks import Clock
from stresser.model.evidence import TcpInfo
from stresser.model.hops import MOST_HOPS, Hop
from stresser.model.packet import FlowPackets
from stresser.net.dial import Binding
from stresser.witness.hop_segment import FlowEdges, edges
from stresser.witness.hop_socket import send_segments
from stresser.witness.packet_filter import remote_end
from stresser.witness.packets import PacketWitness
from stresser.witness.tcp_info import sample_tcp_info


class FlowWalk:
    """One flow that may be walked. Ends as in events: `192.0.2.1:443`."""

    def __init__(
        self,
        packets: PacketWitness,
        clock: Clock,
        local: str,
        dialled: str,
        binding: Binding,
        *,
        is_young: bool = False,
    ) -> None:
        """With `is_young`, nothing has been sent on it yet."""
        self._packets = packets
        self._clock = clock
        self._ends = local, dialled
        self._device = binding.device
        self._is_young = is_young
        seen = packets.seen(local, dialled)
        self._syn_ack = seen.syn_ack
        self.reach = 0 if seen.syn_ack is None else min(reach_of(seen), MOST_HOPS)
        """Routers between both ends; 0: there is nothing to walk, or its SYN-ACK was not seen."""

    has_failed = False
    """A walk could not be sent: then no answer means nothing."""

    def edges(self, info: TcpInfo | None) -> FlowEdges | None:
        """Where the flow stands; None: the kernel does not tell."""
        if info is None or self._syn_ack is None:
            return None
        local, dialled = self._ends
        return edges(
            (remote_end(local), remote_end(dialled)),
            (self._syn_ack.seq, self._syn_ack.ack),
            info.bytes_acked,
            info.bytes_received,
            self._flow_label() if ":" in local.rpartition(":")[0] else 0,
            is_young=self._is_young,
        )

    def begin(self, info: TcpInfo | None, numbers: Sequence[int], attempt: int) -> bool:
        """Send the segments for these hops, at once. False: it cannot be done."""
        flow = self.edges(info)
        self.has_failed = self.has_failed or flow is None
        if flow is None or not numbers:
            return False
        answers = self._packets.answers(*self._ends)
        answers.expect(flow, list(numbers), attempt, self._clock.now_ns())
        try:
            send_segments(flow, numbers, attempt, self._device)
        except OSError:  # the way that the flow had is gone from this host
            self.has_failed = True
            return False
        return True

    def expect_data(self, info: TcpInfo | None, number: int) -> bool:
        """Data that leaves next is to die at this hop: `heard` then tells whether it has."""
        flow = self.edges(info)
        if flow is not None:
            now = self._clock.now_ns()
            self._packets.answers(*self._ends).expect_data(flow, number, now)
        return flow is not None

    async def heard(self, within_s: float) -> dict[int, Hop]:
        """Which routers have answered since `begin`.

        Who answers from the address that was dialled is the other end's own machine, which hands
        on to what it runs: no router is farther than that.
        """
        found = await self._packets.answers(*self._ends).heard(within_s)
        other_end = str(ip_address(remote_end(self._ends[1])[0]))
        own = (number for number, hop in found.items() if hop.address == other_end)
        self.reach = min([self.reach, *(number - 1 for number in own)])
        return {number: hop for number, hop in found.items() if number <= self.reach}

    async def walk(
        self, info: TcpInfo | None, numbers: Sequence[int], attempt: int, within_s: float
    ) -> dict[int, Hop]:
        """Both, one after the other; nothing where it cannot be done."""
        if not self.begin(info, numbers, attempt):
            return {}
        return await self.heard(within_s)

    def _flow_label(self) -> int:
        sent = (one for one in self._packets.last(*self._ends) if one.outgoing and one.raw)
        newest = max(sent, key=lambda one: one.t_ns, default=None)
        return 0 if newest is None or newest.raw is None else int(newest.raw[:8], 16) & 0xFFFFF


def reach_of(seen: FlowPackets) -> int:
    """Routers that the other end's packets have passed.

    Of a box that accepts, and of what answers behind it, the farther one.
    """
    met = (seen.syn_ack, seen.server_hello)
    return max((hops(one.ttl) for one in met if one is not None), default=0)


def info_of(sock: socket.socket) -> TcpInfo | None:
    """What the kernel counts of a connection now."""
    return sample_tcp_info(sock)
