"""Header fields, subprotocols and ALPN ids: one row each."""

import pytest

from stresser.scenario.header import (
    check_alpn,
    check_header_name,
    check_header_value,
    check_subprotocol,
)


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "Origin", "User-Agent", "x!#$%&'*"])
def test_a_header_that_may_be_sent(name):
    check_header_name(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "not a header name"),
        ("X Y", "not a header name"),
        ("X:Y", "not a header name"),
        ("X\r\nY", "not a header name"),
        ("Ü", "not a header name"),
        ("x" * 200, "not a header name"),
        ("Host", "sets this header itself"),
        ("upgrade", "sets this header itself"),
        ("CONNECTION", "sets this header itself"),
        ("Content-Length", "sets this header itself"),
        ("Transfer-Encoding", "sets this header itself"),
        ("Sec-WebSocket-Key", "sets this header itself"),
        ("sec-websocket-extensions", "sets this header itself"),
        ("Sec-WebSocket-Protocol", "subprotocols"),
    ],
)
def test_a_header_that_may_not(name, problem):
    with pytest.raises(ValueError, match=problem):
        check_header_name(name)


@pytest.mark.parametrize("value", ["x", "Bearer abc=", "a\tb", "!~"])
def test_a_value_that_may_be_sent(value):
    check_header_value(value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "empty"),
        ("a\r\nEvil: yes", "line break"),
        ("a\n", "line break"),
        (" hunter2", "printable ASCII"),
        ("hunter2 ", "printable ASCII"),
        ("hunter2\x00", "printable ASCII"),
        ("hünter2", "printable ASCII"),
        ("hunter2" * 2000, "longer than"),
    ],
)
def test_a_value_that_may_not_is_not_shown(value, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        check_header_value(value)
    assert "nter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "a b", "a,b", "a\r\n", "ü", "x" * 200])
def test_a_subprotocol_is_one_token(text):
    check_subprotocol("v1.broker+json")
    with pytest.raises(ValueError, match="not a subprotocol"):
        check_subprotocol(text)


@pytest.mark.parametrize("text", ["", "ü", "a\x00", "x" * 256])
def test_an_alpn_id_is_1_to_255_bytes(text):
    check_alpn("x" * 255)
    with pytest.raises(ValueError, match="not an ALPN id"):
        check_alpn(text)
