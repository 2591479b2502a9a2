from typing import Any

import pytest
import trio
import trio.testing

from stresser.lab.conversation import (
    TlsConversation,
    WssConversation,
    accept_upgrade,
    listen_until,
    read_upgrade_request,
)
from tests.lab.plain_client import ACCEPT, REQUEST

NO_WIRE: Any = None  # what answers needs no socket


class Peer:
    """What a TLS session is to a conversation: pieces come at their time, answers are kept."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.sent = b""

    async def receive_some(self):
        if not self.pieces:
            await trio.sleep_forever()
        pause, piece = self.pieces.pop(0)
        await trio.sleep(pause)
        return piece

    async def send_all(self, data):
        self.sent += data


def run(function, *args):
    async def main():
        return await function(*args), trio.current_time() - start[0]

    clock = trio.testing.MockClock(autojump_threshold=0)
    start = [clock.current_time()]
    return trio.run(main, clock=clock)


def masked(first, payload):
    return bytes((first, 0x80 | len(payload))) + b"\0\0\0\0" + payload


def test_it_answers_until_the_deadline():
    peer: Any = Peer((10.0, masked(0x89, b"ping")), (10.0, masked(0x81, b"text")))

    async def main():
        return await listen_until(WssConversation(NO_WIRE, peer), trio.current_time() + 3600)

    still_there, took = run(main)
    assert still_there
    assert took == pytest.approx(3600)
    assert peer.sent == b"\x8a\x04ping\x81\x04text"


@pytest.mark.parametrize("goodbye", [b"", masked(0x88, b"\x03\xe8")])
def test_it_tells_when_the_peer_has_left(goodbye):
    peer: Any = Peer((10.0, goodbye))
    still_there, took = run(listen_until, WssConversation(NO_WIRE, peer))
    assert not still_there
    assert took == pytest.approx(10)
    assert peer.sent == (b"\x88\x02\x03\xe8" if goodbye else b"")


def test_fragments_are_not_echoed_in_part():
    peer: Any = Peer((1.0, masked(0x01, b"frag")), (1.0, masked(0x80, b"ment")), (1.0, b""))
    run(listen_until, WssConversation(NO_WIRE, peer))
    assert peer.sent == b""


def test_bytes_are_echoed():
    peer: Any = Peer((1.0, b"abc"), (1.0, b""))
    run(listen_until, TlsConversation(NO_WIRE, peer))
    assert peer.sent == b"abc"


def test_the_closing_handshake_is_waited_for():
    peer: Any = Peer((1.0, masked(0x89, b"")), (1.0, masked(0x88, b"")))
    _, took = run(WssConversation(NO_WIRE, peer).wait_for_close)
    assert took == pytest.approx(2)


def test_an_upgrade_in_pieces():
    peer: Any = Peer(*((1.0, bytes((byte,))) for byte in REQUEST))
    done, _ = run(accept_upgrade, peer)
    assert done
    assert ACCEPT in peer.sent


@pytest.mark.parametrize("pieces", [[b""], [b"GET /", b""], [b"x" * 40_000, b"x" * 40_000, b"x"]])
def test_no_request_or_too_much_of_it(pieces):
    got, _ = run(read_upgrade_request, Peer(*((0.0, piece) for piece in pieces)))
    assert got is None
