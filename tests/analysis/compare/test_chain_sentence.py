import msgspec
import pytest

from stresser.analysis.compare.chain_sentence import chains_in_words
from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.events import ChainSeen, SessionOpened
from tests.analysis.sides_story import BAD_CHAIN, DIRECT, VPN, incident_story, recorded_sides
from tests.analysis.story import GOOD_CHAIN

PUBLIC = msgspec.structs.replace(GOOD_CHAIN, chain_class=ChainClass.PUBLIC, root=ChainRoot.MOZILLA)
BOX = msgspec.structs.replace(
    GOOD_CHAIN,
    chain="box",
    chain_class=ChainClass.PRIVATE_TRUSTED,
    root=ChainRoot.HOST,
    intercepted=True,
)
OTHER_BOX = msgspec.structs.replace(BOX, chain="other box")


def seen(cohort, product, **changes):
    return ChainSeen(
        t_ns=5,
        utc="",
        **cohort._asdict(),
        chain="box",
        verified=True,
        problem=None,
        certificates=[],
        intercepted=True,
        product=product,
        **changes,
    )


def words(tmp_path, direct, vpn, *events):
    story = incident_story(0, 0)
    for event in story.events:
        if isinstance(event, SessionOpened):
            event.tls = (direct if event.cohort == DIRECT else vpn)[event.session % 2]
    story.events += events
    sides = recorded_sides(tmp_path, story)
    return " ".join(chains_in_words(sides[0], sides[1], "direct", "vpn"))


def test_the_candidate_alone_is_intercepted(tmp_path):
    said = words(tmp_path, [PUBLIC] * 2, [BOX] * 2, seen(VPN, "Zscaler"))
    assert said == "TLS is intercepted on vpn (consistent with Zscaler), not on direct."


def test_the_baseline_alone_by_a_weak_name(tmp_path):
    said = words(tmp_path, [BOX] * 2, [PUBLIC] * 2, seen(DIRECT, "B\x1bx", product_is_weak=True))
    assert said == (
        "TLS is intercepted on direct (consistent with B\\x1bx, by a weak likeness of names), not"
        " on vpn."
    )


def test_some_handshakes_by_nobody_who_has_a_name(tmp_path):
    said = words(tmp_path, [PUBLIC] * 2, [BOX, PUBLIC], seen(VPN, None))
    assert said == "TLS is intercepted on vpn in 2 of 4 handshakes, not on direct."


def test_both_sides(tmp_path):
    said = words(tmp_path, [OTHER_BOX] * 2, [BOX] * 2, seen(VPN, "Zscaler"))
    assert said == "TLS is intercepted on both sides (consistent with Zscaler)."


def test_one_private_chain_on_both_sides_is_nobodys_interception(tmp_path):
    assert words(tmp_path, [BOX] * 2, [BOX] * 2, seen(VPN, "Zscaler")) == ""


def test_where_nobody_judged_the_other_side_nothing_is_said_of_it(tmp_path):
    assert words(tmp_path, [GOOD_CHAIN] * 2, [BOX] * 2) == "TLS is intercepted on vpn."


@pytest.mark.parametrize(
    ("direct", "vpn", "said"),
    [
        (GOOD_CHAIN, BAD_CHAIN, "does not verify on vpn (self-signed certificate in certificate"),
        (BAD_CHAIN, GOOD_CHAIN, "does not verify on direct"),
        (BAD_CHAIN, BAD_CHAIN, ""),
        (GOOD_CHAIN, GOOD_CHAIN, ""),
    ],
)
def test_a_chain_that_verifies_on_one_side_alone(tmp_path, direct, vpn, said):
    found = words(tmp_path, [direct] * 2, [vpn] * 2)
    assert (said in found) if said else found == ""
