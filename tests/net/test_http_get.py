"""GET: one request, one bounded head, nothing else believed."""

from typing import cast

import pytest

from stresser.model.faults import PeerCloseNotify, ProtocolViolation
from stresser.net.http_get import get
from stresser.net.tls import TlsStream
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.secrets import Secret
from tests.fakes.world import in_virtual_time


class Answering:
    """Takes a request and gives an answer in pieces, then the end."""

    def __init__(self, *pieces):
        self.sent = b""
        self._pieces = list(pieces)

    async def send_all(self, data):
        self.sent += data

    async def receive_some(self):
        if not self._pieces:
            raise PeerCloseNotify
        return self._pieces.pop(0)


def asked(*pieces, **changes):
    stream = Answering(*pieces)
    fields = {"host": "broker.example.net", "target": "/health?x=1"} | changes
    return in_virtual_time(lambda: get(cast("TlsStream", stream), UpgradeRequest(**fields))), stream


def test_the_request():
    headers = {"User-Agent": "stresser", "Authorization": Secret("T", "s3cret"), "Accept": "x"}
    _, stream = asked(b"HTTP/1.1 200 OK\r\n\r\n", headers=headers)
    assert stream.sent == (
        b"GET /health?x=1 HTTP/1.1\r\nHost: broker.example.net\r\nAccept: */*\r\n"
        b"User-Agent: stresser\r\nAuthorization: s3cret\r\nConnection: close\r\n\r\n"
    )


def test_the_answer_as_far_as_it_tells_who_answered():
    answer, _ = asked(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Mov",
        b"ed\r\nLocation: https://login/\r\nVia: 1.1 a\r\nvia: 1.1 b\r\n",
        b"Set-Cookie: x=1\r\n\r\nbody",
    )
    assert (answer.status, answer.reason) == (302, "Moved")
    assert answer.headers == {"location": "https://login/", "via": "1.1 a, 1.1 b"}


@pytest.mark.parametrize(
    "pieces",
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n",),
        (b"HTTP/1.1 banana\r\n\r\n",),
        (b"HTTP/1.1 101 Switching\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 40_000,),
        tuple(b"HTTP/1.1 200 OK\r\n" if not n else b"X: " + b"x" * 4000 for n in range(20)),
    ],
)
def test_answers_that_http_does_not_allow(pieces):
    with pytest.raises(ProtocolViolation):
        asked(*pieces)


def test_a_peer_that_hangs_up():
    with pytest.raises(PeerCloseNotify):
        asked(b"HTTP/1.1 20")


def test_texts_of_a_peer_are_cut():
    answer, _ = asked(b"HTTP/1.1 200 " + b"r" * 2000 + b"\r\nServer: " + b"s" * 2000 + b"\r\n\r\n")
    assert len(answer.reason) <= 256
    assert len(answer.headers["server"]) <= 256
