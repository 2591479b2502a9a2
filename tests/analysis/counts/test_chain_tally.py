"""Which chains each pair showed, counted in bounded memory."""

from stresser.analysis.counts.chain_tally import ChainTally
from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.cohort import Cohort, Pair
from stresser.model.events import CohortEvent
from tests.analysis.story import (
    DIRECT,
    GOOD_CHAIN,
    INSPECTED_TLS,
    PUBLIC_TLS,
    VPN,
    Story,
    chain_seen,
    facts_of,
    seconds,
)

SILENT_VPN = Cohort("broker", "vpn", "silent")


def tally_of(story):
    tally = ChainTally()
    for event in story.events:
        if isinstance(event, CohortEvent):
            tally.event(event)
    return tally


def test_a_way_is_an_endpoint_through_an_egress():
    story = Story([DIRECT, VPN, SILENT_VPN], 1)
    story.opens(DIRECT, 1, tls=PUBLIC_TLS)
    story.opens(VPN, 2, tls=PUBLIC_TLS)
    story.opens(SILENT_VPN, 3, tls=INSPECTED_TLS)
    story.fails(VPN, 4, tls=INSPECTED_TLS)
    tally = tally_of(story)
    vpn = tally.pairs[Pair("broker", "vpn")]
    assert (vpn.judged, vpn.intercepted, vpn.is_clean) == (3, 2, False)
    use = vpn.chains["i1"]
    assert (use.count, use.intercepted) == (2, 2)
    assert (use.first_ns, use.last_ns) == (seconds(3), seconds(4))
    assert tally.pairs[Pair("broker", "direct")].is_clean
    assert tally.endpoints == ["broker"]
    assert [pair.egress for pair, _ in tally.pairs_to("broker")] == ["direct", "vpn"]


def test_what_nobody_judged_counts_for_nothing():
    story = Story([DIRECT], 1)
    story.opens(DIRECT, 1, tls=GOOD_CHAIN)
    story.fails(DIRECT, 2)
    tally = tally_of(story)
    assert tally.pairs[Pair("broker", "direct")].judged == 0
    assert not tally.pairs[Pair("broker", "direct")].is_clean
    assert list(tally.pairs_to("broker")) == []


def test_a_peer_that_makes_a_chain_for_each_session_fills_no_memory():
    story = Story([VPN], 1)
    for number in range(5000):
        tls = facts_of(f"c{number}", ChainClass.PUBLIC, ChainRoot.MOZILLA, version=f"v{number}")
        story.events.append(chain_seen(VPN, tls))
        story.opens(VPN, number, tls=tls)
    tally = tally_of(story)
    [pair] = tally.pairs.values()
    assert (len(pair.chains), pair.more_chains, pair.judged) == (32, 5000 - 32, 5000)
    assert len(pair.versions) == 8
    assert len(tally._notes) == 4096


def test_the_shortest_handshakes_are_kept_and_none_through_a_proxy():
    story = Story([VPN], 1)
    story.opens(VPN, 1, tls=PUBLIC_TLS, phases_ns={"connect": 5, "tls": 50})
    story.opens(VPN, 2, tls=PUBLIC_TLS, phases_ns={"connect": 7, "tls": 40})
    story.opens(VPN, 3, tls=PUBLIC_TLS, phases_ns={"connect": 1, "proxy_tunnel": 9, "tls": 1})
    story.opens(VPN, 4, tls=PUBLIC_TLS, phases_ns={})
    [pair] = tally_of(story).pairs.values()
    assert (pair.least_connect_ns, pair.least_tls_ns) == (5, 40)


def test_notes_are_an_endpoints_and_name_who_stands_for_a_chain():
    story = Story([VPN], 1)
    story.events += [
        chain_seen(VPN, PUBLIC_TLS),
        chain_seen(VPN, INSPECTED_TLS, product="Zscaler ZIA", issuer="x" * 9000),
    ]
    tally = tally_of(story)
    public = tally.notes("broker", "p1")
    assert public is not None
    assert public.source == "Let's Encrypt"
    inspected = tally.notes("broker", "i1")
    assert inspected is not None
    assert len(inspected.source) == 256
    assert tally.notes("other", "p1") is None


def test_a_chain_that_every_egress_shows_is_no_interceptors():
    story = Story([DIRECT, VPN], 1)
    story.events += [chain_seen(DIRECT, INSPECTED_TLS), chain_seen(VPN, INSPECTED_TLS)]
    story.opens(VPN, 1, tls=INSPECTED_TLS)
    assert tally_of(story).pairs[Pair("broker", "vpn")].intercepted == 1
    story.opens(DIRECT, 2, tls=INSPECTED_TLS)
    tally = tally_of(story)
    for egress in ("vpn", "direct"):
        pair = tally.pairs[Pair("broker", egress)]
        assert (pair.intercepted, pair.undeclared, pair.is_clean) == (0, ["i1"], False)
    note = tally.notes("broker", "i1")
    assert note is not None
    assert not note.intercepted
