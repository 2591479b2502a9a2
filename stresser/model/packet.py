"""What a packet witness saw of one TCP connection, as values: headers only, no payload.

The ranges are those of the header fields (RFC 791, RFC 8200, RFC 9293, RFC 792, RFC 4443):
msgspec holds a recorded packet to them when it is read back.
"""

from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Struct

MOST_ENDS = 8
"""So many FIN and RST of one connection are kept; the rest is counted."""
MOST_ICMP = 4
_LONGEST_NAME = 64

Byte = Annotated[int, Meta(ge=0, le=2**8 - 1)]
Word = Annotated[int, Meta(ge=0, le=2**16 - 1)]
Sequence = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Moment = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Name = Annotated[str, Meta(max_length=_LONGEST_NAME)]


class Packet(Struct, frozen=True, kw_only=True):
    """One TCP segment: what its IP and TCP headers say."""

    t_ns: Moment
    """When the kernel stamped it, on the run's clock."""
    unix_ns: Moment
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


class IcmpError(Struct, frozen=True, kw_only=True):
    """An ICMP error that quotes a segment of the connection. Anybody can forge one."""

    t_ns: Moment
    unix_ns: Moment
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


def packets_evidence(flow: FlowPackets) -> dict[str, Any]:
    """The packets as plain data, for `evidence["packets"]` of an ending."""
    plain: dict[str, Any] = msgspec.to_builtins(flow)
    return plain


class Packets(Protocol):
    """Who sees packets (implemented in `witness.packets`). Ends are `address:port`."""

    def expect(self, remote: str) -> None:
        """It will be dialled."""

    def watch(self, local: str, remote: str) -> None:
        """A connection has been made."""

    def forget(self, local: str, remote: str) -> None:
        """Its ending is recorded."""

    def seen(self, local: str, remote: str) -> FlowPackets:
        """What was seen of it so far."""

    async def settle(self, local: str, remote: str, within_s: float) -> None:
        """Wait until a FIN or RST of it has been read, no longer than so many seconds."""
