"""What the witnesses knew when an attempt or a session stopped: the evidence of its ending.

One shape for all: `session` fills it, `classify` adds its rules, `record` writes and reads it,
`stresser schema events` describes it, `bundle` redacts it by its types, `analysis` puts it into
words. A part that a witness could not give is None or empty.
"""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from stresser.model.bounds import Whole
from stresser.model.far_end import FarEnd
from stresser.model.fresh_connection import FreshConnection
from stresser.model.hops import HopWalk
from stresser.model.location import head_with_place, place_of
from stresser.model.packet import FlowPackets, PacketOrigin
from stresser.model.path_change import PathChange
from stresser.model.proxy_login import ProxyLogin

MOST_RULES = 64
MOST_FRESH = 8
MOST_PATH_CHANGES = 8
MOST_ROUTE_CHANGES = 8

RuleNames = Annotated[list[str], Meta(max_length=MOST_RULES)]


class TcpInfo(Struct, frozen=True, kw_only=True):
    """The fields that tell how a connection died. `*_ms` have the kernel's 4 ms resolution."""

    state: str
    retransmits: Whole
    """Retransmissions of the oldest unacknowledged segment, so far."""
    probes: Whole
    backoff: Whole
    unacked: Whole
    """Segments sent and not acknowledged."""
    notsent_bytes: Whole | None
    """Bytes in the send queue that have never left (Linux 4.6); None: the kernel is older."""
    total_retrans: Whole
    last_data_sent_ms: Whole | None
    last_data_recv_ms: Whole | None
    last_ack_recv_ms: Whole | None
    """None: Windows keeps no such times."""
    rtt_us: Whole
    rttvar_us: Whole
    pmtu: Whole
    segments_sent: Whole | None = None
    """All segments, sent again or not (Linux 4.2)."""
    bytes_acked: Whole | None = None
    """What the other end has acknowledged, the SYN included (Linux 4.1)."""
    bytes_received: Whole | None
    """What TCP has taken in order, a FIN included (Linux 4.1); None: the kernel is older.

    The next sequence number expected is the SYN-ACK's, plus one, plus this."""
    data_segments_sent: Whole | None = None
    """Segments with data, each sending of one (Linux 4.6)."""
    data_segments_received: Whole | None = None
    """Segments with data, in order or not (Linux 4.6)."""
    out_of_order: Whole | None = None
    """Segments that came while one before them was missing (Linux 5.4)."""


class SiblingAlive(Struct, frozen=True, kw_only=True):
    """A session to the same server that outlived another one's end."""

    session: Whole
    egress: str
    answered_ns: Whole
    """When it sent the ping that was answered since."""


class SeenPathChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of this host's path between the last proof of life and the end."""

    t_ns: Whole
    change: PathChange
    interface: str | None = None
    is_tunnel: bool = False
    detail: str = ""


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What supports an ending. Times: run clock, ns."""

    why: RuleNames = []
    """Names of the rules that decided who ended it, the deciding one first."""
    against: RuleNames = []
    """Names of the rules that hold too and name somebody else."""
    operation: str | None = None
    """What the socket was doing when it failed: `send` or `receive`."""
    tcp_info: TcpInfo | None = None
    idle_before_send_ns: Whole | None = None
    """How long nothing had passed in either direction when we last sent."""
    since_sent_ns: Whole | None = None
    """From our last send to the ending."""
    ping_sent_ns: Whole | None = None
    """When the ping was sent that no pong answered."""
    close: str | None = None
    """What became of the WebSocket close that the plan sent: `answered`, or why not."""
    headers: dict[str, str] = {}
    """Of a refusal: the header fields that show who answered."""
    first_bytes: str | None = None
    """What broke the protocol, from its beginning: 64 bytes at most, escaped."""
    last_text: str | None = None
    """The last text message that came, from its beginning: 256 characters at most, escaped."""
    login: ProxyLogin | None = None
    """What became of the login that a proxy asked for."""
    proxy_step: str | None = None
    """Which step through the proxy it was."""
    name: str | None = None
    """The name that did not resolve."""
    sibling: SiblingAlive | None = None
    """A session to the same server that lived on."""
    control: SiblingAlive | None = None
    """A session to the same endpoint through another egress that lived on."""
    route_changes: Annotated[list[str], Meta(max_length=MOST_ROUTE_CHANGES)] = []
    """How this host's own route for this connection changed, in words."""
    fresh_connections: Annotated[list[FreshConnection], Meta(max_length=MOST_FRESH)] = []
    """Those made since it began to fail, the latest ones."""
    packets: FlowPackets | None = None
    origin: PacketOrigin | None = None
    """The packet that ended it, beside the flow's own."""
    path_changes: Annotated[list[SeenPathChange], Meta(max_length=MOST_PATH_CHANGES)] = []
    hops: HopWalk | None = None
    """Where this flow, or a ClientHello, gets to, and where a new connection does."""
    far_end: FarEnd | None = None
    """What a reflector recorded of this session."""

    def __post_init__(self) -> None:
        if "location" in self.headers:
            place = place_of(self.headers["location"])
            force_setattr(self, "headers", self.headers | {"location": place})
        if self.first_bytes is not None:
            force_setattr(self, "first_bytes", head_with_place(self.first_bytes))


NO_EVIDENCE = Evidence()
