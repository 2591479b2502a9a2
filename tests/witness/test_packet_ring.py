"""The last packets of connections on loopback, out of memory that the kernel writes."""

import socket
import struct
from contextlib import contextmanager

import pytest
import trio

from stresser.net.resolve import format_sockaddr
from stresser.witness.clock import RunClock
from stresser.witness.packet_ring import PacketRing
from tests.net.peers import run
from tests.witness.namespaces import need_capture

FAMILIES = pytest.mark.parametrize("host", ["127.0.0.1", "::1"])


@contextmanager
def ringed(sessions=1):
    need_capture()
    ring = PacketRing.open(RunClock(), sessions)
    try:
        yield ring
    finally:
        ring.close()


@contextmanager
def pair(ring, host="127.0.0.1", *, expected=True):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        remote = format_sockaddr(listener.getsockname())
        if expected:
            ring.expect(remote)
        with socket.create_connection(listener.getsockname()[:2]) as near:
            far = listener.accept()[0]
            with far:
                yield near, far, (format_sockaddr(near.getsockname()), remote)


@FAMILIES
def test_the_last_segments_of_either_direction_in_their_order(host):
    async def test():
        with ringed() as ring, pair(ring, host) as (near, far, ends):
            for size in range(1, 10):
                near.send(bytes(size))
                assert len(far.recv(100)) == size
                far.send(bytes(100 + size))
                near.recv(1000)
            last = ring.last(*ends)
            assert len(last) == 6
            told = [(one.outgoing, one.length) for one in last if one.length]
            assert told[-2:] == [(True, 9), (False, 109)]
            assert {one.interface for one in last} == {"lo"}
            assert [one.unix_ns for one in last] == sorted(one.unix_ns for one in last)
            version = "6" if ":" in host else "45"
            assert all(one.raw.startswith(version) for one in last)

    run(test)


def test_no_payload_is_kept_beside_the_first_bytes():
    async def test():
        with ringed() as ring, pair(ring) as (near, far, ends):
            near.send(b"secret" * 100)
            far.recv(1000)
            assert all(len(one.raw) == 2 * 40 for one in ring.last(*ends))
            assert b"secret" * 6 not in bytes(ring._memory)

    run(test)


@pytest.mark.parametrize("left", [struct.pack("=2Hi", 0, 0, 0), struct.pack("=2Hi", 17, 8, -9)])
def test_a_packet_that_is_being_written_is_left_out(left):
    """Its address comes last: what stands there before is of another packet, or nothing."""

    async def test():
        with ringed() as ring, pair(ring) as (near, far, ends):
            near.send(b"x")
            far.recv(10)
            whole = ring.last(*ends)
            address = struct.pack("=H", socket.AF_PACKET)
            begins = ring._memory.find(struct.pack("=H", 96) + bytes(20) + address) - 26
            ring._memory[begins + 48 : begins + 56] = left
            assert len(ring.last(*ends)) == len(whole) - 1

    run(test)


def begins_of(memory):
    """Where the packets of the first block begin."""
    at = 48
    while step := struct.unpack_from("=I", memory, at)[0]:
        yield at
        at += step


@pytest.mark.parametrize("over", range(8, 168, 8))
def test_a_packet_that_a_later_pass_has_partly_overwritten_is_left_out(over):
    """Only its first bytes, as its time; or its front, but for a gap in what was written."""

    async def test():
        with ringed() as ring, pair(ring) as (near, far, ends):
            near.send(b"x")
            far.recv(10)
            whole = ring.last(*ends)
            begins = [*begins_of(ring._memory)]
            assert len(begins) == len(whole)
            victim, later = begins[-1], ring._memory[begins[0] : begins[1]]
            begin = victim + over - len(later)
            for part in (slice(0, 68), slice(96, len(later))):  # the kernel leaves what is between
                ring._memory[begin + part.start : begin + part.stop] = later[part]
            left = [one.unix_ns for one in ring.last(*ends)]
            assert whole[0].unix_ns in left
            assert set(left) <= {one.unix_ns for one in whole[:-1]}

    run(test)


def test_the_last_packet_of_a_block_is_read():
    async def test():
        with ringed() as ring, pair(ring) as (near, far, ends):
            sizes: list[int] = []
            while not ring._status(0):
                for from_, to in ((near, far), (far, near)):
                    sizes.append(len(sizes) % 30 + 1)
                    from_.send(bytes(sizes[-1]))
                    to.recv(100)
            lengths = [one.length for one in ring.last(*ends) if one.length]
            assert len(lengths) >= 4
            assert lengths == sizes[-len(lengths) :]

    run(test)


def test_others_are_not_in_it():
    async def test():
        with ringed() as ring, pair(ring, expected=False) as (near, far, ends):
            near.send(b"x")
            far.recv(10)
            assert ring.last(*ends) == []

    run(test)


def test_a_long_run_keeps_the_last_and_not_the_first():
    async def test():
        with ringed() as ring, pair(ring) as (near, far, ends):
            with pair(ring) as (quiet, quiet_far, quiet_ends):
                quiet.send(b"early")
                quiet_far.recv(10)
                for count in range(20_000):
                    near.send(b"x")
                    far.recv(10)
                    if count % 200 == 0:
                        ring.give_back()
                quiet.send(b"late!")
                quiet_far.recv(10)
                assert [one.length for one in ring.last(*quiet_ends) if one.length] == [5]
            assert len(ring.last(*ends)) == 6

    run(test)


def test_who_asks_too_often_is_not_answered():
    async def test():
        with ringed() as ring, pair(ring) as (near, far, ends):
            near.send(b"x")
            far.recv(10)
            answers = [bool(ring.last(*ends)) for _ in range(12)]
            assert answers == [True] * 10 + [False] * 2

    run(test)


def test_it_is_as_large_as_the_sessions_need_and_bounded():
    for sessions, blocks in ((1, 16), (2000, 62), (10**6, 128)):
        with trio_clock() as clock:
            need_capture()
            ring = PacketRing.open(clock, sessions)
            assert len(ring._memory) == blocks << 16
            ring.close()


@contextmanager
def trio_clock():
    clock = []

    async def make():
        clock.append(RunClock())

    trio.run(make)
    yield clock[0]
