"""The tap over real loopback connections: trio's contract, and the first cause of death."""

import errno
import os
import select
import socket
import sys
from typing import Any

import pytest
import trio
from trio.testing import check_two_way_stream, wait_all_tasks_blocked

from stresser.net.tap import Tap
from stresser.witness.clock import RunClock
from stresser.witness.hangup import HangupWatch
from tests.net.peers import (
    reset,
    run,
    stamped_clock,
    tapped_pair,
    tcp_pair,
    wait_for,
)

SMALL = 32_768
linux = pytest.mark.skipif(sys.platform != "linux", reason="what a Linux kernel says")


async def read_to_end(tap):
    """What the tap still gives, and how it ends."""
    data = b""
    while True:
        try:
            more = await tap.receive_some()
        except trio.BrokenResourceError as exc:
            return data, exc.__cause__
        if not more:
            return data, None
        data += more


def fill(tap):
    """Send until the kernel takes no more."""
    while tap.send_nowait(bytes(65_536)):
        pass


async def closed_under(wait, *args):
    with pytest.raises(trio.ClosedResourceError):
        await wait(*args)


def test_it_keeps_trios_contract():
    # Without trio's tests of a clogged stream: when a kernel is full is the kernel's affair.
    async def make():
        near, far = tcp_pair()
        clock = RunClock()
        return Tap(near, clock), Tap(far, clock)

    run(lambda: check_two_way_stream(make, None))


@pytest.mark.parametrize("what", ["wait_send_all_might_not_block", "receive_some"])
def test_two_tasks_may_not_wait_for_the_same(what):
    async def test():
        async with tapped_pair() as (tap, _):
            with pytest.RaisesGroup(trio.BusyResourceError):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(getattr(tap, what))
                    nursery.start_soon(getattr(tap, what))

    run(test)


def test_who_waits_for_room_is_woken_by_the_reader():
    async def test():
        async with tapped_pair(buffers=SMALL) as (tap, far):
            fill(tap)
            peer, waiting = trio.socket.from_stdlib_socket(far), tap.bytes_sent
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tap.wait_send_all_might_not_block)
                while waiting:
                    waiting -= len(await peer.recv(65_536))
            assert tap.send_nowait(b"x") == 1

    run(test)


def test_who_waits_for_room_is_woken_by_the_close():
    async def test():
        async with tapped_pair(buffers=SMALL) as (tap, _):
            fill(tap)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(closed_under, tap.send_all, bytes(1 << 20))
                await wait_all_tasks_blocked()
                tap.close()

    run(test)


def test_fin_ends_the_stream_and_is_the_fault():
    async def test():
        async with tapped_pair() as (tap, far):
            far.send(b"bye")
            far.close()
            assert await read_to_end(tap) == (b"bye", None)
            assert tap.fault is not None
            assert (tap.fault.error, tap.fault.operation) == (None, "receive")

    run(test)


def test_rst_is_raised_with_its_errno():
    async def test():
        async with tapped_pair() as (tap, far):
            reset(far)
            _, cause = await read_to_end(tap)
            assert isinstance(cause, ConnectionResetError)
            assert tap.fault is not None
            assert tap.fault.error is cause
            assert tap.fault.operation == "receive"

    run(test)


def test_data_before_a_rst_comes_first():
    async def test():
        async with tapped_pair() as (tap, far):
            far.send(b"last words")
            reset(far)
            data, cause = await read_to_end(tap)
            assert data == b"last words"
            assert isinstance(cause, ConnectionResetError)

    run(test)


@linux
def test_a_failing_send_leaves_the_data_to_the_reader_and_stays_the_first_fault():
    async def test():
        async with tapped_pair() as (tap, far):
            far.send(b"last words")
            reset(far)
            wait_for(tap.sock, select.POLLHUP)
            assert tap.send_nowait(b"ping") == 4  # taken: the reader will tell
            assert tap.fault is not None
            assert tap.fault.operation == "send"
            first = tap.fault
            data, cause = await read_to_end(tap)
            assert data == b"last words"
            assert isinstance(cause, ConnectionResetError)
            assert tap.fault is first
            assert tap.bytes_sent == 0

    run(test)


@linux
def test_a_fin_before_the_rst_is_the_first_cause_even_when_a_send_met_the_rst():
    """A peer closes; our ping meets a closed socket there, which answers with RST."""

    async def test():
        async with tapped_pair() as (tap, far):
            far.send(b"bye")
            far.close()
            wait_for(tap.sock, select.POLLRDHUP)
            tap.send_nowait(b"ping")
            wait_for(tap.sock, select.POLLHUP)
            tap.send_nowait(b"ping")
            assert tap.fault is not None
            assert tap.fault.error is not None
            assert tap.fault.error.errno == errno.EPIPE
            noticed = tap.fault.at_ns
            assert await read_to_end(tap) == (b"bye", None)
            first: Any = tap.fault
            assert (first.error, first.operation) == (None, "receive")
            assert first.at_ns <= noticed

    run(test)


def test_the_first_fault_wins():
    async def test():
        async with tapped_pair() as (tap, far):
            reset(far)
            await read_to_end(tap)
            first: Any = tap.fault
            assert await read_to_end(tap) == (b"", first.error)
            with pytest.raises(trio.BrokenResourceError):
                await tap.send_all(b"x")
            assert tap.fault is first

    run(test)


@linux
def test_a_fault_is_dated_by_the_loops_stamp():
    async def test():
        async with tapped_pair() as (tap, far):
            woken = []

            async def die():
                await read_to_end(tap)
                woken.append(tap.clock.woke_ns)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(die)
                await wait_all_tasks_blocked()
                before = tap.clock.now_ns()
                reset(far)
            fault: Any = tap.fault
            assert [fault.at_ns] == woken
            assert before <= fault.at_ns <= tap.clock.now_ns()

    run(test)


@linux
def test_a_reset_is_dated_by_the_hangup_watch_where_there_is_one():
    async def test():
        near, far = tcp_pair()
        with stamped_clock() as clock:
            watch = HangupWatch(clock)
            tap = Tap(near, clock, watch)
            reset(far)
            seen = watch.seen_ns(near.fileno())
            assert seen is not None
            await read_to_end(tap)
            fault: Any = tap.fault
            assert fault.at_ns == seen < clock.woke_ns
            tap.close()
            tap.close()  # forgotten once: the number may be another's by now
            watch.close()

    run(test)


def test_a_full_kernel_takes_nothing_and_nothing_is_wrong():
    async def test():
        async with tapped_pair(buffers=SMALL) as (tap, far):
            sent = 0
            while taken := tap.send_nowait(bytes(65_536)):
                sent += taken
            assert tap.fault is None
            assert 0 < tap.bytes_sent == sent
            far.close()

    run(test)


def test_send_all_waits_for_a_slow_reader():
    async def test():
        message = os.urandom(1 << 20)
        async with tapped_pair(buffers=SMALL) as (tap, far):
            peer = trio.socket.from_stdlib_socket(far)
            received = bytearray()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tap.send_all, message)
                await wait_all_tasks_blocked()
                assert 0 < tap.bytes_sent < len(message)
                while len(received) < len(message):
                    received += await peer.recv(65_536)
            assert received == message
            assert tap.bytes_sent == len(message)

    run(test)


def test_bytes_and_times_are_counted():
    async def test():
        async with tapped_pair() as (tap, far):
            begun = tap.last_received_ns
            assert begun == tap.last_sent_ns
            far.send(b"12345")
            assert await tap.receive_some() == b"12345"
            assert tap.bytes_received == 5
            assert begun < tap.last_received_ns <= tap.clock.now_ns()
            tap.send_nowait(b"123")
            assert tap.bytes_sent == 3
            assert tap.last_sent_ns > tap.last_received_ns
            assert tap.idle_before_send_ns == tap.last_sent_ns - tap.last_received_ns
            was = tap.last_sent_ns
            tap.send_nowait(b"1")
            assert tap.idle_before_send_ns == tap.last_sent_ns - was

    run(test)


class NotingSocket(socket.socket):
    """Notes when it was asked to send."""

    asked_s = 0.0

    def send(self, *arguments):
        type(self).asked_s = trio.current_time()
        return super().send(*arguments)


def test_a_send_is_dated_before_its_answer_can_be_here():
    async def test():
        near, far = tcp_pair()
        with far, stamped_clock() as clock, NotingSocket(fileno=near.detach()) as noting:
            noting.settimeout(0)
            tap = Tap(noting, clock)
            tap.send_nowait(b"1")
            assert tap.last_sent_ns <= clock.since_start(NotingSocket.asked_s)
            tap.close()

    run(test)


@pytest.mark.parametrize("size", [0, -1])
def test_it_reads_one_byte_or_more(size):
    async def test():
        async with tapped_pair() as (tap, _):
            with pytest.raises(ValueError, match="1 or more"):
                await tap.receive_some(size)

    run(test)


def test_at_most_so_many_bytes_are_read():
    async def test():
        async with tapped_pair() as (tap, far):
            far.send(bytes(10))
            assert await tap.receive_some(3) == bytes(3)
            assert await tap.receive_some() == bytes(7)

    run(test)


def test_a_closed_tap_says_so():
    async def test():
        async with tapped_pair() as (tap, _):
            await tap.aclose()
            with pytest.raises(trio.ClosedResourceError):
                await tap.receive_some()
            with pytest.raises(trio.ClosedResourceError):
                await tap.send_all(b"x")
            with pytest.raises(trio.ClosedResourceError):
                await tap.wait_send_all_might_not_block()

    run(test)


def test_closing_with_unread_data_resets_the_peer():
    async def test():
        async with tapped_pair() as (tap, far):
            far.send(b"unread")
            await trio.lowlevel.wait_readable(tap.sock)
            tap.close()
            with pytest.raises(ConnectionResetError):
                await trio.socket.from_stdlib_socket(far).recv(1)

    run(test)


def test_the_local_address_is_ours():
    async def test():
        async with tapped_pair() as (tap, far):
            host, port = far.getpeername()
            assert tap.local_address() == f"{host}:{port}"

    run(test)


def test_the_socket_is_not_touched_before_the_loop_has_waited():
    """What it meets then was there when the loop woke: the stamp dates it."""

    async def test():
        async with tapped_pair() as (tap, far):
            far.send(b"early")
            woke = tap.clock.woke_ns
            assert await tap.receive_some() == b"early"
            assert tap.clock.woke_ns > woke

    run(test)
