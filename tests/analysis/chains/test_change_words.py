"""Chains that differ: what is said is what differs, and no more."""

from stresser.analysis.chains.change_words import change_in_words
from stresser.analysis.chains.changes import chain_changes
from stresser.analysis.counts.run_tally import Tally
from stresser.model.chain import ChainClass, ChainRoot
from tests.analysis.story import (
    DIRECT,
    INSPECTED_TLS,
    PUBLIC_TLS,
    UNKNOWN_TLS,
    VPN,
    Story,
    chain_seen,
    facts_of,
)

RENEWED_TLS = facts_of("p2", ChainClass.PUBLIC, ChainRoot.MOZILLA)
ONE_OF_MANY = "as the servers of one service do; by itself it shows no interception"


def changes(*handshakes, seen=()):
    """`handshakes`: cohort, time, facts."""
    story = Story([DIRECT, VPN], 1)
    story.events += seen
    for cohort, at, tls in handshakes:
        if not any(event.chain == tls.chain for event in seen):
            story.events.append(chain_seen(cohort, tls))
        story.opens(cohort, at, tls=tls)
    tally = Tally()
    for event in story.events:
        tally.event(event)
    return [change_in_words(change) for change in chain_changes(tally.served)]


def test_one_chain_everywhere_is_nothing_to_tell():
    assert changes((DIRECT, 1, PUBLIC_TLS), (VPN, 2, PUBLIC_TLS), (VPN, 3, PUBLIC_TLS)) == []


def test_another_key_of_the_same_issuer_is_told_for_what_it_is():
    assert changes((VPN, 1, PUBLIC_TLS), (VPN, 2, RENEWED_TLS), (VPN, 3, PUBLIC_TLS)) == [
        (
            "The chain of broker through vpn came in 2 versions, all public, issued by Let's "
            f"Encrypt, with SCTs, with 2 different keys: {ONE_OF_MANY}."
        )
    ]


def test_a_renewed_certificate_with_the_same_key():
    seen = [chain_seen(VPN, tls, spki_sha256="one") for tls in (PUBLIC_TLS, RENEWED_TLS)]
    [told] = changes((VPN, 1, PUBLIC_TLS), (VPN, 2, RENEWED_TLS), seen=seen)
    assert "with one key" in told


def test_a_change_in_mid_run_is_dated():
    assert changes((VPN, 1, PUBLIC_TLS), (VPN, 5, PUBLIC_TLS), (VPN, 720, INSPECTED_TLS)) == [
        (
            "The chain of broker through vpn changed, first seen 12 m into the run: before public, "
            "issued by Let's Encrypt, with SCTs in 2 handshakes, since then private and trusted, "
            "issued by CN=Corp Inspection, without SCTs in 1 handshake."
        )
    ]


def test_chains_in_turn_are_no_change_in_mid_run():
    [told] = changes((VPN, 1, PUBLIC_TLS), (VPN, 2, INSPECTED_TLS), (VPN, 3, PUBLIC_TLS))
    assert told.startswith("The chain of broker through vpn was not always of one kind, in turn:")
    assert "issued by Let's Encrypt, with SCTs in 2 handshakes; private and trusted" in told


def test_another_issuer_alone_is_told_without_a_conclusion():
    seen = [chain_seen(VPN, RENEWED_TLS, issuer_organisation="Other Trust Inc")]
    [told] = changes((DIRECT, 1, PUBLIC_TLS), (VPN, 2, RENEWED_TLS), seen=seen)
    assert told == (
        "The chain of broker differs by egress: through direct public, issued by Let's Encrypt, "
        "with SCTs; through vpn public, issued by Other Trust Inc, with SCTs."
    )
    assert "interception" not in told


def test_other_keys_by_egress_are_what_content_networks_do():
    [told] = changes((DIRECT, 1, PUBLIC_TLS), (VPN, 2, RENEWED_TLS))
    assert told.startswith("broker shows other keys by egress (direct, vpn), all public")
    assert told.endswith(f"{ONE_OF_MANY}.")


def test_keys_that_both_egresses_show_are_no_difference():
    told = changes((DIRECT, 1, PUBLIC_TLS), (DIRECT, 2, RENEWED_TLS), (VPN, 3, RENEWED_TLS))
    assert not any("by egress" in sentence for sentence in told)


def test_what_the_verdict_says_is_not_said_twice():
    assert changes((DIRECT, 1, PUBLIC_TLS), (VPN, 2, INSPECTED_TLS)) == []
    assert changes((DIRECT, 1, PUBLIC_TLS), (VPN, 2, UNKNOWN_TLS)) == []


def test_names_of_peers_are_escaped():
    seen = [chain_seen(VPN, RENEWED_TLS, issuer_organisation="\x1b[2J" + "x" * 500)]
    [told] = changes((DIRECT, 1, PUBLIC_TLS), (VPN, 2, RENEWED_TLS), seen=seen)
    assert r"\x1b[2J" in told
    assert told.isprintable()
    assert len(told) < 400


def test_more_chains_than_are_told_apart():
    many = [facts_of(f"m{n}", ChainClass.PUBLIC, ChainRoot.MOZILLA) for n in range(40)]
    [told] = changes(*((VPN, n, tls) for n, tls in enumerate(many)))
    assert "came in 32 versions (and 8 handshakes with yet others), all public" in told
