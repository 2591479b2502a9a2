import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import Opcode

from stresser.lab.frames import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    Frame,
    FrameReader,
    close_frame,
    frame,
    header_value,
    masked_frame,
    switching_protocols,
)


def masked(opcode, payload):
    """A client's frame, by a way of its own."""
    key = b"\x11\x22\x33\x44"
    size = len(payload)
    if size < 126:
        length = bytes((size,))
    elif size < 65_536:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    body = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    return bytes((0x80 | opcode, 0x80 | length[0])) + length[1:] + key + body


@given(
    st.lists(st.tuples(st.sampled_from([TEXT, BINARY, PING, CLOSE]), st.binary(max_size=300))),
    st.integers(1, 50),
)
def test_frames_are_found_however_the_bytes_are_cut(frames, step):
    wire = b"".join(masked(*one) for one in frames)
    reader = FrameReader()
    seen = []
    for start in range(0, len(wire), step):
        seen += reader.feed(wire[start : start + step])
    assert seen == [Frame(opcode, payload, final=True) for opcode, payload in frames]


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_payloads_that_are_too_long_are_skipped_and_not_kept(step):
    reader = FrameReader(longest=100)
    wire = masked(BINARY, b"x" * 70_000) + masked(TEXT, b"kept") + masked(BINARY, b"y" * 101)
    seen = []
    for start in range(0, len(wire), step):
        seen += reader.feed(wire[start : start + step])
        assert len(reader._buffer) < 120 + step
    assert seen == [Frame(TEXT, b"kept", final=True)]


def test_an_announcement_of_eight_exabytes_costs_nothing():
    reader = FrameReader()
    reader.feed(b"\x82\xff" + b"\x7f" + b"\xff" * 7 + b"mask")
    for _ in range(100):
        assert reader.feed(b"z" * 10_000) == []
    assert len(reader._buffer) == 0


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_servers_frame_has_the_shortest_header(size):
    data = frame(Opcode.BINARY, b"x" * size)
    extra = 0 if size < 126 else 2 if size < 65_536 else 8
    assert len(data) == 2 + extra + size
    assert data[0] == 0x82
    assert data[1] < 128


def test_close_frames():
    assert close_frame(None) == b"\x88\x00"
    assert close_frame(1001, "bye") == b"\x88\x05\x03\xe9bye"


def test_masked_frame_is_what_a_client_would_send():
    assert FrameReader().feed(masked_frame(TEXT, b"wrong")) == [Frame(TEXT, b"wrong", final=True)]


def test_the_accept_key_is_that_of_rfc_6455_section_1_3():
    request = b"GET / HTTP/1.1\r\nsec-WebSocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in switching_protocols(request)


def test_the_first_subprotocol_is_chosen():
    request = b"GET / HTTP/1.1\r\nSec-WebSocket-Protocol: mqtt, amqp\r\n\r\n"
    assert b"\r\nSec-WebSocket-Protocol: mqtt\r\n" in switching_protocols(request)
    assert header_value(request, b"absent") == b""
