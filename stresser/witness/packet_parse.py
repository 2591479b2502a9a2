"""Reads the headers of one packet. Pure; whatever is cut short or odd is None, never an error.

A packet begins with its IP header, as a SOCK_DGRAM packet socket gives it (packet(7)).
"""

import ipaddress
import struct
from typing import NamedTuple

from stresser.model.packet import IcmpError, Packet

_TCP, _ICMP, _ICMPV6 = 6, 1, 58
_EXTENSIONS = frozenset({0, 43, 60})  # RFC 8200: hop-by-hop, routing, destination options
_MOST_EXTENSIONS = 3
_IPV4_BYTES, _IPV6_BYTES, _TCP_BYTES, _ICMP_BYTES = 20, 40, 20, 8
_PORTS_BYTES, _IPV4_PAIR_BYTES = 4, 8
_FRAGMENT_OFFSET, _DONT_FRAGMENT = 0x1FFF, 0x4000
_TCP_FIELDS = struct.Struct("!HHIIBBH")
_FLAGS = "FSRPAUEC"
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_HANDSHAKE_RECORD, _SERVER_HELLO = 22, 2  # RFC 8446 sections 5.1 and 4

END, SYN_ACK, SERVER_HELLO, ICMP_ERROR = "end", "syn_ack", "server_hello", "icmp_error"

_UNREACHABLE = (  # RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1
    "network unreachable",
    "host unreachable",
    "protocol unreachable",
    "port unreachable",
    "fragmentation needed",
    "source route failed",
    "network unknown",
    "host unknown",
    "source host isolated",
    "network administratively prohibited",
    "host administratively prohibited",
    "network unreachable for this type of service",
    "host unreachable for this type of service",
    "administratively prohibited",
    "host precedence violation",
    "precedence cutoff in effect",
)
_UNREACHABLE_V6 = (  # RFC 4443 section 3.1
    "no route to destination",
    "administratively prohibited",
    "beyond scope of source address",
    "address unreachable",
    "port unreachable",
    "source address failed policy",
    "reject route to destination",
)
_EXCEEDED = ("hop limit exceeded in transit", "fragment reassembly time exceeded")
_TOO_BIG_V6 = ("packet too big",)
_WORDS = {
    (_ICMP, 3): _UNREACHABLE,
    (_ICMP, 11): _EXCEEDED,
    (_ICMPV6, 1): _UNREACHABLE_V6,
    (_ICMPV6, 2): _TOO_BIG_V6,
    (_ICMPV6, 3): _EXCEEDED,
}
_FRAGMENTATION_NEEDED = 4


class Sketch(NamedTuple):
    """What must be known of a packet at once; the rest is read when somebody asks."""

    what: str
    key: bytes
    """The connection: our address, theirs, our port, theirs, as in the packets we send."""
    headers: bytes
    """The headers alone, as long as they are."""


class Stamp(NamedTuple):
    """Where and when a packet was seen."""

    t_ns: int
    unix_ns: int
    interface: str
    outgoing: bool


class TimeExceeded(NamedTuple):
    """What a router says of a segment that died there."""

    offender: str
    sequence: int
    """Of the segment."""


class _Transport(NamedTuple):
    protocol: int
    begins: int
    addresses: bytes
    """Source and destination."""


def sketch(packet: bytes, *, outgoing: bool) -> Sketch | None:
    """What a packet is to us; None: nothing that the witness keeps."""
    transport = _transport(packet)
    if transport is None:
        return None
    if transport.protocol == _TCP:
        return _segment(packet, transport, outgoing=outgoing)
    return None if outgoing else _error(packet, transport)


def headers_of(packet: bytes) -> bytes | None:
    """A segment's IP header and the first twenty bytes of TCP's; None: it is none."""
    transport = _transport(packet)
    if transport is None or transport.protocol != _TCP:
        return None
    ends = transport.begins + _TCP_BYTES
    return packet[:ends] if len(packet) >= ends else None


def flow_key(local: tuple[bytes, int], remote: tuple[bytes, int]) -> bytes:
    """The key of a connection from addresses in network order and ports."""
    return local[0] + remote[0] + struct.pack("!HH", local[1], remote[1])


def read_packet(headers: bytes, stamp: Stamp) -> Packet:
    """A segment from the headers of a `Sketch`."""
    begins = len(headers) - _TCP_BYTES
    _, _, seq, ack, offset, flags, window = _TCP_FIELDS.unpack_from(headers, begins)
    ipv4 = headers[0] >> 4 == 4  # noqa: PLR2004 - IPv4
    identity, fragment = struct.unpack_from("!HH", headers, 4)
    ends = struct.unpack_from("!H", headers, 2)[0] if ipv4 else identity + _IPV6_BYTES
    return Packet(
        t_ns=stamp.t_ns,
        unix_ns=stamp.unix_ns,
        interface=stamp.interface,
        outgoing=stamp.outgoing,
        flags="".join(letter for bit, letter in enumerate(_FLAGS) if flags >> bit & 1),
        ttl=headers[8] if ipv4 else headers[7],
        ip_id=identity if ipv4 else None,
        df=bool(fragment & _DONT_FRAGMENT) if ipv4 else None,
        window=window,
        seq=seq,
        ack=ack,
        # The kernel's own super-packets may have no length (0): nothing is known then.
        length=max(0, ends - begins - 4 * (offset >> 4)),
        raw=headers.hex(),
    )


def read_icmp(headers: bytes, stamp: Stamp) -> IcmpError:
    """An ICMP error from the headers of a `Sketch`."""
    kind, code, _, _, word = struct.unpack_from("!BBHHH", headers, len(headers) - _ICMP_BYTES)
    ipv4 = headers[0] >> 4 == 4  # noqa: PLR2004 - IPv4
    offender = headers[12:16] if ipv4 else headers[8:24]
    mtu = None
    if ipv4 and (kind, code) == (3, _FRAGMENTATION_NEEDED):
        mtu = word  # RFC 1191 section 4
    elif not ipv4 and kind == 2:  # noqa: PLR2004 - RFC 4443 section 3.2, packet too big
        (mtu,) = struct.unpack_from("!I", headers, len(headers) - 4)
    return IcmpError(
        t_ns=stamp.t_ns,
        unix_ns=stamp.unix_ns,
        interface=stamp.interface,
        offender=str(ipaddress.ip_address(offender)),
        type=kind,
        code=code,
        words=icmp_words(4 if ipv4 else 6, kind, code),
        mtu=mtu,
        raw=headers.hex(),
    )


def time_exceeded(packet: bytes) -> TimeExceeded | None:
    """Who says, in a packet that is an `ICMP_ERROR`, that a segment died in transit.

    None: it says something else, or quotes less than the eight bytes of RFC 792.
    """
    transport = _transport(packet)
    if transport is None or len(packet) < transport.begins + _ICMP_BYTES:
        return None
    is_ipv4 = len(transport.addresses) == _IPV4_PAIR_BYTES
    if packet[transport.begins] != (11 if is_ipv4 else 3) or packet[transport.begins + 1] != 0:
        return None
    quoted = packet[transport.begins + _ICMP_BYTES :]
    inner = _transport(quoted)
    if inner is None or len(quoted) < inner.begins + 2 * _PORTS_BYTES:
        return None
    (sequence,) = struct.unpack_from("!I", quoted, inner.begins + _PORTS_BYTES)
    offender = transport.addresses[: len(transport.addresses) // 2]
    return TimeExceeded(str(ipaddress.ip_address(offender)), sequence)


def icmp_words(version: int, kind: int, code: int) -> str:
    """What an error says; its numbers where it has no name."""
    names = _WORDS.get((_ICMP if version == 4 else _ICMPV6, kind), ())  # noqa: PLR2004 - IPv4
    return names[code] if code < len(names) else f"type {kind} code {code}"


def _transport(packet: bytes) -> _Transport | None:
    version = packet[0] >> 4 if packet else 0
    if version == 4:  # noqa: PLR2004 - IPv4
        return _ipv4(packet)
    return _ipv6(packet) if version == 6 else None  # noqa: PLR2004 - IPv6


def _ipv4(packet: bytes) -> _Transport | None:
    begins = 4 * (packet[0] & 15)
    if len(packet) < max(begins, _IPV4_BYTES) or begins < _IPV4_BYTES:
        return None
    if struct.unpack_from("!H", packet, 6)[0] & _FRAGMENT_OFFSET:
        return None
    return _Transport(packet[9], begins, packet[12:20])


def _ipv6(packet: bytes) -> _Transport | None:
    if len(packet) < _IPV6_BYTES:
        return None
    kind, begins = packet[6], _IPV6_BYTES
    for _ in range(_MOST_EXTENSIONS):
        if kind not in _EXTENSIONS or len(packet) < begins + 2:
            break
        kind, begins = packet[begins], begins + 8 * (packet[begins + 1] + 1)
    return _Transport(kind, begins, packet[8:40])


def _segment(packet: bytes, transport: _Transport, *, outgoing: bool) -> Sketch | None:
    begins = transport.begins
    if len(packet) < begins + _TCP_BYTES:
        return None
    what = _what(packet, begins)
    if what is None or (outgoing and what is not END):
        return None
    half = len(transport.addresses) // 2
    source, destination = transport.addresses[:half], transport.addresses[half:]
    ports = packet[begins : begins + _PORTS_BYTES]
    if not outgoing:
        source, destination, ports = destination, source, ports[2:] + ports[:2]
    return Sketch(what, source + destination + ports, packet[: begins + _TCP_BYTES])


def _what(packet: bytes, begins: int) -> str | None:
    flags = packet[begins + 13]
    if flags & (_FIN | _RST):
        return END
    if flags & (_SYN | _ACK) == _SYN | _ACK:
        return SYN_ACK
    data = begins + 4 * (packet[begins + 12] >> 4)
    if len(packet) <= data + 5:
        return None
    hello = packet[data] == _HANDSHAKE_RECORD and packet[data + 5] == _SERVER_HELLO
    return SERVER_HELLO if hello else None


def _error(packet: bytes, transport: _Transport) -> Sketch | None:
    quote = transport.begins + _ICMP_BYTES
    is_ipv4 = len(transport.addresses) == _IPV4_PAIR_BYTES
    if transport.protocol != (_ICMP if is_ipv4 else _ICMPV6) or len(packet) <= quote:
        return None
    if (transport.protocol, packet[transport.begins]) not in _WORDS:
        return None
    quoted = _transport(packet[quote:])
    if quoted is None or quoted.protocol != _TCP or (not is_ipv4 and quoted.begins != _IPV6_BYTES):
        return None
    ports = packet[quote + quoted.begins : quote + quoted.begins + _PORTS_BYTES]
    if len(ports) < _PORTS_BYTES or len(quoted.addresses) != len(transport.addresses):
        return None
    return Sketch(ICMP_ERROR, quoted.addresses + ports, packet[:quote])
