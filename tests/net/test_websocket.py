"""The opening handshake: what we ask for, and every answer that a peer may give."""

import re
import traceback
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from wsproto.frame_protocol import FrameProtocol, Opcode

from stresser.model.faults import HttpRefused, PeerClosed, PeerFin, ProtocolViolation
from stresser.net import websocket
from stresser.net.websocket import UpgradeRequest, WebSocket, upgrade
from stresser.scenario.secrets import Secret
from tests.net.frames import PONG, TEXT, acceptance, close, frame
from tests.net.open_websocket import ASKED, accepting, drained, read_request
from tests.net.peers import NAME, run, tls_pair

PASSWORD = "Bearer hunter2"  # noqa: S105 - a test's own


async def answered(asked, answer):
    """The outcome of an upgrade that is answered so: the value or the exception; the request."""
    outcome: list[Any] = []

    async def ask(stream):
        try:
            outcome.append(await upgrade(stream, asked))
        except Exception as exc:  # noqa: BLE001 - the test judges it
            outcome.append(exc)

    async with tls_pair("TLSv1.3") as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ask, stream)
        request = await read_request(peer)
        await answer(peer, request)
        await wait_all_tasks_blocked()
        if not outcome:
            peer.sock.close()
    return outcome[0], request


def saying(*parts):
    """An answer that says these bytes, in a record each."""

    async def answer(peer, _request):
        for part in parts:
            await peer.send(part)

    return answer


def test_the_request_is_what_the_rfc_asks_for():
    async def test():
        asked = UpgradeRequest(
            host=f"{NAME}:8443",
            target="/connect?x=1",
            headers={"Origin": "https://a.test", "Authorization": Secret("T", PASSWORD)},
            subprotocols=("mqtt", "amqp"),
        )
        _, request = await answered(asked, accepting)
        line, *fields = request.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        assert line == "GET /connect?x=1 HTTP/1.1"
        sent = {name.lower(): value for name, value in (field.split(": ") for field in fields)}
        key = sent.pop("sec-websocket-key")
        assert re.fullmatch(r"[A-Za-z0-9+/]{22}==", key)
        assert sent == {
            "host": f"{NAME}:8443",
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-version": "13",
            "sec-websocket-protocol": "mqtt, amqp",
            "origin": "https://a.test",
            "authorization": PASSWORD,
        }

    run(test)


def test_accepted_with_a_subprotocol():
    async def accept(peer, request):
        await peer.send(acceptance(request, b"Sec-WebSocket-Protocol: amqp", b"Server: x"))

    async def test():
        asked = UpgradeRequest(host=NAME, target="/", subprotocols=("mqtt", "amqp"))
        outcome, _ = await answered(asked, accept)
        assert isinstance(outcome[0], WebSocket)
        assert outcome[1] == "amqp"
        plain, _ = await answered(ASKED, accepting)
        assert plain[1] is None

    run(test)


def test_accepted_one_byte_at_a_time():
    async def drip(peer, request):
        for byte in acceptance(request):
            await peer.send(bytes([byte]))

    async def test():
        outcome, _ = await answered(ASKED, drip)
        assert isinstance(outcome[0], WebSocket)

    run(test)


@pytest.mark.parametrize("interim", [b"100 Continue", b"103 Early Hints\r\nLink: </x>"])
def test_interim_answers_are_passed_over(interim):
    async def accept(peer, request):
        both = b"HTTP/1.1 " + interim + b"\r\n\r\n" + acceptance(request)
        await peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        await peer.send(both)

    async def test():
        outcome, _ = await answered(ASKED, accept)
        assert isinstance(outcome, tuple)
        assert isinstance(outcome[0], WebSocket)

    run(test)


def test_frames_in_the_same_record_as_the_acceptance_are_not_lost():
    async def test():
        async with tls_pair("TLSv1.3") as (stream, peer):
            pongs: list[bytes] = []
            opened = []

            async def hold():
                websocket, _ = await upgrade(stream, ASKED)
                opened.append(websocket)
                assert isinstance(await drained(websocket, pongs), PeerClosed)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(hold)
                request = await read_request(peer)
                early = frame(TEXT, b"hello") + frame(PONG, b"p") + close(4000)
                await peer.send(acceptance(request) + early)
            assert pongs == [b"p"]
            assert opened[0].messages == 1

    run(test)


REFUSAL = (
    b"HTTP/1.1 503 Try Later\r\nServer: gw\r\nVia: 1.1 proxy\r\nRetry-After: 30\r\n"
    b"X-Cache: MISS\r\nSet-Cookie: sid=1\r\nX-Long: " + b"x" * 3000 + b"\r\n\r\nbody"
)


@pytest.mark.parametrize(
    ("answer", "status", "reason", "headers"),
    [
        (
            REFUSAL,
            503,
            "Try Later",
            {"server": "gw", "via": "1.1 proxy", "retry-after": "30", "x-cache": "MISS"},
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://login.example.net/\r\n\r\n",
            302,
            "Found",
            {"location": "https://login.example.net/"},
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "OK", {}),
        (b"HTTP/1.0 403 \r\n\r\n", 403, "", {}),
        (b"HTTP/1.1 407\r\nVia: 1.1 p\r\n\r\n", 407, "", {"via": "1.1 p"}),
        (b"HTTP/1.1 426 Upgrade Required\r\n\r\n", 426, "Upgrade Required", {}),
        (b"HTTP/1.1 500 " + b"y" * 900 + b"\r\n\r\n", 500, "y" * 256, {}),
        (b"HTTP/1.1 500 x\r\nServer: " + b"z" * 900 + b"\r\n\r\n", 500, "x", {"server": "z" * 256}),
    ],
    ids=["503", "redirect", "200", "no reason", "no reason or space", "426", "long", "long header"],
)  # fmt: skip
def test_a_refusal_keeps_what_tells_who_answered(answer, status, reason, headers):
    async def test():
        outcome, _ = await answered(ASKED, saying(answer))
        assert isinstance(outcome, HttpRefused)
        assert (outcome.status, outcome.reason) == (status, reason)
        assert outcome.headers == headers

    run(test)


def spoiled(old, new):
    async def answer(peer, request):
        whole = acceptance(request, b"X: y")
        assert re.search(old, whole)
        await peer.send(re.sub(old, new, whole))

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        spoiled(rb"Accept: .", b"Accept: !"),
        spoiled(rb"Sec-WebSocket-Accept: [^\r]*\r\n", b""),
        spoiled(rb"Upgrade: websocket\r\n", b""),
        spoiled(rb"Upgrade: websocket", b"Upgrade: h2c"),
        spoiled(rb"Connection: Upgrade\r\n", b""),
        spoiled(rb"X: y", b"Sec-WebSocket-Protocol: not-asked-for"),
        spoiled(rb"X: y", b"Sec-WebSocket-Protocol: \xff\xfe"),
        spoiled(rb"X: y", b"Sec-WebSocket-Extensions: permessage-deflate"),
        spoiled(rb"X: y", b"no colon"),
        saying(b"HTTP/1.1 999999 x\r\n\r\n"),
        saying(b"HTTP/1.1 abc\r\n\r\n"),
        saying(b"HTTP/2 200\r\n\r\n"),
        saying(b"SSH-2.0-OpenSSH_9.6\r\n"),
        saying(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
        saying(b"H", b"TTQ"),
        saying(b"\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\n", *[b"X-More: " + b"x" * 4000 + b"\r\n"] * 12),
        saying(b"HTTP/1.1 101 " + b"x" * 60_000),
    ],
    ids=[
        "wrong accept", "no accept", "no upgrade", "other upgrade", "no connection",
        "subprotocol not asked for", "subprotocol not ascii", "extension", "no header",
        "absurd status", "no status", "http/2 words", "ssh", "http/2 frames", "slow nonsense",
        "empty", "endless headers", "endless line",
    ],
)  # fmt: skip
def test_an_answer_that_http_or_the_rfc_does_not_allow(answer):
    async def test():
        outcome, _ = await answered(ASKED, answer)
        assert isinstance(outcome, ProtocolViolation)
        assert outcome.layer == "http"
        assert len(outcome.detail) < 300

    run(test)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 10"])
def test_a_connection_that_ends_before_the_answer(said):
    async def test():
        outcome, _ = await answered(ASKED, saying(said))
        assert isinstance(outcome, PeerFin)

    run(test)


@pytest.mark.parametrize(
    "answer",
    [
        saying(b"HTTP/1.1 401 No\r\n\r\n"),
        saying(b"nonsense"),
        spoiled(rb"Accept: .", b"Accept: !"),
        saying(b""),
    ],
    ids=["refused", "nonsense", "wrong accept", "fin"],
)
def test_a_secret_reaches_the_peer_and_no_text_of_ours(answer):
    async def test():
        headers = {"Authorization": Secret("TOKEN", PASSWORD)}
        asked = UpgradeRequest(host=NAME, target="/", headers=headers)
        outcome, request = await answered(asked, answer)
        assert PASSWORD.encode() in request
        assert isinstance(outcome, Exception)
        told = "".join(traceback.format_exception(outcome))
        for text in (
            told,
            str(outcome),
            repr(outcome),
            repr(asked),
            str(asked),
            repr(vars(outcome)),
        ):
            assert "hunter2" not in text
        assert "env:TOKEN" in repr(asked)

    run(test)


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 125])
def test_our_pings_are_what_wsproto_reads(length):
    payload = bytes(range(length))
    server = FrameProtocol(client=False, extensions=[])
    server.receive_bytes(websocket._ping(payload))
    [read] = server.received_frames()
    assert (Opcode.PING, payload) == (read.opcode, read.payload)


def test_each_ping_has_a_mask_of_its_own():
    assert len({websocket._ping(b"same") for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b"\x8a\x00", True),
        (b"\x8a\x04abcd", True),
        (b"\x8a\x7d" + bytes(125), True),
        (b"\x8a", False),
        (b"\x8a\x04abc", False),
        (b"\x8a\x04abcde", False),
        (b"\x0a\x04abcd", False),  # a fragment, which a control frame must not be
        (b"\xca\x04abcd", False),  # a reserved bit
        (b"\x89\x04abcd", False),  # a ping
        (b"\x8a\x84abcd", False),  # masked
        (b"\x8a\x7e" + bytes(126), False),
    ],
)
def test_only_a_whole_pong_alone_goes_past_the_parser(data, is_one):
    assert websocket._is_one_pong(data) is is_one
