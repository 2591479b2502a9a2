from stresser.analysis.chains.cards import chain_cards
from stresser.analysis.counts.run_tally import Tally
from tests.analysis.hostile_story import hostile_story
from tests.analysis.story import (
    DIRECT,
    INSPECTED_TLS,
    PUBLIC_TLS,
    VPN,
    Story,
    chain_seen,
)


def tallied(story):
    tally = Tally()
    for event in story.events:
        tally.event(event)
    return tally


def test_an_interceptors_chain_comes_first_and_says_where():
    story = Story([DIRECT, VPN], 1)
    story.events.append(chain_seen(DIRECT, PUBLIC_TLS))
    certificate = {"subject": "CN=broker", "sha256": "ab"}
    story.events.append(chain_seen(VPN, INSPECTED_TLS, certificates=[certificate]))
    story.opens(DIRECT, 1, PUBLIC_TLS)
    story.opens(VPN, 2, INSPECTED_TLS)
    story.opens(VPN, 3, INSPECTED_TLS)
    (inspected, public), more = chain_cards(tallied(story))
    assert more == 0
    assert (inspected.intercepted, inspected.verdict) == (True, "private trusted")
    assert inspected.ways == ["broker through vpn: 2 handshakes, 2 s to 3 s into the run"]
    assert inspected.certificates[0].subject == "CN=broker"
    assert inspected.certificates[0].issuer == "?"
    assert (public.intercepted, public.verdict) == (False, "public")


def test_texts_are_cut_and_escaped():
    [card], _ = chain_cards(tallied(hostile_story()))
    assert all(len(way) <= 256 and way.isprintable() for way in card.ways)
