"""Answers of routers to a walk, one row a case."""

import pytest

from stresser.witness.hop_answers import HopAnswers
from stresser.witness.hop_segment import FlowEdges
from stresser.witness.packet_parse import TimeExceeded
from tests.net.peers import run

FLOW = FlowEdges((b"\xc6\x33\x64\x02", 40000), (b"\xcb\x00\x71\x02", 443), 5000, 7000)


def answer(hop, attempt=0, address="192.0.2.7"):
    return TimeExceeded(address, FLOW.sequence(hop, attempt))


def asked(*hops, attempt=0):
    answers = HopAnswers()
    answers.expect(FLOW, list(hops), attempt, 1000)
    return answers


def test_an_answer_is_dated_and_has_its_hop():
    async def test():
        answers = asked(1, 2)
        assert answers.take(answer(2), 1500)
        assert answers.take(answer(1, address="192.0.2.1"), 1400)
        found = await answers.heard(30)
        assert {n: (hop.address, hop.rtt_ns) for n, hop in found.items()} == {
            1: ("192.0.2.1", 400),
            2: ("192.0.2.7", 500),
        }

    run(test)


def test_who_is_silent_is_waited_for_no_longer_than_that():
    async def test():
        answers = asked(1, 2)
        answers.take(answer(1), 1500)
        assert set(await answers.heard(0.01)) == {1}

    run(test)


def test_the_first_answer_counts_and_those_of_an_earlier_walk_do_not():
    async def test():
        answers = asked(1, 2, attempt=0)
        answers.take(answer(2, attempt=0), 1100)
        answers.expect(FLOW, [1], 1, 9000)
        assert answers.take(answer(1, attempt=0), 9100)
        assert await answers.heard(0.01) == {}
        answers.take(answer(1, attempt=1), 9200)
        answers.take(answer(1, attempt=1, address="192.0.2.66"), 9300)
        assert (await answers.heard(30))[1].address == "192.0.2.7"

    run(test)


@pytest.mark.parametrize(("sequence", "is_walks"), [(4999, True), (5000, False), (5001, False)])
def test_what_quotes_the_flows_own_data_is_another_matter(sequence, is_walks):
    assert asked(1).take(TimeExceeded("192.0.2.7", sequence), 5) is is_walks


def test_the_same_around_the_largest_sequence_number():
    answers = HopAnswers()
    answers.expect(FLOW._replace(unacknowledged=3), [1], 0, 0)
    assert answers.take(TimeExceeded("192.0.2.7", 2**32 - 9), 5)
    assert not answers.take(TimeExceeded("192.0.2.7", 3), 5)
