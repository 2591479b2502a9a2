"""Which thing decides, one row a pattern; and what decides nothing."""

import pytest

from stresser.analysis.checkup.hello_reading import read_hellos
from stresser.analysis.words.obstacles import Obstacle
from stresser.model.client_hello import HelloKind
from stresser.model.hello_tried import HelloOutcome, HelloShape, HelloTried

S, O = HelloShape, Obstacle  # noqa: E741 - a table is read by its columns
_FATES = {
    "+": HelloOutcome.STOOD, "!": HelloOutcome.ALERT, "x": HelloOutcome.CUT,
    "-": HelloOutcome.LOST, "?": HelloOutcome.UNKNOWN,
}  # fmt: skip
SIZES = {S.LONG: 1716, S.HYBRID: 1557, S.HYBRID_NAME_LAST: 1557, S.HYBRID_SPLIT: 1557}


def tried(shape, fates, acknowledged=0):
    """`fates`: a letter a try; empty: it was not made."""
    if not fates:
        return HelloTried(shape=shape, not_made="no library makes it")
    outcomes = [_FATES[one] for one in fates]
    acked = acknowledged if {"x", "-"} & set(fates) else None
    kind = HelloKind.HYBRID if "hybrid" in shape else HelloKind.CLASSIC
    return HelloTried(shape=shape, size=SIZES.get(shape, 517), kind=kind, outcomes=outcomes,
                      acknowledged=acked)  # fmt: skip


def hellos(fates, acknowledged=None):
    """In the order of the shapes; `fates`: words of one letter a try, `.`: not made."""
    words = ["" if word == "." else word for word in fates.split()]
    acked = acknowledged or {}
    return [
        tried(shape, word, acked.get(shape, 0))
        for shape, word in zip(HelloShape, words, strict=True)
    ]


#       classic capped split name2 long hybrid last h-split 1.2 none other alpn
PATTERNS = [
    ("++ ++ ++ ++ ++ . ++ ++ ++ ++ ++ ++", None),
    ("+ + + + + . + + + + + +", None),
    # Only the first packet is read.
    ("++ ++ -- -- -- . -- -- ++ ++ ++ ++", O.ONE_SEGMENT_READ),
    ("++ ++ xx xx xx . xx xx ++ ++ ++ ++", O.ONE_SEGMENT_READ),
    ("++ ++ -- -- -- -- -- -- ++ ++ ++ ++", O.ONE_SEGMENT_READ),
    # The name must be in it.
    ("++ ++ ++ -- ++ . -- -- ++ -- -- ++", O.NAME_BEHIND),
    ("++ ++ ++ -- ++ ++ -- -- ++ ++ ++ ++", O.NAME_BEHIND),
    # The length, in whatever segments.
    ("++ ++ ++ ++ -- . -- -- ++ ++ ++ ++", O.LONG_HELLOS_LOST),
    ("++ ++ ++ ++ xx xx xx xx ++ ++ ++ ++", O.LONG_HELLOS_LOST),
    # The share.
    ("++ ++ ++ ++ ++ . -- -- ++ ++ ++ ++", O.ML_KEM_FILTERED),
    ("++ ++ ++ ++ ++ -- -- -- ++ ++ ++ ++", O.ML_KEM_FILTERED),
    ("++ ++ ++ ++ ++ . !! !! ++ ++ ++ ++", O.ML_KEM_FILTERED),
    ("++ . . . ++ . !! . ++ ++ ++ ++", O.ML_KEM_FILTERED),  # by a proxy
    # The name.
    ("xx xx xx ++ xx . ++ ++ ++ ++ ++ xx", O.NAME_DECIDES),
    ("-- -- -- -- -- . -- -- -- !! !! --", O.NAME_DECIDES),
    ("-- -- -- -- -- . -- -- -- -- ++ --", O.NAME_DECIDES),
    # The version.
    ("-- -- -- -- -- . -- -- ++ -- -- --", O.TLS_1_3_FILTERED),
    # Nothing that has a name.
    ("-- -- -- -- -- . -- -- -- -- -- --", None),
    ("-- -- -- -- -- . -- -- -- ++ -- --", None),  # of two names neither passes
    ("++ ++ ++ ++ ++ . ++ ++ -- -- -- ++", None),  # an endpoint may want a name, and TLS 1.3
    ("++ ++ -- -- ++ . ++ ++ ++ ++ ++ ++", None),
    ("++ ++ -- ++ -- . -- -- ++ ++ ++ ++", None),
    ("++ ++ ++ -- ++ . ++ -- ++ ++ ++ ++", None),
    ("++ ++ ++ -- ++ . -- ++ ++ ++ ++ ++", None),
    ("?? ?? ?? ?? ?? . ?? ?? ?? ?? ?? ??", None),
    ("!! ++ -- -- -- . -- -- ++ ++ ++ ++", None),
    # Packets get lost now and then, and one try shows nothing.
    ("++ ++ +- -- -- . -- -- ++ ++ ++ ++", None),
    ("++ ++ -- -- -+ . -- -- ++ ++ ++ ++", None),
    ("+- ++ -- -- -- . -- -- ++ ++ ++ ++", None),
    ("+ + - - - . - - + + + +", None),
    ("-- -- -- -- -- . -- -- -- -- +- --", None),
    ("++ ++ ++ ++ ++ . -+ -- ++ ++ ++ ++", None),
]  # fmt: skip


@pytest.mark.parametrize(("fates", "decides"), PATTERNS)
def test_what_decides(fates, decides):
    reading = read_hellos(hellos(fates))
    assert reading.decides is decides
    assert bool(reading.passed) == bool(reading.failed) == (decides is not None)
    assert all(one.answered for one in reading.passed)
    assert all(one.failed or one.refused for one in reading.failed)


LONG_FAIL = "++ ++ ++ ++ -- . -- ++ ++ ++ ++ ++"


def test_big_hellos_are_lost_where_nothing_of_them_arrives_and_small_segments_pass():
    assert read_hellos(hellos(LONG_FAIL)).decides is O.BIG_HELLOS_LOST
    # Who acknowledges a first segment of that size has got it: then it is not its size.
    acked = {S.LONG: 1448, S.HYBRID_NAME_LAST: 1448}
    assert read_hellos(hellos(LONG_FAIL, acked)).decides is None


DEAF = "-- ++ ++ ++ -- . -- -- -- -- -- --"


def test_big_answers_are_lost_where_the_hello_was_acknowledged_and_small_ones_come():
    assert read_hellos(hellos(DEAF, {S.CLASSIC: 517})).decides is O.BIG_ANSWERS_LOST
    assert read_hellos(hellos(DEAF, {S.CLASSIC: 0})).decides is None


def test_nothing_was_tried():
    assert read_hellos([]).decides is None
    assert read_hellos(hellos(". . . . . . . . . . . .")).decides is None


@pytest.mark.parametrize("decides", [row for row in dict.fromkeys(r for _, r in PATTERNS) if row])
def test_no_pattern_survives_that_its_classic_hello_was_lost_once(decides):
    """One lost packet in the control of every comparison ends it."""
    for fates, named in PATTERNS:
        if named is decides:
            first, *others = fates.split()
            assert read_hellos(hellos(" ".join([first[0] + "?", *others]))).decides is None
