"""Heads of answers from peers that send anything, in any portions."""

from collections import deque

import pytest
import trio

from stresser.model.faults import ProtocolViolation
from stresser.net.http_head import (
    HEAD_LIMIT,
    header_fields,
    read_head,
    reason_phrase,
    status_line,
    telling_headers,
)

HEAD = b"HTTP/1.1 403 Not today\r\nVia: 1.1 squid\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def head_of(data: bytes, portion: int = 10**9):
    """The head and what is behind it, of what came in portions."""
    rest = deque(data[at : at + portion] for at in range(0, len(data), portion))

    async def receive() -> bytes:
        await trio.lowlevel.checkpoint()
        assert rest, "it asks for more than there is"
        return rest.popleft()

    return trio.run(read_head, receive)


@pytest.mark.parametrize("portion", [1, 2, 7, 1000])
@pytest.mark.parametrize("before", [b"", INTERIM, INTERIM * 3, b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_the_final_head_is_found_whatever_came_before_it(portion, before):
    assert head_of(before + HEAD, portion) == (HEAD, b"")


def test_what_is_behind_it_is_kept():
    assert head_of(INTERIM + HEAD + b"\x16\x03\x01") == (HEAD, b"\x16\x03\x01")


def test_101_is_final():
    head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    assert head_of(head + HEAD) == (head, HEAD)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x05\x00",
        b"<html>",
        b"http/1.1 200 OK\r\n",
        b"HTTP/2 200\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n",
        bytes(1000),
    ],
)
def test_what_is_not_http_is_told_at_once(data):
    with pytest.raises(ProtocolViolation, match="not HTTP"):
        head_of(data)


@pytest.mark.parametrize("portion", [17, 4096])
@pytest.mark.parametrize("filling", [b"X-A: b\r\n", b"x", b"\x00"])
def test_an_endless_head_is_given_up(portion, filling):
    data = b"HTTP/1.1 200 OK\r\n" + filling * (2 * HEAD_LIMIT)
    with pytest.raises(ProtocolViolation, match="longer than"):
        head_of(data, portion)


def test_endless_interim_answers_are_given_up():
    with pytest.raises(ProtocolViolation, match="longer than"):
        head_of(INTERIM * HEAD_LIMIT, 1000)


def test_what_a_head_says():
    assert status_line(HEAD) == b"HTTP/1.1 403 Not today"
    assert reason_phrase(HEAD) == "Not today"
    assert reason_phrase(b"HTTP/1.1 200\r\n\r\n") == ""
    assert len(reason_phrase(b"HTTP/1.1 200 " + b"x" * 9999 + b"\r\n\r\n")) == 256


def test_telling_headers_are_cut_and_of_twins_both_are_kept():
    headers = [(b"VIA", b"1.1 a"), (b"Via", b"1.1 b"), (b"X-Other", b"c"), (b"Server", b"s" * 999)]
    assert telling_headers(headers, {"via", "server"}) == {
        "via": "1.1 a, 1.1 b",
        "server": "s" * 256,
    }


def test_lines_of_a_head_that_are_fields():
    head = b"HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nno colon\r\n Server :x: y\r\n\r\n"
    assert list(header_fields(head)) == [(b"Via", b"1.1 a"), (b"Server", b"x: y")]


def test_of_a_location_no_login_and_no_token_is_kept():
    head = b"HTTP/1.1 302\r\nLocation: https://u:p@h/x?t=1\r\nlocation: /y?t=2\r\n\r\n"
    headers = telling_headers(header_fields(head), {"location"})
    assert headers == {"location": "https://h/x, /y"}
