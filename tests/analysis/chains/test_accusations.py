"""Findings of interception in words: bounded, escaped, and only what the value says."""

from stresser.analysis.chains.accusations import accusation_in_words, accusations_in_words
from stresser.analysis.chains.interception import (
    Accusation,
    Intercepted,
    Likeness,
    OneIssuer,
    Sign,
    SignKind,
    Suspected,
)
from stresser.model.cohort import Pair

HOSTILE = "\x1b]0;owned\x07{egress}" * 50
PAIR = Pair(HOSTILE, HOSTILE)
LIKE = Likeness(product=HOSTILE, is_weak=True)
FOUND: list[Accusation] = [
    Intercepted(
        pair=PAIR, handshakes=1, of_handshakes=2, first_ns=0, likeness=LIKE,
        clean_egresses=(HOSTILE,), why=HOSTILE,
        signs=tuple(Sign(kind=k, egress=HOSTILE, ours=HOSTILE, theirs=HOSTILE) for k in SignKind),
    ),
    Suspected(pair=PAIR, likeness=LIKE, clean_egress=HOSTILE, why=HOSTILE),
    OneIssuer(egress=HOSTILE, issuer=HOSTILE, endpoints=(HOSTILE,) * 30),
]  # fmt: skip


def test_what_a_hostile_peer_wrote_is_escaped_and_cut():
    said = accusations_in_words(FOUND, {HOSTILE: HOSTILE})
    assert len(said) == 4
    assert not any("\x1b" in text or "\x07" in text or len(text) > 1500 for text in said)


def test_each_sign_has_its_words():
    lower = Sign(kind=SignKind.LOWER_VERSION, egress="direct", ours="TLSv1.2", theirs="TLSv1.3")
    near = Sign(kind=SignKind.NEAR_TCP, ours="300 us", theirs="45 ms")
    found = Intercepted(
        pair=Pair("broker", "vpn"), handshakes=1, of_handshakes=1, first_ns=None, likeness=None,
        clean_egresses=(), why="its root is private", signs=(lower, near),
    )  # fmt: skip
    verdict, grounds = accusation_in_words(found, {"broker": "broker.example.net"})
    assert verdict == "TLS to broker is intercepted through vpn."
    assert (
        "What supports it: TLSv1.2 where direct agrees on TLSv1.3; TCP connects in 300 us and TLS"
        " takes 45 ms, as if TCP ended nearer than TLS is answered."
    ) in grounds
