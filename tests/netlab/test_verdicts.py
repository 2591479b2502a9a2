"""The judge of whole runs: what is right, what is timid, what is false."""

from typing import Any

import pytest

from tests.netlab.truths import box_does
from tests.netlab.verdicts import Answer, RunTruth, Verdicts

TRUTH = box_does("idle_timer", "a box", limit=4, tick=1, says=["4 s"], never=["MTU"])
RIGHT = {
    "number": 1, "mechanism": "idle_timer", "where": "egress", "who": "middlebox",
    "low": 3_900_000_000, "high": 4_100_000_000, "unit": "ns", "drops": 2, "failures": 0,
    "against": [], "unproved": [], "consistent_with": [], "controls": [],
    "ask": {"whom": "network_team", "says": "Raise it."}, "says": "Silent for 4 s.",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, Answer.RIGHT),
        ({"low": 4_500_000_000, "high": 4_900_000_000}, Answer.RIGHT),  # within its tick
        ({"who": "unknown"}, Answer.TIMID),
        ({"where": "unknown"}, Answer.TIMID),
        ({"mechanism": "no_pattern", "low": None, "high": None}, Answer.TIMID),
        ({"low": None, "high": None, "unit": None}, Answer.TIMID),
        ({"ask": {"whom": "nobody", "says": ""}}, Answer.TIMID),
        ({"says": "Silent."}, Answer.TIMID),
        ({"who": "endpoint"}, Answer.FALSE),
        ({"where": "endpoint"}, Answer.FALSE),
        ({"mechanism": "age_limit"}, Answer.FALSE),
        ({"ask": {"whom": "service_owner", "says": ""}}, Answer.FALSE),
        ({"low": 1_000_000_000, "high": 2_000_000_000}, Answer.FALSE),
        ({"unit": "bytes"}, Answer.FALSE),
        ({"unproved": ["Perhaps the MTU."]}, Answer.FALSE),
        ({"who": "unknown", "mechanism": "age_limit"}, Answer.FALSE),
    ],
)
def test_answers(changes: dict[str, Any], answer: Answer) -> None:
    assert TRUTH.weigh(RIGHT | changes)[0] is answer


def test_no_diagnosis_is_timid_unless_there_is_no_pattern() -> None:
    assert TRUTH.weigh(None)[0] is Answer.TIMID
    assert box_does("no_pattern", "chance").weigh(None)[0] is Answer.RIGHT


def run_with(drops: list[int | None], *diagnoses: dict[str, Any]) -> dict[str, Any]:
    drop = {"endpoint": "e", "egress": "suspect", "activity": "a"}
    return {
        "summary": {"diagnoses": list(diagnoses)},
        "drops": [drop | {"diagnosis": number} for number in drops],
        "failures": [],
    }


@pytest.mark.parametrize(
    ("run", "truths", "complaint"),
    [
        (run_with([1, 1], RIGHT), [TRUTH], None),
        (run_with([1, None], RIGHT | {"drops": 1}), [TRUTH], "timid: no diagnosis"),
        (run_with([1], RIGHT), [TRUTH], "says 2 drops; 1 have its number"),
        (run_with([], RIGHT | {"drops": 0}), [], "one diagnosis too many"),
        (run_with([]), [TRUTH], "nothing befell"),
        (
            run_with([2, 2], RIGHT | {"mechanism": "outage", "drops": 0}, RIGHT | {"number": 2}),
            [TRUTH],
            "the first diagnosis is not right",
        ),
    ],
    ids=["right", "a drop left out", "sums differ", "made up", "nothing there", "order"],
)
def test_runs(run: dict[str, Any], truths: list[RunTruth], complaint: str | None) -> None:
    verdicts = Verdicts(run)
    verdicts.judge(truths)
    if complaint is None:
        assert not verdicts.complaints
    else:
        assert any(complaint in one for one in verdicts.complaints), verdicts.complaints
