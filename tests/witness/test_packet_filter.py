"""The filter as the kernel runs it. A datagram socket takes it, too, and needs no rights:
there a payload that is an IP packet is judged as if it came in by an interface (socket(7))."""

import ctypes
import socket
import struct
import sys
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stresser.witness.packet_filter import MOST_REMOTES, SNAP_BYTES, Remotes, assembled, remote_end
from stresser.witness.packet_parse import sketch
from tests.witness import made_packets as made
from tests.witness.test_packet_parse import UNWANTED, WANTED, WANTED6, damaged

linux = pytest.mark.skipif(sys.platform != "linux", reason="classic BPF as Linux has it")
MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS


def remotes(*texts):
    known = Remotes()
    for text in texts:
        known.add(*remote_end(text))
    return known


def of_both():
    return remotes("203.0.113.2:443", "[2001:db8:1::2]:443")


@contextmanager
def judging(known):
    """A function that says what the kernel keeps of a packet: its bytes, or None."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    program = assembled(known.program())
    kept = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))
    with near, far:
        far.setsockopt(socket.SOL_SOCKET, 26, fprog)  # SO_ATTACH_FILTER
        far.settimeout(0)

        def judge(packet):
            try:
                near.send(packet)
                return far.recv(4096)
            except BlockingIOError:
                return None

        yield judge


@linux
@pytest.mark.parametrize(
    "packet", [packet for packet, _ in [*WANTED.values(), *WANTED6.values()]],
    ids=[*WANTED, *(f"IPv6 {name}" for name in WANTED6)],
)  # fmt: skip
def test_what_is_wanted_passes(packet):
    with judging(of_both()) as judge:
        assert judge(packet) == packet[:SNAP_BYTES]


@linux
@pytest.mark.parametrize("packet", UNWANTED.values(), ids=UNWANTED)
def test_what_is_not_ours_stays_out(packet):
    # Where the kernel does not look closely, the reader does.
    looked_at_later = {
        UNWANTED["TCP cut short"],
        UNWANTED["IPv6 cut short"],
        UNWANTED["icmp that quotes no ports"],
        UNWANTED["header of 16 bytes"],
    }
    with judging(of_both()) as judge:
        assert packet in looked_at_later or judge(packet) is None


@linux
@pytest.mark.parametrize(
    "packet",
    [
        made.segment(("203.0.113.3", 443), made.LOCAL, "R"),
        made.segment(("203.0.113.2", 444), made.LOCAL, "R"),
        made.segment(made.LOCAL, made.REMOTE, "R"),  # ours, but it came in
        made.segment(("2001:db8:1::3", 443), made.LOCAL6, "R"),
        made.segment(("2001:db8:1::2", 80), made.LOCAL6, "R"),
        made.segment(("2001:db8:2::2", 443), made.LOCAL6, "R"),
        made.icmp(3, 1, quoted=made.segment(made.LOCAL, ("203.0.113.9", 443), "A")),
        made.icmp(1, 1, v6=True, quoted=made.segment(made.LOCAL6, ("2001:db8::9", 443), "A")),
    ],
)
def test_packets_of_others_stay_out(packet):
    with judging(of_both()) as judge:
        assert judge(packet) is None


@linux
@pytest.mark.parametrize("whole", [False, True])
def test_segments_of_ports_that_are_not_its_own_stay_out(whole):
    for local, remote in ((made.LOCAL, made.REMOTE), (made.LOCAL6, made.REMOTE6)):
        own = local[1]
        for kept in ((0, 65535), (own, own), (own + 1, 65535), (0, own - 1)):
            known = Remotes(whole=whole, own=kept)
            known.add(*remote_end("203.0.113.2:443"))
            known.add(*remote_end("[2001:db8:1::2]:443"))
            with judging(known) as judge:
                came = judge(made.segment(remote, local, "R")) is not None
            assert came == (kept[0] <= own <= kept[1]), kept


@linux
def test_at_first_nothing_passes():
    with judging(Remotes()) as judge:
        assert judge(made.incoming("R")) is None
        assert judge(made.icmp(3, 1)) is None


@linux
def test_a_long_packet_is_cut():
    packet = made.incoming("FA", payload=bytes(1000))
    with judging(of_both()) as judge:
        assert judge(packet) == packet[:SNAP_BYTES]


def many(addresses, ports):
    """So many addresses with port 443, and so many ports of the first."""
    texts = [f"192.0.2.{number}:443" for number in range(addresses)]
    return remotes(*texts, *(f"192.0.2.0:{1000 + number}" for number in range(ports - 1)))


@linux
@pytest.mark.parametrize(
    ("addresses", "ports", "other_address", "other_port", "neither"),
    [
        (MOST_REMOTES, MOST_REMOTES, False, False, False),
        (MOST_REMOTES + 1, 1, True, False, False),
        (2, MOST_REMOTES + 1, False, True, False),
        (MOST_REMOTES + 50, MOST_REMOTES + 50, True, True, True),
    ],
)
def test_beyond_what_a_filter_can_hold_it_looks_at_less(
    addresses, ports, other_address, other_port, neither
):
    with judging(many(addresses, ports)) as judge:
        passes = [
            judge(made.segment(source, made.LOCAL, "R")) is not None
            for source in (
                ("192.0.2.1", 443),
                ("198.18.0.1", 443),
                ("192.0.2.1", 9),
                ("198.18.0.1", 9),
            )
        ]
    assert passes == [True, other_address, other_port, neither]


@linux
def test_the_longest_program_is_one_the_kernel_takes():
    known = Remotes()
    for number in range(MOST_REMOTES):
        known.add(*remote_end(f"[2001:db8::{number:x}]:{1000 + number}"))
    assert len(known.program()) < MOST_INSTRUCTIONS
    with judging(known) as judge:
        last = (f"2001:db8::{MOST_REMOTES - 1:x}", 1000 + MOST_REMOTES - 1)
        assert judge(made.segment(last, made.LOCAL6, "R")) is not None
        assert judge(made.segment(("2001:db8::ffff", 1000), made.LOCAL6, "R")) is None


def test_a_new_program_is_due_for_a_new_remote_alone():
    known = Remotes()
    assert known.add(b"\xc0\0\2\1", 443)
    assert not known.add(b"\xc0\0\2\1", 443)
    assert known.add(b"\xc0\0\2\1", 444)
    assert known.add(b"\xc0\0\2\2", 443)
    grown = [known.add(struct.pack("!I", number), 443) for number in range(200)]
    assert sum(grown) == MOST_REMOTES - 1  # the last of them turns the addresses off
    assert len(known.program()) < len(of_both().program()) + 10


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("192.0.2.1:443", (b"\xc0\0\2\1", 443)),
        ("[::1]:65535", (bytes(15) + b"\1", 65535)),
        ("[fe80::1%eth0]:443", (b"\xfe\x80" + bytes(13) + b"\1", 443)),
        ("[::ffff:192.0.2.1]:443", (b"\xc0\0\2\1", 443)),
    ],
)
def test_remote_ends(text, end):
    assert remote_end(text) == end


@pytest.mark.parametrize(
    "text", ["", "443", "192.0.2.1", "host:443", "192.0.2.1:65536", "192.0.2.1:x", "[::g]:1", ":1"]
)
def test_what_is_no_remote_end(text):
    with pytest.raises(ValueError, match="has no"):
        remote_end(text)


@linux
@settings(deadline=None)
@given(st.binary(min_size=1, max_size=SNAP_BYTES) | damaged())
def test_whatever_the_reader_would_keep_the_kernel_passes(packet):
    everyone = many(MOST_REMOTES + 1, MOST_REMOTES + 1)
    if sketch(packet, outgoing=False) is not None:
        with judging(everyone) as judge:
            assert judge(packet) is not None
