"""The hop of a diagnosis: how many walks speak for how many endings."""

from typing import Any

import pytest
from msgspec.structs import replace

from stresser.analysis.diagnosis.hop_stops import hop_stop
from stresser.classify.initiator_rules import BY_NAME
from stresser.model.ending import Grade, Initiator, Kind
from stresser.model.hops import Hop, HopReading, HopWalk, StoppedBy
from tests.analysis.diagnosis.made_runs import MadeRun, answers, cohort

TWO, THREE = Hop(number=2, address="203.0.113.1"), Hop(number=3, address="203.0.113.5")
ALONE = HopWalk(reading=HopReading.STOPS_ALONE, last=TWO, next=THREE, connections=2)
ALL = HopWalk(reading=HopReading.STOPS_LIKE_ALL, last=TWO, next=THREE)
PASSES = HopWalk(reading=HopReading.PASSES, last=THREE)
UNSURE = HopWalk(reading=HopReading.UNDECIDED, last=TWO)
HELLO = HopWalk(
    reading=HopReading.STOPS_ALONE, last=TWO, next=THREE, connections=2, hello=StoppedBy.RESET
)
LATER = replace(HELLO, flow=[replace(TWO, rtt_ns=8)])


@pytest.mark.parametrize(
    ("walks", "endings", "says"),
    [
        ([None, None], 2, None),
        ([ALONE], 40, None),  # one does not speak for forty
        ([ALONE], 1, ("1 of 1 walked flow stops after hop 2 (203.0.113.1); a new connection passes"
                     " it, to hop 3 (203.0.113.5).")),
        ([ALONE, ALONE, None, UNSURE], 40,
         ("2 of 2 walked flows stop after hop 2 (203.0.113.1); a new connection passes it, to hop 3"
         " (203.0.113.5).")),
        ([ALL, ALL], 40, ("2 of 2 walked flows stop after hop 2 (203.0.113.1), which no new"
                         " connection passes either.")),
        ([ALONE, PASSES], 2, None),
        ([ALONE, ALONE, PASSES, PASSES], 40, None),  # half is no majority
        ([PASSES, PASSES], 2, None),
        ([HELLO, HELLO, LATER], 9, ("2 of 2 walked ClientHellos stop after hop 2 (203.0.113.1); an"
                                    " empty segment passes it, to hop 3 (203.0.113.5).")),
        # One walk speaks for each attempt of its minute, and is one all the same.
        ([HELLO] * 9, 9, ("1 of 1 walked ClientHello stops after hop 2 (203.0.113.1); an empty"
                          " segment passes it, to hop 3 (203.0.113.5).")),
    ],
)  # fmt: skip
def test_what_walks_say_of_a_diagnosis(walks, endings, says):
    found = hop_stop(walks, endings)
    assert (None if found is None else found.says) == says


def test_walks_that_contradict_are_counted_and_agree_no_more():
    found = hop_stop([ALONE, ALONE, PASSES], 40)
    assert found is not None
    assert (found.walks, found.of_walks, found.is_agreed) == (2, 3, False)


def outage(*named: dict[str, Any]) -> MadeRun:
    """Forty flows through one egress that fall silent at one moment; of the first more is known."""
    run = MadeRun(cohort("sus"))
    for n in range(40):
        one = run.opens(cohort("sus"), 0.1 * n)
        run.drops(one, 20, Kind.SILENCE, alive=18, **(named[n] if n < len(named) else {}))
    return run


WALKED = {
    "reading": "stops_alone", "connections": 2,
    "last": {"number": 2, "address": "203.0.113.1"},
    "next": {"number": 3, "address": "203.0.113.5"},
}  # fmt: skip
STOPPED: dict[str, Any] = {
    "initiator": Initiator.MIDDLEBOX, "grade": Grade.COMPARISON, "why": ("stops-at-a-hop",),
    "evidence": {"hops": WALKED},
}  # fmt: skip
PASSED: dict[str, Any] = {"evidence": {"hops": {"reading": "passes", "last": WALKED["next"]}}}
LIKE_ALL: dict[str, Any] = {"evidence": {"hops": WALKED | {"reading": "stops_like_all"}}}
OF_ENDPOINT: dict[str, Any] = {"initiator": Initiator.ENDPOINT, "why": ("endpoint-said-so",)}


def test_a_few_walks_that_agree_name_a_middlebox_for_all_that_died_with_them():
    found = outage(*[STOPPED] * 3).only()
    assert answers(found)[2] == "middlebox"
    assert found.hop is not None
    assert found.hop.place == "after hop 2 (203.0.113.1)"
    assert found.grade is Grade.COMPARISON


def test_one_walk_of_forty_names_no_one():
    assert answers(outage(STOPPED).only())[2] == "unknown"


@pytest.mark.parametrize(
    ("named", "agreed"),
    [
        ([*[STOPPED] * 3, PASSED], False),
        ([LIKE_ALL] * 3, True),
        ([*[STOPPED] * 3, OF_ENDPOINT], True),
    ],
    ids=["one walk passes", "nothing passes any more", "one session names the endpoint"],
)
def test_a_hop_names_no_one_where_anything_says_otherwise(named, agreed):
    found = outage(*named).only()
    assert found.hop is not None
    assert found.hop.is_agreed is agreed
    assert answers(found)[2] == "unknown"


def test_where_paths_differ_from_flow_to_flow_no_one_is_named():
    found = outage().only()
    assert answers(found)[2] == "unknown"
    assert found.hop is None


def test_the_rule_that_names_it_is_one():
    assert BY_NAME["stops-at-a-hop"].initiator is Initiator.MIDDLEBOX
