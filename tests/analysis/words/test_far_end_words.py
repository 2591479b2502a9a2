from typing import Any

import pytest
from msgspec.structs import replace

from stresser.analysis.counts.far_tally import BothEndsFigures, LossFigures
from stresser.analysis.counts.percentiles import Percentiles
from stresser.analysis.words.far_end_words import (
    both_ends_in_words,
    far_end_in_words,
    loss_in_words,
    variation_in_words,
)
from stresser.model.ending import Kind
from stresser.model.far_end import FarEnd, OneWay, Varied

S = 10**9


def test_what_it_met_and_how_sure_the_times_are():
    far = FarEnd(
        within_ns=2_000_000, kind=Kind.TCP_RESET, at_ns=4 * S, known_until_ns=4 * S,
        peer="192.0.2.1:7", bytes_received=120, bytes_sent=80, last_in_ns=1 * S, last_out_ns=1 * S,
    )  # fmt: skip
    words = far_end_in_words(far)
    assert words.startswith("met a TCP reset 4 s into the run (+/- 2 ms); 120 bytes came, 80 went")
    assert words.endswith("the last went 1 s into the run; saw us as 192.0.2.1:7")


def test_what_it_still_held():
    far = FarEnd(within_ns=1_000, known_until_ns=9 * S, peer="192.0.2.1:7")
    assert far_end_in_words(far).startswith("still held it 9 s into the run")


def test_an_end_without_words_of_its_own_and_an_address_that_is_none():
    far = FarEnd(within_ns=0, kind=Kind.UNKNOWN, at_ns=S, known_until_ns=S, peer="\x1b[31mx")
    assert far_end_in_words(far).startswith("met an end 1 s into the run")
    assert "\x1b" not in far_end_in_words(far)


def test_which_end_believed_in_it_for_longer_and_what_was_lost():
    far = FarEnd(
        within_ns=1000, kind=Kind.TCP_RESET, at_ns=14 * S, known_until_ns=14 * S,
        peer="192.0.2.1:7",
        there=OneWay(sent=40, again=3, arrived=38), back=OneWay(sent=9, arrived=9),
    )  # fmt: skip
    words = far_end_in_words(far, 2 * S)
    assert "(+/- 1 us), 12 s after it ended here;" in words
    assert words.endswith("saw us as 192.0.2.1:7; lost 2 of 40 segments there")
    assert "12 s before it ended here" in far_end_in_words(far, 26 * S)
    assert "ended here" not in far_end_in_words(far, 14 * S + 500)


def both(there: LossFigures, back: LossFigures, **more: int) -> BothEndsFigures:
    counts: Any = {"sessions": 3, "split": 0, "ports_rewritten": 0, "half_open_ns": 0, **more}
    return BothEndsFigures(egress="vpn", there=there, back=back, addresses=["192.0.2.1"], **counts)


LOSSY, CLEAN = LossFigures(sent=1000, lost=52), LossFigures(sent=900, lost=1)


def test_loss_is_given_with_its_direction():
    assert loss_in_words(both(LOSSY, CLEAN)) == (
        "Through vpn both ends count as lost 5.2% of the segments to the far end (52 of 1,000;"
        " the other way 0.1%)."
    )
    assert "from the far end (52 of 1,000" in loss_in_words(both(CLEAN, LOSSY))
    assert " and " in loss_in_words(both(LOSSY, LOSSY))
    assert loss_in_words(both(CLEAN, CLEAN)) == ""


def test_what_the_far_ends_add_up_to():
    said = list(both_ends_in_words(both(CLEAN, CLEAN, half_open_ns=9 * S, split=1)))
    assert said[0].startswith("Through vpn 1 of 900 segments with data were lost to the far end")
    assert "TCP ends in between for 1 session" in said[1]
    assert said[2] == (
        "The far end saw 3 sessions through vpn come from 192.0.2.1, 0 of 3 from another port than"
        " this host's."
    )
    assert said[3] == "Through vpn one end held a session for up to 9 s longer than the other."


def varied(p90_ms: float, count: int = 240) -> Percentiles:
    p90_ns = round(p90_ms * 1e6)
    return Percentiles(
        count=count, min_ns=0, mean_ns=p90_ns // 2, p50_ns=p90_ns // 2, p90_ns=p90_ns,
        p99_ns=p90_ns, p99_9_ns=p90_ns, p99_99_ns=p90_ns, max_ns=2 * p90_ns,
    )  # fmt: skip


def ends(
    there: Percentiles | None, back: Percentiles | None, egress: str = "vpn"
) -> BothEndsFigures:
    return replace(both(CLEAN, CLEAN), egress=egress, varied_there=there, varied_back=back)


STEADY = ends(varied(0.4), varied(0.5), "direct")
JUMPY = varied(27)


def test_a_direction_whose_delays_vary_is_given_with_the_other_and_with_another_egress():
    [(said, short)] = variation_in_words([STEADY, ends(JUMPY, varied(1.2))])
    assert said == (
        "Through vpn delays to the far end vary by 27 ms (from it by 1.2 ms, through direct by"
        " 400 us)."
    )
    assert short == "Through vpn delays to the far end vary by 27 ms."
    [(answers, _)] = variation_in_words([ends(varied(1.2), JUMPY), STEADY])
    assert (
        "delays from the far end vary by 27 ms (to it by 1.2 ms, through direct by 500" in answers
    )


@pytest.mark.parametrize(
    "these",
    [
        pytest.param([STEADY, STEADY], id="nothing varies"),
        pytest.param([ends(JUMPY, varied(1.2))], id="nothing beside it"),
        pytest.param([ends(JUMPY, JUMPY), STEADY], id="both ways"),
        pytest.param([ends(JUMPY, varied(10)), STEADY], id="the other way not much less"),
        pytest.param([ends(JUMPY, varied(1)), ends(JUMPY, varied(1), "b")], id="both egresses"),
        pytest.param([ends(varied(9), varied(1)), STEADY], id="hardly more than clocks may drift"),
        pytest.param([ends(varied(27, 99), varied(1)), STEADY], id="few pings"),
        pytest.param(
            [ends(JUMPY, varied(1)), ends(varied(1, 99), varied(1, 99), "b")],
            id="few beside them",
        ),
        pytest.param([ends(JUMPY, None), STEADY], id="the other way unknown"),
        pytest.param(
            [replace(ends(JUMPY, varied(1)), there=LOSSY), STEADY], id="lost and sent again"
        ),
        pytest.param([ends(None, None), STEADY], id="not known"),
    ],
)
def test_else_no_sentence_is_worth_it(these):
    assert list(variation_in_words(these)) == []


def test_loss_the_other_way_or_a_third_egress_that_varies_too_hide_nothing():
    assert list(variation_in_words([replace(ends(JUMPY, varied(1)), back=LOSSY), STEADY]))
    three = [ends(JUMPY, varied(1)), ends(JUMPY, varied(1), "b"), STEADY]
    assert len(list(variation_in_words(three))) == 2


def test_all_figures_of_how_delays_vary_are_in_the_notes():
    [_, said, _] = both_ends_in_words(ends(JUMPY, varied(1.2)))
    assert said == (
        "Through vpn nine in ten of 240 pings took up to 27 ms (at most 54 ms) longer to the far"
        " end than the fastest of their 20 s did, and the answers 1.2 ms (at most 2.4 ms), by the"
        " clocks of both ends, whose drift may be 2 ms of it."
    )


def test_how_the_delays_of_one_session_varied():
    pings: Any = {"pings": 9, "mean_ns": 1}
    far = FarEnd(
        within_ns=0, known_until_ns=S, peer="192.0.2.1:7",
        varied_there=Varied(**pings, most_ns=31_000_000), varied_back=Varied(**pings, most_ns=700),
    )  # fmt: skip
    assert far_end_in_words(far).endswith(
        "; 9 pings took up to 31 ms longer there than the fastest, answers 700 ns"
    )
