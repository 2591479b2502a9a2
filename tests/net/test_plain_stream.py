"""A session's stream without TLS: what is sent and comes, in pieces, to its end."""

import socket
import struct

import pytest
import trio

from stresser.model.faults import PeerFin
from stresser.net.plain_stream import PlainStream
from stresser.net.tap import Tap
from stresser.witness.clock import RunClock
from tests.net.peers import run, tcp_pair


def plain_pair(early=b"", buffers=None):
    near, far = tcp_pair(buffers=buffers)
    return PlainStream(Tap(near, RunClock()), early=early), far


def test_what_came_with_a_proxys_word_is_read_first_and_a_fin_is_the_end():
    async def story():
        stream, far = plain_pair(early=b"first")
        far.sendall(b"second")
        assert stream.is_direct
        assert stream.has_more
        assert await stream.receive_some() == b"first"
        assert not stream.has_more
        assert await stream.receive_any() == b"second"
        far.close()
        with pytest.raises(PeerFin):
            await stream.receive_any()
        stream.tap.close()

    run(story)


def test_much_is_handed_up_in_slices():
    async def story():
        stream, far = plain_pair()
        far.sendall(bytes(10_000))
        got = [await stream.receive_any()]
        while sum(map(len, got)) < 10_000:
            got.append(await stream.receive_any())
        assert max(map(len, got)) == 4096
        stream.tap.close()
        far.close()

    run(story)


def test_a_reset_keeps_its_errno():
    async def story():
        stream, far = plain_pair()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        with pytest.raises(trio.BrokenResourceError) as caught:
            await stream.receive_any()
        assert isinstance(caught.value.__cause__, ConnectionResetError)
        stream.tap.close()

    run(story)


def test_a_little_is_read_of_a_socket_that_is_readable():
    async def story():
        stream, far = plain_pair()
        with pytest.raises(BlockingIOError):
            stream.receive_nowait()
        far.sendall(b"\x8a\x04ping")
        await trio.lowlevel.wait_readable(stream.tap.sock)
        assert stream.receive_nowait() == b"\x8a\x04ping"
        far.close()
        await trio.lowlevel.wait_readable(stream.tap.sock)
        with pytest.raises(PeerFin):
            stream.receive_nowait()
        stream.tap.close()

    run(story)


def test_what_the_kernel_does_not_take_waits_in_order():
    async def story():
        stream, far = plain_pair(buffers=8192)
        sent = b"".join(bytes([n]) * 1000 for n in range(200))
        for n in range(200):
            stream.send_nowait(bytes([n]) * 1000)
        assert stream.backlog
        got = bytearray()

        async def read():
            while len(got) < len(sent):
                await trio.lowlevel.wait_readable(far)
                got.extend(far.recv(65_536))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await stream.flush()
        assert not stream.backlog
        assert bytes(got) == sent
        stream.close_notify_nowait()  # there is none: nothing more is sent
        assert stream.tap.bytes_sent == len(sent)
        stream.tap.close()
        far.close()

    run(story)
