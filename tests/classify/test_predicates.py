"""A missing witness answers no question; what packets show is asked one thing at a time."""

from inspect import getmembers, isfunction

import pytest

from stresser.classify import predicates as flow_signals
from tests.classify.cases import RESET, STRANGER, flow, observations, origin, packet, rerouted

QUESTIONS = [
    member
    for name, member in getmembers(flow_signals, isfunction)
    if member.__module__ == flow_signals.__name__ and not name.startswith("_")
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.__name__)
def test_without_witnesses_the_answer_is_no(question):
    assert question(observations()) is False


def test_there_are_as_many_questions_as_the_rules_ask():
    assert len(QUESTIONS) >= 13


ELSEWHERE = {"of_other_distance", "of_unknown_distance"}


@pytest.mark.parametrize(
    ("packets", "answers"),
    [
        (flow(RESET), {"matches_own_peer"}),
        (flow(packet("RA", ttl=60)), ELSEWHERE),
        (flow(packet("RA", ttl=60), packet("R", ttl=54)), {*ELSEWHERE, "injected"}),
        (rerouted(RESET), {"of_unknown_distance"}),
        (flow(packet("RA", outgoing=True)), {"left_this_host_first"}),
        (flow(packet("RA", df=False)), {"of_another_make"}),
        (flow(STRANGER), {"matches_own_peer"}),
    ],
)
def test_what_packets_show(packets, answers):
    seen = observations(provenance=origin(packets))
    assert {question.__name__ for question in QUESTIONS if question(seen)} == answers
