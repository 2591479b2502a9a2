"""IP packets made field by field from the RFCs, apart from the parser under test."""

import ipaddress
import struct

LOCAL, REMOTE = ("198.51.100.2", 40_000), ("203.0.113.2", 443)
LOCAL6, REMOTE6 = ("2001:db8::2", 40_000), ("2001:db8:1::2", 443)
ROUTER, ROUTER6 = "198.51.100.1", "2001:db8::1"
BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
SERVER_HELLO = bytes.fromhex("160303004a020000460303") + bytes(68)
CLIENT_HELLO = bytes.fromhex("160301004a010000460303") + bytes(68)


def packed(address):
    return ipaddress.ip_address(address).packed


def ip(source, destination, protocol, payload, *, ttl=54, ip_id=7, df=True, fragment=0,
       options=b"", extensions=b"", first_extension=0):  # fmt: skip
    """RFC 791, or RFC 8200 where the addresses are IPv6."""
    ends = packed(source) + packed(destination)
    if len(ends) == 8:
        words = 5 + len(options) // 4
        length = 4 * words + len(payload)
        frag = (0x4000 if df else 0) | fragment
        head = struct.pack("!BBHHHBBH", 0x40 | words, 0, length, ip_id, frag, ttl, protocol, 0)
        return head + ends + options + payload
    kind = first_extension if extensions else protocol
    head = struct.pack("!IHBB", 6 << 28, len(extensions) + len(payload), kind, ttl)
    return head + ends + extensions + payload


def extension(next_header, *, units=0):
    """RFC 8200 section 4.3: 8 bytes and as many times 8 more."""
    return bytes([next_header, units]) + bytes(6 + 8 * units)


def tcp(source_port, destination_port, flags, *, seq=1000, ack=2000, window=512, options=b"",
        payload=b""):  # fmt: skip
    """RFC 9293 section 3.1."""
    words = 5 + len(options) // 4
    bits = sum(BITS[flag] for flag in flags)
    ports = struct.pack("!HH", source_port, destination_port)
    rest = struct.pack("!IIBBHHH", seq, ack, words << 4, bits, window, 0, 0)
    return ports + rest + options + payload


def segment(source, destination, flags, *, seq=1000, ack=2000, window=512, tcp_options=b"",
            payload=b"", **fields):  # fmt: skip
    """A whole TCP packet."""
    body = tcp(source[1], destination[1], flags, seq=seq, ack=ack, window=window,
               options=tcp_options, payload=payload)  # fmt: skip
    return ip(source[0], destination[0], 6, body, **fields)


def incoming(flags, *, v6=False, **fields):
    """From the remote end to ours."""
    return segment(REMOTE6 if v6 else REMOTE, LOCAL6 if v6 else LOCAL, flags, **fields)


def outgoing(flags, *, v6=False, **fields):
    """From our end."""
    return segment(LOCAL6 if v6 else LOCAL, REMOTE6 if v6 else REMOTE, flags, **fields)


def icmp(kind, code, *, v6=False, quoted=None, word=0, protocol=None, cut=28, **fields):
    """An error from the router about a segment of ours (RFC 792, RFC 4443)."""
    quoted = outgoing("PA", v6=v6, payload=b"ping") if quoted is None else quoted
    body = struct.pack("!BBHI", kind, code, 0, word) + quoted[: cut + 20 if v6 else cut]
    ends = (ROUTER6, LOCAL6[0]) if v6 else (ROUTER, LOCAL[0])
    return ip(*ends, (58 if v6 else 1) if protocol is None else protocol, body, **fields)
