import msgspec
import pytest

from stresser.model.ending import Kind
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


@pytest.mark.parametrize(
    ("at_s", "longer_s"), [(9, 4.5), (4, 0), (3.6, 0), (4.4, 0), (2, -1.5)]
)  # it ended here at 4 s, and the clocks may be half a second apart
def test_which_end_held_it_for_longer_at_least(at_s, longer_s):
    s = 10**9
    far = FarEnd(
        within_ns=s // 2, kind=Kind.TCP_RESET, at_ns=round(at_s * s), known_until_ns=99, peer="x"
    )
    assert far.held_longer_ns(4 * s) == round(longer_s * s)


@pytest.mark.parametrize(("until_s", "longer_s"), [(9, 4.5), (4.2, 0), (1, 0)])
def test_what_is_still_held_there(until_s, longer_s):
    s = 10**9
    far = FarEnd(within_ns=s // 2, known_until_ns=round(until_s * s), peer="x")
    assert far.held_longer_ns(4 * s) == round(longer_s * s)
