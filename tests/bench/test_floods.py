import pytest

from bench.flood_server import KINDS, acceptance
from bench.floods import Beside


def test_the_ratio_is_to_the_mean_of_both_controls():
    assert Beside("pings", (1.0, 3.0), 4.0, 1.0).ratio == 2
    assert Beside("pings", (1.0, 3.0), 4.0, 1.0).row().endswith("2.00  met")
    assert Beside("pings", (1.0, 3.0), 7.0, 1.0).row().endswith("3.50  MISSED")


def test_the_example_of_rfc_6455_is_accepted():
    head = b"GET /chat HTTP/1.1\r\nsec-websocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX: y\r\n\r\n"
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" in acceptance(head)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_repeated_is_whole_unmasked_frames_of_at_most_three_bytes(kind):
    first, again = KINDS[kind]
    for frame in filter(None, (first, again)):
        assert len(frame) == 2 + frame[1]
    assert len(again) <= 3
