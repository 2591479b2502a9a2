"""The packet witness on loopback: each packet once, seen from our end, at its time."""

import math
import os
import select
import socket
import struct
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from stresser.model.packet import FlowPackets
from stresser.net.resolve import format_sockaddr
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness
from stresser.witness.tcp_info import sample_tcp_info
from tests.net.peers import open_descriptors, reset, run, wait_for
from tests.witness.made_packets import SERVER_HELLO
from tests.witness.namespaces import need_capture, need_namespaces

FAMILIES = pytest.mark.parametrize("host", ["127.0.0.1", "::1"])


@contextmanager
def witnessing():
    """A witness for the length of a test, and what makes a connection that it expects."""
    need_capture()
    witness = PacketWitness.open(RunClock())
    with ExitStack() as stack:
        stack.callback(witness.close)
        yield witness, lambda *how, **ever: stack.enter_context(Pair(witness, *how, **ever))


def wait_for_stamps(witness, connect):
    """The kernel begins to stamp a moment after it is asked to; until then, reading does it."""
    for _ in range(10_000):
        pair = connect()
        pair.close()
        arrived_by = time.time_ns()
        answer = witness.seen(*pair.ends).syn_ack
        assert answer is not None
        if answer.unix_ns <= arrived_by:
            return
    pytest.fail("the kernel never stamped a packet on its arrival")


class Pair:
    """A connection over loopback whose remote end the witness expects."""

    def __init__(self, witness, host="127.0.0.1", *, expected=True, watched=True):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, 0), family=family) as listener:
            self.remote = format_sockaddr(listener.getsockname())
            if expected:
                witness.expect(self.remote)
            self.near = socket.create_connection(listener.getsockname()[:2])
            self.far, _ = listener.accept()
        self.local = format_sockaddr(self.near.getsockname())
        self.ends = (self.local, self.remote)
        if watched:
            witness.watch(*self.ends)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.near.close()
        self.far.close()


@FAMILIES
def test_a_reset_is_seen_once_with_the_beginning_of_its_connection(host):
    async def test():
        with witnessing() as (witness, connect):
            wait_for_stamps(witness, connect)
            pair = connect(host)
            pair.far.send(SERVER_HELLO)
            pair.near.recv(100)
            pair.near.send(b"data")
            before = time.time_ns()
            reset(pair.far)
            wait_for(pair.near, select.POLLHUP)
            after = time.time_ns()
            seen = witness.seen(*pair.ends)
            info = sample_tcp_info(pair.near)
        assert info is not None
        assert seen.syn_ack is not None
        assert seen.server_hello is not None
        assert info.bytes_received == len(SERVER_HELLO)
        [end] = seen.ends
        assert (seen.syn_ack.flags, seen.server_hello.length) == ("SA", len(SERVER_HELLO))
        assert seen.server_hello.seq == (seen.syn_ack.seq + 1) % 2**32
        assert (end.flags, end.outgoing, end.interface, end.ttl) == ("RA", False, "lo", 64)
        assert end.seq == (seen.syn_ack.seq + 1 + info.bytes_received) % 2**32
        assert before <= end.unix_ns <= after
        assert seen.syn_ack.t_ns <= seen.server_hello.t_ns <= end.t_ns
        assert seen.unlisted == 0
        assert end.df is (None if ":" in host else True)

    run(test)


@FAMILIES
def test_fins_have_their_direction(host):
    async def test():
        with witnessing() as (witness, connect):
            pair = connect(host)
            pair.far.send(b"12345")
            pair.far.close()
            wait_for(pair.near, select.POLLRDHUP)
            pair.near.close()
            await witness.settle(*pair.ends, within_s=1)
            ends = witness.seen(*pair.ends).ends
        assert [(end.flags, end.outgoing) for end in ends] == [
            ("FA", False),
            ("RA", True),  # the five bytes were not read
        ]

    run(test)


def test_the_time_of_a_packet_is_on_the_runs_clock():
    async def test():
        with witnessing() as (witness, connect):
            clock = witness._clock
            wait_for_stamps(witness, connect)
            for _ in range(20):
                pair = connect()
                before = clock.now_ns()
                reset(pair.far)
                wait_for(pair.near, select.POLLHUP)
                after = clock.now_ns()
                [end] = witness.seen(*pair.ends).ends
                assert before - 50_000 <= end.t_ns <= after + 50_000

    run(test)


def test_both_ends_may_be_watched_on_one_host():
    async def test():
        with witnessing() as (witness, connect):
            pair = connect()
            witness.watch(pair.remote, pair.local)
            reset(pair.far)
            wait_for(pair.near, select.POLLHUP)
            ours, theirs = witness.seen(*pair.ends), witness.seen(pair.remote, pair.local)
        assert [end.outgoing for end in ours.ends] == [False]
        assert [end.outgoing for end in theirs.ends] == [True]
        assert theirs.syn_ack is None

    run(test)


def test_a_connection_may_be_watched_after_its_syn_ack_was_read():
    async def test():
        with witnessing() as (witness, connect):
            pair = connect(watched=False)
            assert witness.seen(*pair.ends) == FlowPackets()
            witness.watch(*pair.ends)
            assert witness.seen(*pair.ends).syn_ack is not None
            witness.forget(*pair.ends)
            assert witness.seen(*pair.ends) == FlowPackets()

    run(test)


@pytest.mark.parametrize("expected", [True, False])
def test_of_data_nothing_passes_and_of_strangers_nothing_at_all(expected):
    async def test():
        with witnessing() as (witness, connect):
            pair = connect(expected=expected, watched=False)
            assert statistics(witness) == (1 if expected else 0)
            for _ in range(50):
                pair.far.send(b"\x17\x03\x03\0\2ab")
                pair.near.recv(100)
                pair.near.send(b"ping")
                pair.far.recv(100)
            assert statistics(witness) == 0
            pair.far.close()
            wait_for(pair.near, select.POLLRDHUP)
            assert statistics(witness) == (1 if expected else 0)

    run(test)


def statistics(witness):
    """Packets that passed the filter since the last call (packet(7))."""
    raw = witness._socket.getsockopt(263, 6, 8)
    passed, dropped = struct.unpack("=II", raw)
    witness._lost += dropped
    return passed


def test_settle_comes_back_with_the_packet():
    async def test():
        with witnessing() as (witness, connect):
            pair = connect()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(witness.run)
                async with trio.open_nursery() as waiting:
                    waiting.start_soon(witness.settle, *pair.ends, math.inf)
                    await trio.testing.wait_all_tasks_blocked()
                    reset(pair.far)
                assert [end.flags for end in witness.seen(*pair.ends).ends] == ["RA"]
                await witness.settle(*pair.ends, within_s=1000)  # has it already
                witness.close()  # ends the reader

    run(test)


def test_settle_does_not_wait_for_ever():
    async def test():
        with witnessing() as (witness, connect):
            pair = connect()
            began = trio.current_time()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(witness.run)
                await witness.settle(*pair.ends, within_s=0.05)
                nursery.cancel_scope.cancel()
            assert 0.05 <= trio.current_time() - began < 5
            assert witness._waiting == {}

    run(test)


def test_five_hundred_resets_at_once_are_all_seen():
    async def test():
        with witnessing() as (witness, connect):
            pairs = [connect() for _ in range(500)]
            for pair in pairs:
                reset(pair.far)
            for pair in pairs:
                wait_for(pair.near, select.POLLHUP)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(witness.run)
                for pair in pairs:
                    await witness.settle(*pair.ends, within_s=0.001)  # longer while packets wait
                nursery.cancel_scope.cancel()
            seen = [witness.seen(*pair.ends) for pair in pairs]
            assert [len(one.ends) for one in seen] == [1] * 500
            assert all(one.syn_ack is not None for one in seen)
            assert witness.lost == 0

    run(test)


def test_what_finds_no_room_is_counted():
    async def test():
        with witnessing() as (witness, connect):
            witness._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            pairs = [connect() for _ in range(50)]
            for pair in pairs:
                pair.close()
            seen = sum(witness.seen(*pair.ends).syn_ack is not None for pair in pairs)
            lost = witness.lost
            assert lost > 0
            assert 0 < seen < 50
            assert witness.lost == lost
            assert seen + lost >= 50
            witness.close()
            assert witness.lost == lost

    run(test)


def test_the_reader_takes_a_little_at_a_time():
    async def test():
        with witnessing() as (witness, connect):
            for _ in range(300):
                connect()
            passes = 0
            async with trio.open_nursery() as nursery:
                nursery.start_soon(witness.run)
                while len(witness._table._early) + answered(witness) < 300:
                    await trio.lowlevel.checkpoint()
                    passes += 1
                nursery.cancel_scope.cancel()
            assert passes >= 2

    run(test)


def answered(witness):
    """Connections of which the SYN-ACK has been read, without reading any more."""
    flows = witness._table._flows.values()
    return sum(flow.syn_ack is not None for flow in flows)


def test_closed_it_gives_its_descriptor_back_and_stays_quiet():
    async def test():
        need_capture()
        before = open_descriptors()
        with witnessing() as (witness, connect):
            pair = connect()
            seen = witness.seen(*pair.ends)
            witness.close()
            witness.close()
            assert seen.syn_ack is not None
            assert witness.seen(*pair.ends) == seen
            assert witness.lost == 0
            witness.expect("192.0.2.1:443")
            await witness.run()
        assert open_descriptors() == before
        assert witness.failure is None

    run(test)


def test_what_the_kernel_will_not_let_it_read_closes_it_and_is_told():
    async def test():
        with witnessing() as (witness, connect):
            pair = connect()
            seen = witness.seen(*pair.ends)
            broken_by(witness._socket)
            assert witness.seen(*pair.ends) == seen
            await witness.settle(*pair.ends, within_s=1000)
        assert isinstance(witness.failure, ConnectionRefusedError)

    run(test)


def broken_by(sock):
    """Put a socket in its place whose next read fails: nobody listens where it has sent to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", 9))
        udp.send(b"x")
        wait_for(udp, select.POLLERR)
        os.dup2(udp.fileno(), sock.fileno())


@pytest.mark.slow
def test_with_the_right_to_capture_alone_there_is_room_enough():
    """Without CAP_NET_ADMIN the socket's room ends at net.core.rmem_max (socket(7))."""
    need_namespaces("setpriv")
    script = (
        "import trio\n"
        "from stresser.witness.clock import RunClock\n"
        "from stresser.witness.packets import PacketWitness\n"
        "async def main():\n"
        "    witness = PacketWitness.open(RunClock())\n"
        "    print(witness._socket.getsockopt(1, 8))\n"  # SOL_SOCKET, SO_RCVBUF
        "    witness.close()\n"
        "trio.run(main)\n"
    )
    with_less = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]
    room = int(trio.run(in_a_child, script, with_less))
    most = int(Path("/proc/sys/net/core/rmem_max").read_text())
    assert room == 2 * min(most, 16 << 20)


def test_ends_that_are_none_are_a_bug_of_the_caller():
    async def test():
        with witnessing() as (witness, _), pytest.raises(ValueError, match="has no"):
            witness.watch("nonsense", "127.0.0.1:443")

    run(test)


def test_without_the_right_it_says_so():
    if sys.platform == "linux":
        need_capture()  # as root: drop to an ordinary user in a child
    script = (
        "import os, trio\n"
        "from stresser.witness.clock import RunClock\n"
        "from stresser.witness.packets import PacketWitness\n"
        "async def main():\n"
        "    clock = RunClock()\n"
        "    if hasattr(os, 'geteuid') and os.geteuid() == 0:\n"
        "        os.setuid(65534)\n"
        "    try:\n"
        "        PacketWitness.open(clock)\n"
        "    except OSError as exc:\n"
        "        print(type(exc).__name__, exc.errno)\n"
        "trio.run(main)\n"
    )
    told = trio.run(in_a_child, script)
    assert told.startswith(b"PermissionError 1" if sys.platform == "linux" else b"OSError")


async def in_a_child(script, words=()):
    done = await trio.run_process([*words, sys.executable, "-c", script], capture_stdout=True)
    return done.stdout
