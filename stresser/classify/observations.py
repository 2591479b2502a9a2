"""What the witnesses knew when an attempt or a session stopped: all that may be judged by."""

from msgspec import Struct

from stresser.model.cohort import Pair
from stresser.model.ending import Phase
from stresser.model.evidence import NO_EVIDENCE, Evidence
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.hops import HopWalk
from stresser.model.packet import IcmpError, PacketOrigin
from stresser.model.unfit import Unfit
from stresser.model.units import NS_PER_MS

SLEPT_AT_LEAST_NS = 1000 * NS_PER_MS
"""A suspend shorter than this is not one: the two clocks are read one after the other."""


class Transmissions(Struct, frozen=True, kw_only=True):
    """What TCP_INFO says of our own segments at the end. Times: run clock, ns."""

    unacked: int
    """Segments that were sent and not acknowledged."""
    unsent_bytes: int = 0
    """Bytes that wait in the send queue and have never left."""
    retransmits: int
    """Retransmissions of the oldest of them, so far."""
    total_retrans: int
    """Retransmissions in the whole life of the connection."""
    probes: int
    """Probes without answer: of keepalive, or of segments that could not even leave this host."""
    last_sent_ns: int
    """When a segment with data last left, first time or again: the earliest it may have been."""
    segments: int | None = None
    """Segments that were sent in the whole life of the connection."""
    ping_acked: bool | None = None
    """The last ping is acknowledged, byte for byte; None: the kernel does not count bytes."""
    unacked_bytes: int | None = None
    """How much of what was sent is not acknowledged."""

    @property
    def never_left(self) -> bool:
        """Probes, and no retransmission ever: sending fails here (net/ipv4/tcp_output.c)."""
        waits = self.unacked > 0 or self.unsent_bytes > 0
        return self.probes > 0 and waits and not self.total_retrans

    @property
    def is_waiting(self) -> bool:
        """The last ping is not acknowledged, or has not even left."""
        if self.unsent_bytes:
            return True
        # Something else may be unacknowledged: a pong that we have just sent.
        return self.unacked > 0 if self.ping_acked is None else not self.ping_acked


class Observations(Struct, frozen=True, kw_only=True):
    """What the witnesses knew. Times: run clock, ns."""

    phase: Phase
    began_ns: int
    """Start of the attempt, or opening of the session."""
    detected_ns: int
    alive_ns: int
    """Last proof of life from the other side (or `began_ns`)."""
    dead_by_ns: int | None = None
    """First proof of the end, where it is not the detection itself."""
    last_passed_ns: int | None = None
    """When the last byte passed in either direction, before the end."""
    in_clear: bool = False
    """There is no TLS: what came, anybody on the path may have sent, or passed on."""
    tls_end_verified: bool = False
    """The TLS end proved to be the endpoint: its chain verifies."""
    intercepted: bool = False
    """The TLS end proved to be an interceptor: its chain is another's."""
    undeclared_root: bool = False
    """Its chain leads to a private root that is not declared."""
    source_chosen: bool = False
    sent: Transmissions | None = None
    """None: the kernel did not tell."""
    slept_ns: int = 0
    """How long the host was suspended since the last proof of life."""
    provenance: PacketOrigin | None = None
    """Where the RST or FIN came from; None: no packet of it was seen."""
    icmp: tuple[IcmpError, ...] = ()
    """Errors that quoted this flow."""
    server: str | None = None
    """The server's address without its port."""
    looks: tuple[FreshConnection, ...] = ()
    """Fresh connections since the session began to fail."""
    own_pair: Pair | None = None
    """(endpoint, egress) of this session, to know its own among the looks."""
    by_proxy: bool = False
    """The TCP connection goes to a proxy that the scenario names."""
    behind_gateway: bool = False
    """This host sends to the server's address by a gateway: it is not on a link of ours."""
    hops: HopWalk | None = None
    """Where this flow, or a ClientHello, gets to."""
    chain: str | None = None
    """Names the certificate chain that this session was opened with."""
    sibling_lives: bool = False
    """A session to the same server, older than this one's last proof of life, lived on after its
    end."""
    control_lives: bool = False
    """Such a session through another egress did."""
    as_old_is_open: bool = False
    """A session of the same activity through another egress, no younger, stayed open."""
    egress_lives: bool = False
    """Another session through this egress was answered after this one had been asked in vain."""
    egress_is_lossy: bool = False
    """Through this egress many pongs came so late that something had been sent again."""
    egress_heard: bool = False
    """From this session's last proof of life to its end somebody was always heard through this
    egress: no outage can have swallowed an endpoint's word."""
    own_route_changes: tuple[str, ...] = ()
    """What changed on this host's own route for this session, in words, since shortly before
    the last proof of life."""
    unfit: tuple[Unfit, ...] = ()
    """The windows in which host or tool were unfit, at the time of the end."""
    evidence: Evidence = NO_EVIDENCE

    def results(self, *, own_endpoint: bool, own_egress: bool) -> frozenset[FreshResult]:
        """What the latest look of each pair met, of those that `looks_by` gives."""
        latest: dict[Pair, FreshConnection] = {}
        for look in self.looks_by(own_endpoint=own_endpoint, own_egress=own_egress):
            pair = Pair(look.endpoint, look.egress)
            if pair not in latest or latest[pair].answered_ns <= look.answered_ns:
                latest[pair] = look
        return frozenset(look.result for look in latest.values())

    def looks_by(self, *, own_endpoint: bool, own_egress: bool) -> tuple[FreshConnection, ...]:
        """All looks at this endpoint or others, through this egress or others."""
        if self.own_pair is None:
            return ()
        endpoint, egress = self.own_pair
        return tuple(
            look
            for look in self.looks
            if (look.endpoint == endpoint) == own_endpoint and (look.egress == egress) == own_egress
        )
