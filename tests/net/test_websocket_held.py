"""An open WebSocket: every kind of frame that a peer may send, and how much of it."""

import gc
import struct
import tracemalloc
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from stresser.model.faults import PeerClosed, PeerCloseNotify, PeerFin, ProtocolViolation
from stresser.net.fair_share import FRAMES_A_PASS, FairShare, Turns
from tests.net.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close,
    frame,
    header,
    unmasked,
)
from tests.net.open_websocket import drained, open_pair
from tests.net.peers import run


def drain_of(*parts, end="fin"):
    """What a WebSocket makes of frames that a peer sends: ending, pongs, messages, our answers."""
    found: dict[str, Any] = {}

    async def test():
        async with open_pair() as (websocket, peer):
            for part in parts:
                await peer.send(part)
            if end == "fin":
                peer.sock.shutdown(1)
            pongs: list[bytes] = []
            found["ending"] = await drained(websocket, pongs)
            found["pongs"], found["messages"] = pongs, websocket.messages
            websocket.stream.tap.sock.shutdown(1)
            found["answers"] = unmasked(await everything(peer))

    run(test)
    return found


async def everything(peer):
    """All plaintext up to the client's end of stream."""
    received = b""
    while True:
        data = await peer.receive_raw()
        if not data:
            break
        peer.feed(data)
    while True:
        try:
            received += peer.tls.read(65_536)
        except OSError:  # nothing more
            return received


def test_pongs_are_reported_in_order():
    found = drain_of(frame(PONG, b"1") + frame(PONG, b""), frame(PONG, b"\0\xff"))
    assert found["pongs"] == [b"1", b"", b"\0\xff"]
    assert found["messages"] == 0


@pytest.mark.parametrize("payload", [b"", b"p", bytes(range(125))])
def test_a_ping_is_answered_with_its_payload(payload):
    assert drain_of(frame(PING, payload))["answers"] == [(PONG, payload)]


def test_of_many_pings_at_once_the_last_is_answered():
    found = drain_of(b"".join(frame(PING, bytes([number])) for number in range(100)))
    assert found["answers"] == [(PONG, bytes([99]))]


@pytest.mark.parametrize(
    ("frames", "messages"),
    [
        ([frame(TEXT, b"hello")], 1),
        ([frame(BINARY)], 1),
        ([frame(TEXT, b"h", fin=False), frame(CONTINUATION, b"i")], 1),
        ([frame(TEXT, b"h", fin=False), frame(PONG), frame(CONTINUATION, b"i")], 1),
        ([frame(TEXT, b"h", fin=False)], 0),
        ([frame(TEXT, "ü".encode()[:1], fin=False), frame(CONTINUATION, "ü".encode()[1:])], 1),
        ([frame(BINARY, bytes(200_000))], 1),
        ([frame(BINARY, b"xyz") * 1000], 1000),
    ],
)
def test_messages_are_counted_when_they_are_whole(frames, messages):
    found = drain_of(*frames)
    assert isinstance(found["ending"], PeerFin)
    assert found["messages"] == messages
    assert found["answers"] == []


def test_frames_may_come_one_byte_at_a_time():
    whole = frame(TEXT, b"hello") + frame(PONG, b"pong") + close(1000, b"bye")
    found = drain_of(*[bytes([byte]) for byte in whole])
    assert (found["messages"], found["pongs"]) == (1, [b"pong"])
    assert isinstance(found["ending"], PeerClosed)


@pytest.mark.parametrize(
    ("sent", "code", "reason", "answer"),
    [
        (close(1000, b"bye"), 1000, "bye", b"\x03\xe8"),
        (close(1001), 1001, "", b"\x03\xe9"),
        (close(1014, b"bad gateway"), 1014, "bad gateway", b"\x03\xf6"),
        (close(1014, b"\xff"), 1014, "\\xff", b"\x03\xf6"),
        (close(3000), 3000, "", b"\x0b\xb8"),
        (close(4999, "Käse".encode()), 4999, "Käse", b"\x13\x87"),
        (frame(CLOSE), 1005, "", b""),
        (close(1000, b"r" * 123), 1000, "r" * 123, b"\x03\xe8"),
    ],
    ids=["1000", "1001", "1014", "1014 not utf-8", "3000", "4999", "no code", "long reason"],
)
def test_a_close_frame_ends_it_with_its_code_and_is_answered(sent, code, reason, answer):
    found = drain_of(frame(TEXT, b"x") + sent + frame(TEXT, b"after"), end="stays")
    fault = found["ending"]
    assert type(fault) is PeerClosed
    assert (fault.code, fault.reason) == (code, reason)
    assert found["answers"] == [(CLOSE, answer)]
    assert found["messages"] == 1


PROTOCOL_ERROR, BAD_DATA = struct.pack("!H", 1002), struct.pack("!H", 1007)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (frame(TEXT, b"x", rsv=4), PROTOCOL_ERROR),  # compressed, which was never agreed on
        (frame(TEXT, b"x", rsv=2), PROTOCOL_ERROR),
        (frame(PING, b"x", rsv=1), PROTOCOL_ERROR),
        (frame(3), PROTOCOL_ERROR),
        (frame(15), PROTOCOL_ERROR),
        (bytes([0x81, 0x81]) + bytes(5), PROTOCOL_ERROR),  # masked
        (header(PING, 126) + bytes(126), PROTOCOL_ERROR),
        (header(CLOSE, 1 << 20), PROTOCOL_ERROR),
        (frame(PING, b"x", fin=False), PROTOCOL_ERROR),
        (frame(CONTINUATION, b"x"), PROTOCOL_ERROR),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), PROTOCOL_ERROR),
        (frame(TEXT, b"\xff"), BAD_DATA),
        (frame(CLOSE, b"\x03"), PROTOCOL_ERROR),
        (close(999), PROTOCOL_ERROR),
        (close(1005), PROTOCOL_ERROR),
        (close(1006), PROTOCOL_ERROR),
        (close(1015), PROTOCOL_ERROR),
        (close(2000), PROTOCOL_ERROR),
        (close(5000), PROTOCOL_ERROR),
        (close(1000, b"\xff"), BAD_DATA),
        (bytes([0x82, 127]) + struct.pack("!Q", 1 << 63), PROTOCOL_ERROR),
        (bytes([0x82, 126]) + struct.pack("!H", 5), PROTOCOL_ERROR),
        (b"HTTP/1.1 408 Request Timeout\r\n\r\n", PROTOCOL_ERROR),
    ],
    ids=[
        "rsv1", "rsv2", "rsv3", "opcode 3", "opcode 15", "masked", "long ping", "long close",
        "fragmented ping", "stray continuation", "message in message", "not utf-8",
        "half a code", "code 999", "code 1005", "code 1006", "code 1015", "code 2000",
        "code 5000", "reason not utf-8", "length of 2^63", "wasteful length", "http",
    ],
)  # fmt: skip
def test_what_the_rfc_does_not_allow_is_a_violation_and_the_peer_is_told(sent, answer):
    found = drain_of(frame(PONG, b"before") + sent, end="stays")
    fault = found["ending"]
    assert isinstance(fault, ProtocolViolation)
    assert fault.layer == "websocket"
    assert fault.detail
    assert fault.seen  # what came is kept: a page of a proxy names it
    assert found["answers"] == [(CLOSE, answer)]
    assert found["pongs"] == [b"before"]


def test_a_page_amid_the_frames_is_shown_from_its_beginning():
    page = b"HTTP/1.1 504 Gateway Time-out\r\nServer: lb-7\r\n\r\n"
    fault = drain_of(frame(PONG, b"before") + page, end="stays")["ending"]
    assert isinstance(fault, ProtocolViolation)
    assert fault.seen == page


@pytest.mark.slow
def test_a_gigabyte_frame_is_thrown_away_as_it_comes():
    mebibytes = 16

    async def test():
        async with open_pair() as (websocket, peer):

            async def flood():
                await peer.send(header(BINARY, 1 << 30))
                for _ in range(mebibytes * 16):
                    await peer.send(bytes(65_536))
                peer.sock.close()

            gc.collect()
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(flood)
                assert isinstance(await drained(websocket, []), PeerFin)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert websocket.stream.tap.bytes_received > mebibytes << 20
            assert peak - before < 1 << 20
            assert websocket.messages == 0

    run(test)


def test_a_flooding_peer_lets_other_tasks_run():
    async def test():
        async with open_pair() as (websocket, peer):
            turns = 0

            async def other():
                nonlocal turns
                while True:
                    await trio.lowlevel.checkpoint()
                    turns += 1

            async with trio.open_nursery() as nursery:
                flood = frame(TEXT, b"x") * 1000 + close(1000)
                nursery.start_soon(peer.send, flood)
                nursery.start_soon(other)
                assert isinstance(await drained(websocket, []), PeerClosed)
                nursery.cancel_scope.cancel()
            assert websocket.messages == 1000
            assert turns >= 1000 // FRAMES_A_PASS

    run(test)


class Unlimited(FairShare):
    """What fills our buffers does so in a moment."""

    def take(self, frames):
        return frames >= 0


def test_a_peer_that_pings_and_never_reads_is_not_read_either():
    async def test():
        # Buffers as the system makes them: with small ones Linux now and then drops
        # acknowledgements together with what does not fit, and neither side can go on.
        async with open_pair() as (websocket, peer):
            stream = websocket.stream
            # The way to the peer is filled; as it never reads, with what does not matter.
            while stream.tap.send_nowait(bytes(65_536)):
                await wait_all_tasks_blocked(cushion=0.01)

            async def flood():
                while True:
                    await peer.send(frame(PING, bytes(125)) * 100)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(flood)
                share = Unlimited(Turns(), stream.tap.clock)
                nursery.start_soon(websocket.drain, lambda _: None, share)
                while not stream.backlog:
                    await wait_all_tasks_blocked(cushion=0.01)
                await wait_all_tasks_blocked(cushion=0.05)
                assert len(stream._unsent) < 1000  # a pong or two
                nursery.cancel_scope.cancel()

    run(test)


def test_the_layers_below_end_it_with_their_own_faults():
    async def test():
        async with open_pair() as (websocket, peer):
            await peer.send(frame(TEXT, b"x"))
            await peer.close_notify()
            assert type(await drained(websocket, [])) is PeerCloseNotify
            assert websocket.messages == 1

    run(test)


def test_our_ping_and_close_are_frames_of_a_client():
    async def test():
        async with open_pair() as (websocket, peer):
            websocket.ping_nowait(b"\0\0\0\1")
            websocket.close_nowait()
            websocket.stream.tap.sock.shutdown(1)
            assert unmasked(await everything(peer)) == [(PING, b"\0\0\0\1"), (CLOSE, b"\x03\xe8")]

    run(test)


def test_the_answer_to_our_own_close_is_not_answered_again():
    """RFC 6455 section 5.5.1: one close frame each."""

    async def test():
        async with open_pair() as (websocket, peer):
            websocket.close_nowait(1000)
            await peer.send(close(1000))
            ending = await drained(websocket, [])
            websocket.stream.tap.sock.shutdown(1)
            assert isinstance(ending, PeerClosed)
            assert [opcode for opcode, _ in unmasked(await everything(peer))] == [CLOSE]

    run(test)
