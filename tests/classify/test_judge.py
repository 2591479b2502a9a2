"""Witnesses that contradict one another."""

from stresser.classify.judge import judge
from stresser.model.ending import Grade, Initiator
from tests.classify.cases import (
    COLLECTING,
    OTHER_WAY,
    RESET,
    answer,
    case,
    flow,
    icmp,
    look,
    origin,
    packet,
    sent,
)


def test_a_contradicted_initiator_stays_with_a_weaker_grade_and_the_other_rules_are_named():
    killed_here = case(
        "tcp_reset",
        failure="connection_aborted",
        provenance=origin(flow(packet("RA", ttl=63))),
        looks=(answer(),),
    )
    judgement = judge(killed_here)
    assert judgement.initiator is Initiator.HOST
    assert judgement.why == ("killed-on-this-host",)
    assert judgement.against == ("another-box",)
    assert judgement.grade is Grade.ERRNO  # of tcp_info, by a step


def test_packets_that_are_contradicted_count_as_kernel_state():
    judged = case(
        "tcp_reset",
        provenance=origin(flow(RESET, packet("R", seq=RESET.seq + 9))),
        failure="x",
        looks=(look("refused", ttl=54),),
    )
    judgement = judge(judged)  # injected; the look alone does not speak for the endpoint then
    assert (judgement.initiator, judgement.grade) == (Initiator.MIDDLEBOX, Grade.PACKET)
    judged = case(
        "silence", sent=sent(probes=2, retransmits=0, total=0), icmp=(icmp(13),), looks=(answer(),)
    )
    judgement = judge(judged)
    assert judgement.initiator is Initiator.HOST
    assert judgement.against == ("prohibited-by-router",)
    assert judgement.grade is Grade.ERRNO


def test_one_error_code_against_another_leaves_nobody():
    judged = case(
        "unreachable",
        failed_here=True,
        sent=sent(),
        looks=(look("silent"), OTHER_WAY),
    )
    judgement = judge(judged)
    assert judgement.against == ("egress-is-dead",)
    assert judgement.initiator is Initiator.UNKNOWN


def test_rules_that_agree_are_all_named_and_the_best_grade_counts():
    judged = case(
        "tcp_reset",
        intercepted=True,
        provenance=origin(flow(RESET, packet("R", seq=RESET.seq + 9))),
    )
    judgement = judge(judged)
    assert set(judgement.why) == {"injected", "interceptor-owns-flow"}
    assert judgement.grade is Grade.PACKET


def test_a_final_rule_hears_nobody_else():
    judged = case("tcp_reset", unfit=(COLLECTING,), provenance=origin(flow(packet("RA", ttl=63))))
    judgement = judge(judged)
    assert (judgement.why, judgement.against) == (("tool-unfit",), ())
