"""The body that is passed over: to its end, and not a byte further."""

import pytest
import trio

from stresser.net.http_body import BODY_LIMIT, skip_body
from tests.net.channel import Talk

CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\nTrailer: x\r\n\r\n"


def skipped(fields, behind, *portions, version=b"1.1"):
    head = b"HTTP/%b 407 No\r\n%b\r\n" % (version, fields)
    return trio.run(skip_body, head, behind, Talk(*portions).receive_some)


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (b"Content-Length: 0\r\n", b""),
        (b"content-length:  5\r\n", b"hello"),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
        (CHUNKED, CHUNKS),
        (CHUNKED, b"0\r\n\r\n"),
        (b"Connection: keep-alive\r\nContent-Length: 5\r\n", b"hello"),
    ],
)
def test_the_connection_goes_on_behind_it(fields, body):
    assert skipped(fields, body) == b""
    assert skipped(fields, b"", *(body[i : i + 1] for i in range(len(body)))) == b""
    assert skipped(fields, body + b"HTTP") == b"HTTP"


def test_an_old_answer_goes_on_where_it_says_so():
    fields = b"Content-Length: 2\r\nProxy-Connection: Keep-Alive\r\n"
    assert skipped(fields, b"no", version=b"1.0") == b""
    assert skipped(b"Content-Length: 2\r\n", b"no", version=b"1.0") is None


@pytest.mark.parametrize(
    ("fields", "behind"),
    [
        (b"", b"<html>"),
        (b"Connection: close\r\nContent-Length: 2\r\n", b"no"),
        (b"Proxy-Connection: Close\r\nContent-Length: 2\r\n", b"no"),
        (b"Content-Length: -1\r\n", b""),
        (b"Content-Length: many\r\n", b""),
        (b"Content-Length: %d\r\n" % (BODY_LIMIT + 1), b""),
        (b"Content-Length: %b\r\n" % (b"9" * 5000), b""),
        (CHUNKED, b"xyz\r\n"),
        (CHUNKED, b"-5\r\n"),
        (CHUNKED, b"%x\r\n" % (BODY_LIMIT + 1)),
        (CHUNKED, b"1" * 5000),
        (CHUNKED, b"1;%b\r\n" % (b"x" * 4000) * 100),
        (CHUNKED, b"0\r\n" + b"a: b\r\n" * 50_000),
        (CHUNKED, b"1\r\nx\r\n" * 60_000),
    ],
)
def test_the_connection_is_of_no_more_use(fields, behind):
    assert skipped(fields, behind) is None
