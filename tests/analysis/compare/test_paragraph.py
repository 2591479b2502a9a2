import numpy as np
import pytest
from msgspec.structs import replace

from stresser.analysis.compare.comparison import compare_sides
from stresser.analysis.compare.paragraph import chains_in_words
from stresser.analysis.compare.sides import make_side
from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.ending import Initiator
from stresser.model.events import ChainSeen, SessionEnded, SessionOpened
from tests.analysis.sides_story import (
    BAD_CHAIN,
    DIRECT,
    VPN,
    incident_story,
    recorded_sides,
    silent_story,
)
from tests.analysis.story import GOOD_CHAIN

PUBLIC = replace(GOOD_CHAIN, chain_class=ChainClass.PUBLIC, root=ChainRoot.MOZILLA)
BOX = replace(
    GOOD_CHAIN,
    chain="box",
    chain_class=ChainClass.PRIVATE_TRUSTED,
    root=ChainRoot.HOST,
    intercepted=True,
)
OTHER_BOX = replace(BOX, chain="other box")


def paragraph(tmp_path, story):
    return compare_sides(*recorded_sides(tmp_path, story)).paragraph


def test_the_paragraph_of_an_interceptor(tmp_path):
    story = incident_story(7, 41, vpn_tls=BAD_CHAIN, sessions=25)
    random = np.random.default_rng(1)
    for event in story.events:
        if isinstance(event, SessionOpened):
            middle = 60e6 if event.egress == "vpn" else 20e6
            event.phases_ns = {"tls": int(random.lognormal(np.log(middle), 0.2))}
    text = paragraph(tmp_path, story)
    assert text.startswith(
        "Drops came 5.9 times as often through vpn as through direct (41 incidents against 7 in"
        " equal session time; 95 % interval 2.6 to 15). The TLS chain does not verify through vpn"
        " (self-signed certificate in certificate chain), it does through direct. Handshakes took "
    )
    assert text.endswith("Verdict: vpn is worse: incidents came at least 2.6 times as often.")


def test_the_paragraph_of_an_idle_timer(tmp_path):
    story = silent_story(30)
    for event in story.events:
        if isinstance(event, SessionEnded) and event.ending.is_drop:
            event.ending = replace(event.ending, initiator=Initiator.MIDDLEBOX)
    text = paragraph(tmp_path, story)
    assert text.startswith("30 drops came through vpn, none through direct (30 incidents in ")
    clause = text.partition("). ")[2].partition(". ")[0]
    assert clause.startswith("30 of 30 followed 30")
    assert clause.endswith(" s of silence and were ended by a TCP reset, by a middlebox")


def test_incidents_of_many_drops_are_called_so(tmp_path):
    text = paragraph(tmp_path, incident_story(7, 41, size=3))
    assert text.startswith(
        "Incidents came 6 times as often through vpn as through direct (41 incidents against 7 in"
        " equal session time, 123 drops against 21; 95 % interval 2.6 to 16)."
    )
    assert "silence" not in text
    assert "TLS" not in text


def test_no_drop_at_all(tmp_path):
    assert paragraph(tmp_path, incident_story(0, 0)) == (
        "No drop was seen through vpn or through direct (15.99 session hours in all). Verdict:"
        " cannot tell whether vpn is worse: there was no incident on either side."
    )


def test_none_on_the_baseline(tmp_path):
    assert paragraph(tmp_path, incident_story(0, 9)).startswith(
        "9 drops came through vpn, none through direct (9 incidents against 0 in equal session"
        " time; 95 % interval 2 to infinity)."
    )


def test_none_on_the_candidate_and_as_many_on_both(tmp_path):
    none = paragraph(tmp_path, incident_story(9, 0))
    assert none.startswith("No drop came through vpn, some through direct (0 incidents against 9")
    (tmp_path / "b").mkdir()
    equal = paragraph(tmp_path / "b", incident_story(9, 9))
    assert equal.startswith("Drops came about as often through vpn as through direct (9 incidents")


def test_two_runs_are_called_by_their_names(tmp_path):
    direct, vpn = recorded_sides(tmp_path, incident_story(7, 41))
    first = make_side("monday", [direct.parts[0].facts], "direct")
    other = replace(vpn.parts[0].facts, name="tuesday")
    second = make_side("tue\x1bsday", [other], "vpn")
    text = compare_sides(first, second).paragraph
    assert text.startswith("Drops came ")
    assert "as often on tue\\x1bsday as on monday" in text
    assert "(41 incidents against 7 in equal session time" in text


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
    return " ".join(chains_in_words(sides[0], sides[1], "through direct", "through vpn"))


def test_the_candidate_alone_is_intercepted(tmp_path):
    said = words(tmp_path, [PUBLIC] * 2, [BOX] * 2, seen(VPN, "Zscaler"))
    assert said == "TLS is intercepted through vpn (consistent with Zscaler), not through direct."


def test_the_baseline_alone_by_a_weak_name(tmp_path):
    said = words(tmp_path, [BOX] * 2, [PUBLIC] * 2, seen(DIRECT, "B\x1bx", product_is_weak=True))
    assert said == (
        "TLS is intercepted through direct (consistent with B\\x1bx, by a weak likeness of names),"
        " not through vpn."
    )


def test_some_handshakes_by_nobody_who_has_a_name(tmp_path):
    said = words(tmp_path, [PUBLIC] * 2, [BOX, PUBLIC], seen(VPN, None))
    assert said == "TLS is intercepted through vpn in 2 of 4 handshakes, not through direct."


def test_both_sides(tmp_path):
    said = words(tmp_path, [OTHER_BOX] * 2, [BOX] * 2, seen(VPN, "Zscaler"))
    assert said == "TLS is intercepted on both sides (consistent with Zscaler)."


def test_one_private_chain_on_both_sides_is_nobodys_interception(tmp_path):
    assert words(tmp_path, [BOX] * 2, [BOX] * 2, seen(VPN, "Zscaler")) == ""


def test_where_nobody_judged_the_other_side_nothing_is_said_of_it(tmp_path):
    assert words(tmp_path, [GOOD_CHAIN] * 2, [BOX] * 2) == "TLS is intercepted through vpn."


@pytest.mark.parametrize(
    ("direct", "vpn", "said"),
    [
        (
            GOOD_CHAIN,
            BAD_CHAIN,
            "does not verify through vpn (self-signed certificate in certificate",
        ),
        (BAD_CHAIN, GOOD_CHAIN, "does not verify through direct"),
        (BAD_CHAIN, BAD_CHAIN, ""),
        (GOOD_CHAIN, GOOD_CHAIN, ""),
    ],
)
def test_a_chain_that_verifies_on_one_side_alone(tmp_path, direct, vpn, said):
    found = words(tmp_path, [direct] * 2, [vpn] * 2)
    assert (said in found) if said else found == ""
