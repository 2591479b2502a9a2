import contextlib

import trio
from trio.testing import memory_stream_pair

from stresser.model.ending import Kind
from stresser.reflector.seen_stream import SeenStream
from stresser.witness.clock import RunClock


def with_pair(test):
    async def main():
        here, there = memory_stream_pair()
        asked = []

        def kernel():
            asked.append("asked")

        await test(SeenStream(here, RunClock(), kernel), there, asked)

    trio.run(main)


def test_what_passed_is_counted():
    async def story(seen, peer, asked):
        await peer.send_all(b"abc")
        assert await seen.receive_some() == b"abc"
        seen.unread(b"abc")
        assert await seen.receive_some() == b"abc"  # counted once
        await seen.send_all(b"xy")
        assert (seen.bytes_received, seen.bytes_sent) == (3, 2)
        assert seen.last_out_ns is not None
        assert seen.last_out_ns >= seen.last_in_ns
        assert seen.end is None
        assert asked == []

    with_pair(story)


def test_a_ping_that_is_answered_is_dated_by_its_number():
    async def story(seen, peer, asked):
        await peer.send_all(b"ping")
        await seen.receive_some()
        assert not seen.answered
        await seen.send_all(b"\x8a\x04\x00\x00\x01\x07")
        assert seen.answered is not None
        assert (seen.answered.number, seen.answered.in_ns) == (263, seen.last_in_ns)
        assert seen.last_in_ns <= seen.answered.out_ns <= seen.last_out_ns
        known = seen.answered
        for other in (b"\x8a\x00", b"\x8a\x05longr", b"\x81\x04pong", b"\x8a\x04\0\0\0\x09more"):
            await seen.send_all(other)
        assert seen.answered is known

    with_pair(story)


def test_the_first_end_stands():
    async def story(seen, peer, asked):
        await peer.aclose()
        assert await seen.receive_some() == b""
        with contextlib.suppress(trio.BrokenResourceError):
            await seen.send_all(b"x")
        assert seen.end is not None
        assert seen.end.kind is Kind.TLS_CLOSE_NOTIFY
        assert len(asked) == 1  # the kernel was asked while the socket was open

    with_pair(story)


def test_an_end_without_a_known_cause_is_unknown():
    async def story(seen, peer, asked):
        await peer.aclose()
        with contextlib.suppress(trio.BrokenResourceError):
            await seen.send_all(b"x")
        assert seen.end is not None
        assert seen.end.kind is Kind.UNKNOWN

    with_pair(story)


def test_a_stranger_that_floods_waits_for_its_turn_and_a_guest_does_not():
    class Share:
        takes = turns = 0

        def take(self, _frames):
            self.takes += 1
            return self.takes <= 2

        async def turn(self):
            self.turns += 1

    async def story(seen, peer, _asked):
        seen.share = share = Share()
        for _ in range(4):
            await peer.send_all(b"x")
            await seen.receive_some()
        assert (share.takes, share.turns) == (4, 2)
        seen.share = None
        await peer.send_all(b"x")
        await seen.receive_some()
        assert (share.takes, share.turns) == (4, 2)

    with_pair(story)
