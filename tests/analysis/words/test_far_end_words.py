from stresser.analysis.words.far_end_words import far_end_in_words
from stresser.model.far_end import FarEnd

S = 10**9


def test_what_it_met_and_how_sure_the_times_are():
    far = FarEnd(
        within_ns=2_000_000, kind="tcp_reset", at_ns=4 * S, known_until_ns=4 * S,
        peer="192.0.2.1:7", bytes_received=120, bytes_sent=80, last_in_ns=1 * S, last_out_ns=1 * S,
    )  # fmt: skip
    words = far_end_in_words(far)
    assert words.startswith("met a TCP reset 4 s into the run (+/- 2 ms); 120 bytes came, 80 went")
    assert words.endswith("the last went 1 s into the run; saw us as 192.0.2.1:7")


def test_what_it_still_held():
    far = FarEnd(within_ns=1_000, known_until_ns=9 * S, peer="192.0.2.1:7")
    assert far_end_in_words(far).startswith("still held it 9 s into the run")


def test_words_of_another_version_are_no_trap():
    far = FarEnd(within_ns=0, kind="\x1b[31m", at_ns=S, known_until_ns=S, peer="\x1b[31mx")
    assert "\x1b" not in far_end_in_words(far)
