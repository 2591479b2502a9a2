"""What is recorded of hops reads back as it was written, and is held to its ranges."""

import msgspec
import pytest

from stresser.model.hops import MOST_HOPS, Hop, HopReading, HopWalk, StoppedBy

PATH = [Hop(number=1, address="198.51.100.1", rtt_ns=5), Hop(number=2)]
WALK = HopWalk(reading=HopReading.STOPS_ALONE, last=PATH[0], flow=PATH, hello=StoppedBy.RESET)


def test_a_walk_reads_back_as_written():
    assert msgspec.json.decode(msgspec.json.encode(WALK), type=HopWalk) == WALK


@pytest.mark.parametrize(
    "hostile",
    [
        {"reading": "stops_somewhere"},
        {"reading": "passes", "last": {"number": 256}},
        {"reading": "passes", "last": {"number": 1, "address": "x" * 65}},
        {"reading": "passes", "flow": [{"number": 1}] * (MOST_HOPS + 1)},
        {"reading": "passes", "connections": -1},
    ],
)
def test_what_no_walk_can_show_is_refused(hostile):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(hostile, HopWalk)
