"""What is taken for an acceptance without a parser: never more than wsproto accepts."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, Request
from wsproto.handshake import H11Handshake
from wsproto.utilities import ProtocolError

from stresser.net.acceptance import accept_token, plainly_accepts

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
TOKEN = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
USUAL = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + TOKEN + b"\r\n\r\n"
)


def with_field(line):
    return USUAL.removesuffix(b"\r\n") + line + b"\r\n\r\n"


def wsproto_accepts(head):
    """The library's own judgement of the same answer to the same key."""
    handshake = H11Handshake(ConnectionType.CLIENT)
    written = handshake.send(Request(host="broker.test", target="/"))
    found = re.search(rb"Sec-WebSocket-Key: (.*)\r\n", written)
    assert found
    its_own = head.replace(TOKEN, accept_token(found[1]))
    try:
        handshake.receive_data(its_own)
        answer = next(handshake.events(), None)
    except (ProtocolError, ValueError):
        return False
    return isinstance(answer, AcceptConnection) and answer.subprotocol is None


def test_the_token_of_the_rfc():
    assert accept_token(KEY) == TOKEN  # RFC 6455 section 1.3


@pytest.mark.parametrize(
    "head",
    [
        USUAL,
        USUAL.replace(b" Switching Protocols", b""),
        USUAL.replace(b"Upgrade: websocket", b"UPGRADE:WebSocket  "),
        USUAL.replace(b"Connection: Upgrade", b"connection: upgrade"),
        with_field(b"Server: nginx/1.25 (a; b)\r\nDate: Wed, 25 Nov 2026 14:00:00 GMT\r\nX:"),
    ],
    ids=["usual", "no reason", "other case", "lower case", "more fields"],
)
def test_plain_acceptances(head):
    assert plainly_accepts(head, KEY)
    assert wsproto_accepts(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        USUAL.replace(b"101", b"200"),
        USUAL.replace(b"1.1", b"1.0"),
        USUAL.replace(TOKEN, TOKEN.swapcase()),
        USUAL.replace(TOKEN, accept_token(b"another")),
        USUAL.replace(b"websocket", b"h2c"),
        USUAL.replace(b"Connection: Upgrade", b"Connection: keep-alive, Upgrade"),
        USUAL.replace(b"Connection: Upgrade", b"Connection: close"),
        USUAL.replace(b"\r\nConnection", b"\r\n Connection"),
        with_field(b"Sec-WebSocket-Protocol: mqtt"),
        with_field(b"Sec-WebSocket-Extensions: permessage-deflate"),
        with_field(b"Content-Length: 0"),
        with_field(b"Transfer-Encoding: chunked"),
        with_field(b"X: y\r\nX: z"),
        with_field(b"X: \xe9"),
        with_field(b"X : y"),
        with_field(b"no colon"),
        with_field(b"\r\nX: y"),
        USUAL + b"\r\n",
        USUAL.replace(b"\r\n", b"\n"),
    ],
)
def test_whatever_is_unusual_is_left_to_the_parser(head):
    assert not plainly_accepts(head, KEY)


PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\r", b"\n", b"\x00", b" ", b"\t", b":", b",", b"\xff", b"a"),
        *(b"Upgrade: websocket\r\n", b"Content-Length: 5\r\n", b"Sec-WebSocket-Protocol: x\r\n"),
        b"HTTP/1.1 101",
    ]
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(USUAL)), PIECES), max_size=3), st.booleans())
def test_it_accepts_nothing_that_wsproto_refuses(insertions, cut):
    head = USUAL
    for at, piece in insertions:
        head = head[:at] + piece + head[at + len(piece) * cut :]
    if plainly_accepts(head, KEY):
        assert wsproto_accepts(head)
