"""Hops in words: one row a case."""

from typing import Any

import pytest

from stresser.analysis.words.hop_words import change_words, path_words, walk_lines, walk_words
from stresser.model.events import HopsSeen
from stresser.model.hops import Hop, HopReading, HopWalk, StoppedBy

ONE, TWO = Hop(number=1, address="198.51.100.1"), Hop(number=2, address="203.0.113.1")
THREE, MUTE = Hop(number=3, address="203.0.113.5"), Hop(number=2)


def seen(hops, before):
    return HopsSeen(
        t_ns=1, utc="u", endpoint="e", egress="g", activity="a", session=7, remote="r",
        hops=hops, before=before,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hops", "words"),
    [
        ([], "no hops"),
        ([ONE], "1 hop: 198.51.100.1"),
        ([ONE, MUTE, THREE], "3 hops: 198.51.100.1, silent, 203.0.113.5"),
    ],
)
def test_a_path(hops, words):
    assert path_words(hops) == words


def test_a_change_names_both_addresses_and_no_silence():
    other = Hop(number=3, address="203.0.113.9")
    assert change_words(seen([ONE, TWO, other], [ONE, MUTE, THREE])) == (
        "hop 3: 203.0.113.5 -> 203.0.113.9"
    )


STOPS: dict[str, Any] = {"last": TWO, "next": THREE, "flow": [ONE, TWO], "fresh": [ONE, TWO, THREE]}


@pytest.mark.parametrize(
    ("walk", "words"),
    [
        (
            HopWalk(reading=HopReading.STOPS_ALONE, **STOPS),
            (
                "this flow stops after hop 2 (203.0.113.1); a new one passes it,"
                " to hop 3 (203.0.113.5)"
            ),
        ),
        (
            HopWalk(reading=HopReading.STOPS_ALONE, next=ONE),
            "this flow stops before the first hop; a new one passes it, to hop 1 (198.51.100.1)",
        ),
        (
            HopWalk(reading=HopReading.STOPS_ALONE, to_proxy=True, many_paths=True, **STOPS),
            (
                "this flow stops after hop 2 (203.0.113.1) on its path to the proxy; a new one"
                " passes it, to hop 3 (203.0.113.5); paths differ from flow to flow here"
            ),
        ),
        (
            HopWalk(reading=HopReading.STOPS_LIKE_ALL, last=TWO, next=THREE),
            (
                "nothing passes after hop 2 (203.0.113.1) any more, new connections neither;"
                " hop 3 (203.0.113.5) answered it before"
            ),
        ),
        (
            HopWalk(reading=HopReading.PASSES, last=THREE),
            ("this flow reaches hop 3 (203.0.113.5), the last that is known to answer"),
        ),
        (HopWalk(reading=HopReading.UNDECIDED), "where this flow stops is not known"),
        (
            HopWalk(reading=HopReading.STOPS_ALONE, hello=StoppedBy.RESET, **STOPS),
            (
                "the ClientHello is reset after hop 2 (203.0.113.1); an empty segment of the same"
                " connection passes it, to hop 3 (203.0.113.5)"
            ),
        ),
    ],
)
def test_a_walk(walk, words):
    assert walk_words(walk) == words


def test_what_a_walk_rests_on():
    walk = HopWalk(reading=HopReading.STOPS_ALONE, connections=2, before=[ONE, TWO, THREE], **STOPS)
    assert list(walk_lines(walk))[1:] == [
        "this flow reached hops 1 198.51.100.1, 2 203.0.113.1",
        "new connections (2) reached hops 1 198.51.100.1, 2 203.0.113.1, 3 203.0.113.5",
        (
            "while healthy, it or another like it passed 3 hops:"
            " 198.51.100.1, 203.0.113.1, 203.0.113.5"
        ),
    ]


def test_a_hostile_address_is_escaped():
    assert "\x1b" not in path_words([Hop(number=1, address="\x1b[2J")])
