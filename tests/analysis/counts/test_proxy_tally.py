"""What PAC files said, counted."""

from msgspec.structs import replace

from stresser.analysis.counts.proxy_tally import ProxyTally
from stresser.model.cohort import Pair
from stresser.model.proxy_chosen import ProxyChosen

FIRST = ProxyChosen(
    t_ns=0, utc="u", endpoint="e", egress="corp", source="pac:corp.pac", url="wss://e/",
    answer="PROXY a:1; DIRECT", entries=["http://a:1", "direct"], chosen="http://a:1",
)  # fmt: skip
CHANGE = replace(FIRST, chosen="direct", instead_of="http://a:1", failure="x", attempt=1)


def test_the_first_word_is_kept_and_changes_are_counted():
    tally = ProxyTally()
    for event in (FIRST, CHANGE, replace(FIRST, chosen="direct"), *[CHANGE] * 20):
        tally.event(event)
    assert tally.at_first == {Pair("e", "corp"): FIRST}
    assert tally.changes == 21
    assert tally.first_changes == [CHANGE] * 10


def test_a_hostile_file_is_bounded():
    tally = ProxyTally()
    for number in range(10_050):
        tally.event(replace(FIRST, endpoint=str(number)))
    assert len(tally.at_first) == 10_000
