import msgspec
import pytest

from stresser.model.far_end import FarEnd, OneWay


def test_what_is_not_known_is_not_written():
    far = FarEnd(within_ns=1, known_until_ns=2, peer="x")
    assert msgspec.to_builtins(far) == {"within_ns": 1, "known_until_ns": 2, "peer": "x"}


@pytest.mark.parametrize(
    ("way", "lost"),
    [
        (OneWay(sent=40, again=3, arrived=38), 2),
        (OneWay(sent=40, again=3, arrived=36), 3),
        (OneWay(sent=40, arrived=38), 0),
        (OneWay(sent=40, arrived=41), -1),
        (OneWay(sent=40, arrived=37), None),
        (OneWay(sent=40, arrived=43), None),
    ],
)
def test_what_is_missing_and_was_sent_again_was_lost(way, lost):
    assert way.lost == lost
