"""One HTTPS request: answers of each form are heard to their end, and nothing of them is said."""

from typing import Any

import pytest
import trio

from stresser.model.faults import HttpRefused, PeerCloseNotify, PeerFin, ProtocolViolation
from stresser.net.https_request import LONGEST_ANSWER, HttpsRequest, ask_https
from stresser.scenario.secrets import Secret
from tests.net.peers import run, tls_pair

ASKED = HttpsRequest(
    method="POST",
    host="api.test",
    target="/open?a=1",
    headers={"Authorization": Secret("T", "Bearer hunter2"), "Host": "other", "X-A": "b"},
    body=b"grant=x",
)


def asked(*parts: bytes, request: HttpsRequest = ASKED, ends: bool = True) -> tuple[Any, bytes]:
    """What came of it, and what the server was sent."""
    found: list[Any] = []
    heard = bytearray()

    async def test() -> None:
        async with tls_pair("TLSv1.3") as (stream, peer):

            async def ask() -> None:
                try:
                    found.append(await ask_https(stream, request))
                except (HttpRefused, ProtocolViolation, PeerFin, PeerCloseNotify) as exc:
                    found.append(exc)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask)
                while not heard.endswith(request.body or b"\r\n\r\n"):
                    heard.extend(await peer.receive())
                for part in parts:
                    await peer.send(part)
                if ends:
                    peer.sock.shutdown(1)

    run(test)
    return found[0], bytes(heard)


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        ([OK + b"Content-Length: 2\r\n\r\nhi"], b"hi"),
        ([OK + b"Content-Length: 2\r\n\r\n", b"h", b"i"], b"hi"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"], b"hi"),
        ([OK + b"\r\nto the end", b" of it"], b"to the end of it"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n", OK + b"Content-Length: 0\r\n\r\n"], b""),
    ],
)
def test_an_answer_is_heard_to_its_end(parts, body):
    answer, _ = asked(*parts)
    assert answer.body == body
    assert "hi" not in repr(answer)


def test_what_is_sent_is_one_request_that_ends():
    answer, heard = asked(OK + b"X-Token: abc\r\nContent-Length: 0\r\n\r\n")
    assert answer.headers["x-token"] == "abc"
    head, _, body = heard.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /open?a=1 HTTP/1.1"
    assert lines[1:4] == [b"Host: api.test", b"Accept: */*", b"Connection: close"]
    assert {b"Content-Length: 7", b"Authorization: Bearer hunter2", b"X-A: b"} <= set(lines)
    assert body == b"grant=x"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 429, 503])
def test_what_is_not_2xx_is_a_refusal_with_what_tells_who(status):
    said = b"HTTP/1.1 %d No\r\nServer: gw\r\nX-Own: s\r\nContent-Length: 6\r\n\r\nsecret" % status
    refused, _ = asked(said)
    assert isinstance(refused, HttpRefused)
    assert (refused.status, refused.headers) == (status, {"server": "gw"})
    assert "secret" not in repr(vars(refused))


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-secret\r\n\r\n",
        b"HTTP/1.1 secret\r\n\r\n",
        OK + b"Content-Length: secret\r\n\r\n",
        OK + b"X: " + b"s" * 70_000,
        OK + b"\r\n" + b"x" * (LONGEST_ANSWER + 1),
    ],
)
def test_what_is_no_answer_is_said_without_its_words(said):
    violation, _ = asked(said, ends=False)
    assert isinstance(violation, ProtocolViolation)
    assert "secret" not in str(violation)
    assert violation.seen == b""


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", OK + b"Content-Length: 9\r\n\r\nhalf"])
def test_an_answer_that_breaks_off_is_none(said):
    ended, _ = asked(said) if said else asked()
    assert isinstance(ended, PeerFin | ProtocolViolation)
