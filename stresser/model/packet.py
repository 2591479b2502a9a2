"""What a packet witness saw of one TCP connection, as values: headers only, no payload.

The ranges are those of the header fields (RFC 791, RFC 8200, RFC 9293, RFC 792, RFC 4443):
msgspec holds a recorded packet to them when it is read back.
"""

from enum import StrEnum
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from stresser.model.bounds import Byte, Count, Name, Sequence, Whole, Word

MOST_ENDS = 8
"""So many FIN and RST of one connection are kept; the rest is counted."""
MOST_ICMP = 4
MOST_LAST = 6
MOST_SIGNALS = 16
Headers = Annotated[str, Meta(max_length=384, pattern="^([0-9a-f]{2})*$")]


class Packet(Struct, frozen=True, kw_only=True):
    """One TCP segment: what its IP and TCP headers say."""

    t_ns: Whole
    """When the kernel stamped it, on the run's clock."""
    unix_ns: Whole
    """The kernel's own stamp (CLOCK_REALTIME)."""
    interface: Name
    outgoing: bool
    """Our end sent it. False: it came from the other end's address, whoever sent it."""
    flags: Name
    """TCP flags in the order of their bits: `SA`, `R`, `RA`, `FA`."""
    ttl: Byte
    """TTL, or IPv6's hop limit, as it arrived."""
    ip_id: Word | None
    """None: IPv6 has none."""
    df: bool | None
    """Don't Fragment; None: IPv6 has no such bit."""
    window: Word
    """As it stands in the header, not scaled."""
    seq: Sequence
    ack: Sequence
    """As it stands in the header; it means something only with flag A."""
    length: Count
    """Bytes of payload."""
    raw: Headers | None = None
    """The IP header and the first twenty bytes of TCP's as they came, in hexadecimal."""


class IcmpError(Struct, frozen=True, kw_only=True):
    """An ICMP error that quotes a segment of the connection. Anybody can forge one."""

    t_ns: Whole
    unix_ns: Whole
    interface: Name
    offender: Name
    """The address that sent it."""
    type: Byte
    """ICMP's number for an IPv4 offender, ICMPv6's for an IPv6 one."""
    code: Byte
    words: Name
    """What type and code mean."""
    mtu: Count | None
    """Next-hop MTU, where the error is about size."""
    raw: Headers | None = None
    """The IP header and the first eight bytes of ICMP's as they came, in hexadecimal."""


class FlowPackets(Struct, frozen=True, kw_only=True):
    """What was seen of one connection. Bounded, whatever its peer sends."""

    syn_ack: Packet | None = None
    server_hello: Packet | None = None
    """The segment that begins with a TLS ServerHello: the first data of the other end."""
    ends: Annotated[list[Packet], Meta(max_length=MOST_ENDS)] = []
    """FIN and RST of both directions, the first eight, in the order in which they were seen."""
    icmp: Annotated[list[IcmpError], Meta(max_length=MOST_ICMP)] = []
    """The first four."""
    unlisted: Count = 0
    """FIN, RST and ICMP errors beyond those kept."""
    last: Annotated[list[Packet], Meta(max_length=MOST_LAST)] = []
    """The last segments of either direction, the oldest first, where they were looked for."""


class Reading(StrEnum):
    """What a signal speaks for."""

    ANOTHER_BOX = "another_box"
    """A sender other than the one that held the connection with us."""
    OWN_PEER = "own_peer"
    """Who answers our SYN and sends its data: the endpoint, or a proxy that owns the flow."""
    THIS_HOST = "this_host"
    NEUTRAL = "neutral"


class Shape(StrEnum):
    """How the packet is made (RFC 9293 section 3.10.7; Linux, net/ipv4/tcp_ipv4.c)."""

    NO_SOCKET = "no_socket_reset"
    """RST, no ACK, window 0: a host that knows no such connection answers a segment; firewalls'
    reject rules send the same."""
    SOCKET = "socket_reset"
    """RST and ACK with a window: who owns the connection aborts it."""
    OTHER = "other_reset"
    FIN = "fin"


class Signal(Struct, frozen=True):
    """One thing that was compared."""

    name: Name
    reading: Reading


class PacketOrigin(Struct, frozen=True, kw_only=True):
    """The packet that ended the session, beside the connection's own. None: not known."""

    t_ns: Whole
    interface: Name
    outgoing: bool
    """This host sent it itself."""
    flags: Name
    shape: Shape
    ttl: Byte
    syn_ack_ttl: Byte | None
    data_ttl: Byte | None
    """Of the segment with the ServerHello."""
    latest_ttl: Byte | None = None
    """Of the last data that came before it, where that was kept: a path changes in a long life."""
    hops: Byte | None
    """Routers that it passed, if it was sent with the next of the usual TTLs 64, 128, 255."""
    peer_hops: Byte | None
    """The same of `peer_ttl`."""
    ip_id: Word | None
    data_ip_id: Word | None
    """As `data_df` of the latest data, of the segment with the ServerHello where none was kept."""
    df: bool | None
    data_df: bool | None
    window: Word
    seq_offset: Whole | None
    """SEQ against what TCP expected next; for a FIN, against what it had taken in with it."""
    after_send_ns: Count | None
    """From our last send to this packet; None: we sent nothing before it."""
    resets: Count
    """RST from the other end's address that are listed, this one included."""
    ignored: Count
    """FIN and RST before it that TCP does not accept: their SEQ is wrong."""
    signals: Annotated[list[Signal], Meta(max_length=MOST_SIGNALS)]

    @property
    def peer_ttl(self) -> int | None:
        """Of the flow's latest data, of its first where none was kept, else of its SYN-ACK."""
        known = (self.latest_ttl, self.data_ttl, self.syn_ack_ttl)
        return next((ttl for ttl in known if ttl is not None), None)


class Packets(Protocol):
    """Who sees packets (implemented in `witness.packets`). Ends are `address:port`."""

    def expect(self, remote: str) -> None:
        """It will be dialled."""

    def watch(self, local: str, remote: str) -> None:
        """A connection has been made."""

    def last(self, local: str, remote: str) -> list[Packet]:
        """The last segments of a connection, the oldest first, where they are kept."""

    def forget(self, local: str, remote: str) -> None:
        """Its ending is recorded."""

    def seen(self, local: str, remote: str) -> FlowPackets:
        """What was seen of it so far."""

    async def settle(self, local: str, remote: str, within_s: float) -> None:
        """Wait until a FIN or RST of it has been read, no longer than so many seconds."""
