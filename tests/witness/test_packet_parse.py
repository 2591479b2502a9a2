"""Headers of packets, one row a case; and whatever else may come."""

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stresser.model.packet import IcmpError, Packet
from stresser.witness.packet_filter import remote_end
from stresser.witness.packet_parse import (
    END,
    ICMP_ERROR,
    SERVER_HELLO,
    SYN_ACK,
    Stamp,
    flow_key,
    icmp_words,
    read_icmp,
    read_packet,
    sketch,
    time_exceeded,
)
from tests.witness import made_packets as made

STAMP = Stamp(5, 1_800_000_000_000_000_005, "tun0", outgoing=False)
KEY = flow_key(remote_end("198.51.100.2:40000"), remote_end("203.0.113.2:443"))
KEY6 = flow_key(remote_end("[2001:db8::2]:40000"), remote_end("[2001:db8:1::2]:443"))
OPTIONS = bytes([148, 4, 0, 0])  # router alert, RFC 2113
HOP_BY_HOP = made.extension(6, units=1)
THREE = made.extension(43) + made.extension(60) + made.extension(6)

WANTED = {
    "syn-ack": (made.incoming("SA"), SYN_ACK),
    "syn-ack with ECN": (made.incoming("SAE"), SYN_ACK),
    "reset": (made.incoming("R"), END),
    "reset with ack": (made.incoming("RA"), END),
    "fin": (made.incoming("FA"), END),
    "fin with data": (made.incoming("FPA", payload=b"bye"), END),
    "server hello": (made.incoming("PA", payload=made.SERVER_HELLO), SERVER_HELLO),
    "server hello after TCP options": (
        made.incoming("A", tcp_options=bytes(12), payload=made.SERVER_HELLO),
        SERVER_HELLO,
    ),
    "IPv4 options": (made.incoming("R", options=OPTIONS), END),
    "first fragment": (made.incoming("R", fragment=0x2000), END),
    "icmp": (made.icmp(3, 1), ICMP_ERROR),
    "icmp that quotes the least": (made.icmp(3, 13, cut=28), ICMP_ERROR),
    "icmp about a packet with options": (
        made.icmp(3, 1, quoted=made.outgoing("PA", options=OPTIONS), cut=32),
        ICMP_ERROR,
    ),
    "time exceeded": (made.icmp(11, 0), ICMP_ERROR),
}
WANTED6 = {
    "syn-ack": (made.incoming("SA", v6=True), SYN_ACK),
    "reset": (made.incoming("R", v6=True), END),
    "server hello": (made.incoming("PA", v6=True, payload=made.SERVER_HELLO), SERVER_HELLO),
    "hop-by-hop": (made.incoming("R", v6=True, extensions=HOP_BY_HOP), END),
    "three extensions": (made.incoming("F", v6=True, extensions=THREE), END),
    "unreachable": (made.icmp(1, 3, v6=True), ICMP_ERROR),
    "too big": (made.icmp(2, 0, v6=True, word=1280), ICMP_ERROR),
    "hop limit": (made.icmp(3, 0, v6=True), ICMP_ERROR),
}
UNWANTED = {
    "nothing": b"",
    "one byte": b"E",
    "IP version 5": b"\x55" + bytes(60),
    "data": made.incoming("PA", payload=b"\x17\x03\x03\0\x02ab"),
    "an ack": made.incoming("A"),
    "a syn": made.incoming("S"),
    "client hello": made.incoming("PA", payload=made.CLIENT_HELLO),
    "five bytes of a record": made.incoming("PA", payload=made.SERVER_HELLO[:5]),
    "later fragment": made.incoming("R", fragment=1),
    "header of 16 bytes": b"\x44" + made.incoming("R")[1:],
    "TCP cut short": made.incoming("R")[:39],
    "UDP": made.ip("203.0.113.2", "198.51.100.2", 17, bytes(40)),
    "echo reply": made.icmp(0, 0),
    "redirect": made.icmp(5, 1),
    "icmp about UDP": made.icmp(3, 3, quoted=made.ip("198.51.100.2", "203.0.113.2", 17, bytes(8))),
    "icmp that quotes no ports": made.icmp(3, 1, cut=23),
    "icmp that quotes IPv6": made.icmp(3, 1, quoted=made.outgoing("A", v6=True), cut=60),
    "icmp type 3 as ICMPv6": made.icmp(3, 1, protocol=58),
    "IPv6 cut short": made.incoming("R", v6=True)[:59],
    "IPv6 four extensions": made.incoming(
        "R", v6=True, extensions=made.extension(0) + THREE, first_extension=0
    ),
    "IPv6 extension beyond the end": made.incoming(
        "R", v6=True, extensions=bytes([6, 255]) + bytes(6)
    ),
    "IPv6 fragment": made.incoming("R", v6=True, extensions=made.extension(6), first_extension=44),
    "IPv6 echo": made.icmp(129, 0, v6=True),
}


@pytest.mark.parametrize(("packet", "what"), WANTED.values(), ids=WANTED)
def test_what_an_ipv4_packet_is(packet, what):
    seen = sketch(packet, outgoing=False)
    assert seen is not None
    assert (seen.what, seen.key) == (what, KEY)


@pytest.mark.parametrize(("packet", "what"), WANTED6.values(), ids=WANTED6)
def test_what_an_ipv6_packet_is(packet, what):
    seen = sketch(packet, outgoing=False)
    assert seen is not None
    assert (seen.what, seen.key) == (what, KEY6)


@pytest.mark.parametrize("packet", UNWANTED.values(), ids=UNWANTED)
def test_what_is_none_of_ours(packet):
    assert sketch(packet, outgoing=False) is None


@pytest.mark.parametrize(
    ("packet", "key"),
    [(made.outgoing("RA"), KEY), (made.outgoing("FA", v6=True), KEY6)],
    ids=["IPv4", "IPv6"],
)
def test_a_packet_of_ours_has_the_same_key(packet, key):
    seen = sketch(packet, outgoing=True)
    assert seen is not None
    assert (seen.what, seen.key) == (END, key)


@pytest.mark.parametrize(
    "packet",
    [
        made.outgoing("SA"),
        made.outgoing("PA", payload=made.SERVER_HELLO),
        made.icmp(3, 1),
    ],
    ids=["SYN-ACK", "ServerHello", "ICMP"],
)
def test_of_what_we_send_only_ends_are_kept(packet):
    assert sketch(packet, outgoing=True) is None


def test_every_field_of_an_ipv4_segment():
    packet = made.incoming(
        "RA", ttl=63, ip_id=0xABCD, df=True, window=501, seq=2**32 - 1, ack=77, options=OPTIONS,
        tcp_options=bytes(12), payload=b"12345",
    )  # fmt: skip
    seen = sketch(packet, outgoing=False)
    assert seen is not None
    assert len(seen.headers) == 24 + 20
    assert read_packet(seen.headers, STAMP) == Packet(
        raw=seen.headers.hex(),
        t_ns=5,
        unix_ns=1_800_000_000_000_000_005,
        interface="tun0",
        outgoing=False,
        flags="RA",
        ttl=63,
        ip_id=0xABCD,
        df=True,
        window=501,
        seq=2**32 - 1,
        ack=77,
        length=5,
    )


def test_every_field_of_an_ipv6_segment():
    packet = made.incoming("FPA", v6=True, ttl=250, extensions=HOP_BY_HOP, payload=b"123")
    seen = sketch(packet, outgoing=False)
    assert seen is not None
    read = read_packet(seen.headers, STAMP)
    assert (read.ttl, read.ip_id, read.df, read.length) == (250, None, None, 3)
    assert (read.flags, read.window, read.seq, read.ack) == ("FPA", 512, 1000, 2000)


@pytest.mark.parametrize("flags", ["R", "FA", "RA", "FRPAUEC"])
def test_flags_are_letters_in_the_order_of_their_bits(flags):
    seen = sketch(made.incoming(flags), outgoing=False)
    assert seen is not None
    assert read_packet(seen.headers, STAMP).flags == flags


def test_a_super_packet_without_a_length_has_none():
    packet = bytearray(made.incoming("FA", payload=b"12345"))
    packet[2:4] = bytes(2)
    seen = sketch(bytes(packet), outgoing=False)
    assert seen is not None
    assert read_packet(seen.headers, STAMP).length == 0


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        (made.icmp(3, 1), ("198.51.100.1", 3, 1, "host unreachable", None)),
        (made.icmp(3, 13), ("198.51.100.1", 3, 13, "administratively prohibited", None)),
        (made.icmp(3, 4, word=1400), ("198.51.100.1", 3, 4, "fragmentation needed", 1400)),
        (made.icmp(11, 0), ("198.51.100.1", 11, 0, "hop limit exceeded in transit", None)),
        (made.icmp(1, 0, v6=True), ("2001:db8::1", 1, 0, "no route to destination", None)),
        (made.icmp(1, 1, v6=True), ("2001:db8::1", 1, 1, "administratively prohibited", None)),
        (made.icmp(2, 0, v6=True, word=1280), ("2001:db8::1", 2, 0, "packet too big", 1280)),
        (made.icmp(3, 99), ("198.51.100.1", 3, 99, "type 3 code 99", None)),
    ],
)
def test_icmp_errors(packet, error):
    seen = sketch(packet, outgoing=False)
    assert seen is not None
    offender, kind, code, words, mtu = error
    assert read_icmp(seen.headers, STAMP) == IcmpError(
        raw=seen.headers.hex(),
        t_ns=5,
        unix_ns=1_800_000_000_000_000_005,
        interface="tun0",
        offender=offender,
        type=kind,
        code=code,
        words=words,
        mtu=mtu,
    )


@pytest.mark.parametrize("version", [4, 6])
def test_every_number_has_words_that_fit(version):
    for kind in range(256):
        for code in (0, 1, 15, 16, 255):
            assert 0 < len(icmp_words(version, kind, code)) <= 64


whole = st.sampled_from([packet for packet, _ in [*WANTED.values(), *WANTED6.values()]])


@st.composite
def damaged(draw):
    """A good packet, cut, and with bytes changed."""
    packet = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 6))):
        packet[draw(st.integers(0, len(packet) - 1))] = draw(st.integers(0, 255))
    return bytes(packet[: draw(st.integers(0, len(packet)))])


@settings(deadline=None)
@given(st.binary(max_size=192) | damaged(), st.booleans())
@example(struct.pack("!IHBB", 6 << 28, 0, 0, 1) + bytes(40), False)  # noqa: FBT003 - outgoing
def test_whatever_comes_is_read_without_failing(packet, outgoing):
    seen = sketch(packet, outgoing=outgoing)
    if seen is None:
        return
    assert len(seen.key) in {12, 36}
    assert len(seen.headers) <= len(packet)
    if seen.what is ICMP_ERROR:
        error = read_icmp(seen.headers, STAMP)
        assert 0 <= error.type <= 255
    else:
        segment = read_packet(seen.headers, STAMP)
        assert 0 <= segment.ttl <= 255
        assert 0 <= segment.length <= 65_575


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (made.icmp(11, 0), ("198.51.100.1", 1000)),
        (made.icmp(3, 0, v6=True), ("2001:db8::1", 1000)),
        (made.icmp(11, 0, quoted=made.outgoing("A", seq=2**32 - 1)), ("198.51.100.1", 2**32 - 1)),
        (
            made.icmp(11, 0, quoted=made.outgoing("A", options=OPTIONS), cut=32),
            ("198.51.100.1", 1000),
        ),
        (made.icmp(11, 0, options=OPTIONS), ("198.51.100.1", 1000)),
        (made.icmp(11, 1), None),  # a fragment that was waited for in vain
        (made.icmp(3, 1), None),
        (made.icmp(11, 0, v6=True), None),  # a number that ICMPv6 does not have
        (made.icmp(1, 3, v6=True), None),
        (made.icmp(11, 0, cut=27), None),
        (made.icmp(11, 0, cut=0), None),
        (b"", None),
    ],
)
def test_who_says_that_a_segment_died_in_transit(packet, said):
    assert time_exceeded(packet) == said


@given(st.binary(max_size=200))
@example(made.icmp(11, 0)[:28])
def test_whatever_comes_as_an_answer_to_a_walk_is_read_or_left(packet):
    said = time_exceeded(packet)
    assert said is None or 0 <= said.sequence < 2**32


@given(st.binary(max_size=120), st.booleans())
def test_whatever_an_answer_quotes_is_read_or_left(quoted, v6):
    said = time_exceeded(made.icmp(3 if v6 else 11, 0, v6=v6, quoted=quoted, cut=120))
    assert said is None or said.offender == (made.ROUTER6 if v6 else made.ROUTER)
