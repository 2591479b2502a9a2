"""Who ends TLS: what is said, on what it rests, and what is not said."""

import pytest

from stresser.analysis.chains.accusations import OTHER_STACKS, accusations_in_words
from stresser.analysis.chains.interception import interceptions
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.summary.notes import run_notes
from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.cohort import Cohort
from tests.analysis.story import (
    DIRECT,
    INSPECTED_TLS,
    PUBLIC_TLS,
    SCENARIO,
    UNKNOWN_TLS,
    VPN,
    Story,
    chain_seen,
    facts_of,
)

GATEWAY = Cohort("gateway", "vpn", "heartbeat")
ENDPOINTS = [
    {"name": "broker", "url": "wss://broker.example.net/"},
    {"name": "gateway", "url": "tls://gw.example.org:443"},
]


def found(story, scenario=SCENARIO):
    tally = Tally()
    for event in story.events:
        tally.event(event)
    hosts = read_plan(scenario).hosts
    return accusations_in_words(interceptions(tally.served, hosts), hosts)


def inspected_story(vpn=INSPECTED_TLS, direct=PUBLIC_TLS, **seen):
    story = Story([DIRECT, VPN], 2)
    story.events += [chain_seen(DIRECT, direct), chain_seen(VPN, vpn, **seen)]
    for cohort, tls in ((DIRECT, direct), (VPN, vpn)):
        for n in range(2):
            story.opens(cohort, n, tls=tls)
    return story


def test_a_public_chain_everywhere_says_nothing():
    assert found(inspected_story(vpn=PUBLIC_TLS)) == []


def test_an_interceptor_is_told_with_its_product_and_its_contrast():
    verdict, evidence = found(inspected_story(product="Zscaler ZIA"))
    assert verdict == (
        "TLS to broker is intercepted through vpn (consistent with Zscaler ZIA), "
        "not through direct."
    )
    assert evidence == (
        "That rests on trust, not on names: its root (of CN=Corp Inspection) is trusted by this "
        "host, but it is no public one and not declared. What supports it: its leaf holds no SCTs "
        "where that through direct holds 2. If that root is the endpoint's own, declare it with "
        "ca; else ask for a TLS inspection bypass of broker.example.net."
    )


def test_without_a_product_none_is_named_and_a_weak_one_is_called_weak():
    assert found(inspected_story())[0] == (
        "TLS to broker is intercepted through vpn, not through direct."
    )
    weak = found(inspected_story(product="Netskope", product_is_weak=True))[0]
    assert "(consistent with Netskope, by a weak likeness of names)" in weak


def test_a_way_that_is_merely_not_accused_is_no_contrast():
    verdict, _ = found(inspected_story(direct=UNKNOWN_TLS))[:2]
    assert verdict == "TLS to broker is intercepted through vpn."


def test_interception_of_some_sessions_says_of_how_many_and_since_when():
    story = inspected_story()
    story.opens(VPN, 100, tls=PUBLIC_TLS)
    assert found(story)[0] == (
        "TLS to broker is intercepted in 2 of 3 handshakes, first 0 ns into the run, through vpn, "
        "not through direct."
    )


SIGNS = {
    "a lower version": ({"version": "TLSv1.2"}, {}, "TLSv1.2 where direct agrees on TLSv1.3"),
    "a lost ALPN": ({}, {"alpn": "h2"}, "no ALPN where direct agrees on h2"),
}


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)
def test_signs_support_a_verdict(sign):
    theirs, others, words = sign
    vpn = facts_of("i1", ChainClass.PRIVATE_TRUSTED, ChainRoot.HOST, intercepted=True, **theirs)
    direct = facts_of("p1", ChainClass.PUBLIC, ChainRoot.MOZILLA, **others)
    assert words in found(inspected_story(vpn=vpn, direct=direct))[1]
    # ... and make none by themselves.
    public = facts_of("p2", ChainClass.PUBLIC, ChainRoot.MOZILLA, **theirs)
    assert found(inspected_story(vpn=public, direct=direct)) == []


def test_tcp_that_ends_nearer_than_tls_supports_a_verdict():
    ms = 1_000_000
    for connect, tls, is_sign in ((0.3, 45, True), (20, 45, False), (0.3, 4, False)):
        story = Story([VPN], 1)
        story.events.append(chain_seen(VPN, INSPECTED_TLS))
        phases = {"connect": round(connect * ms), "tls": round(tls * ms)}
        story.opens(VPN, 1, tls=INSPECTED_TLS, phases_ns=phases)
        assert ("as if TCP ended nearer" in found(story)[1]) == is_sign
    story = Story([VPN], 1)
    story.opens(VPN, 1, tls=PUBLIC_TLS, phases_ns={"connect": ms // 3, "tls": 45 * ms})
    assert found(story) == []


def test_one_issuer_for_unrelated_endpoints():
    story = inspected_story()
    story.events.append(chain_seen(GATEWAY, INSPECTED_TLS))
    story.opens(GATEWAY, 1, tls=INSPECTED_TLS)
    scenario = SCENARIO | {"endpoints": ENDPOINTS}
    assert found(story, scenario)[-1] == (
        "Through vpn one issuer, CN=Corp Inspection, signs for endpoints of 2 unrelated domains "
        "(broker, gateway), which supports interception."
    )
    of_one_domain = [ENDPOINTS[0], {"name": "gateway", "url": "tls://gw.example.net:443"}]
    scenario = SCENARIO | {"endpoints": of_one_domain}
    assert not any("one issuer" in sentence for sentence in found(story, scenario))


def test_one_public_issuer_for_many_endpoints_is_how_the_world_is():
    story = inspected_story(vpn=PUBLIC_TLS)
    story.events.append(chain_seen(GATEWAY, PUBLIC_TLS))
    story.opens(GATEWAY, 1, tls=PUBLIC_TLS)
    assert found(story, SCENARIO | {"endpoints": ENDPOINTS}) == []


SHARED = "broker shows one private chain through every egress (direct, vpn)"


def test_the_same_private_chain_through_every_egress_accuses_nobody():
    said = found(inspected_story(direct=INSPECTED_TLS))
    assert said[0] == f"{SHARED}: it neither proves the endpoint nor shows an interceptor."
    assert said[1].startswith("It is the endpoint's own, or that of a box before all egresses: ")
    assert said[2].startswith("If the root is the endpoint's own, declare it: ca = ")
    assert len(said) == 3


def test_another_chain_of_that_root_through_one_egress_is_an_interceptors():
    """Which of the two the endpoint shows is not known; one of them is made on the way."""
    other = facts_of("i2", ChainClass.PRIVATE_TRUSTED, ChainRoot.HOST, intercepted=True)
    story = inspected_story(direct=INSPECTED_TLS)
    story.opens(VPN, 50, tls=other)
    said = found(story)
    assert "TLS to broker is intercepted in 1 of 3 handshakes" in " ".join(said)
    assert SHARED in " ".join(said)


def test_a_third_egress_with_another_chain_takes_the_excuse_away():
    third = Cohort("broker", "proxy", "heartbeat")
    story = inspected_story(direct=INSPECTED_TLS)
    story.opens(third, 60, tls=PUBLIC_TLS)
    said = found(story)
    assert "TLS to broker is intercepted through vpn" in " ".join(said)
    assert "one private chain" not in " ".join(said)


def test_an_unknown_root_accuses_nobody_but_is_told_where_something_speaks_for_it():
    alone = Story([VPN], 1)
    alone.events.append(chain_seen(VPN, UNKNOWN_TLS))
    alone.opens(VPN, 1, tls=UNKNOWN_TLS)
    assert found(alone) == []
    [told] = found(inspected_story(vpn=UNKNOWN_TLS, why="its root is unknown"))
    assert told == (
        "This host does not trust the chain of broker through vpn, while through direct it "
        "verifies, a strong sign of interception (its root is unknown)."
    )
    [named] = found(inspected_story(vpn=UNKNOWN_TLS, direct=UNKNOWN_TLS, product="mitmproxy"))[1:]
    assert "(consistent with mitmproxy)" in named
    assert "strong sign" not in named


def test_a_record_without_descriptions_is_told_as_far_as_it_goes():
    story = Story([VPN], 1)
    story.opens(VPN, 1, tls=INSPECTED_TLS)
    verdict, evidence = found(story)
    assert verdict == "TLS to broker is intercepted through vpn."
    assert "its chain is not described in this record" in evidence


def test_the_summary_says_that_other_programs_may_be_treated_differently():
    def notes(story, scenario):
        tally = Tally()
        for event in story.events:
            tally.event(event)
        return run_notes(tally, read_plan(scenario))

    real = SCENARIO | {"endpoints": ENDPOINTS}
    lab = SCENARIO | {"endpoints": [{"name": "broker", "url": "lab+wss://echo"}]}
    clean = inspected_story(vpn=PUBLIC_TLS)
    assert OTHER_STACKS in notes(clean, real)  # above all where nothing was seen
    assert OTHER_STACKS not in notes(clean, lab)
    assert OTHER_STACKS in notes(inspected_story(), lab)
