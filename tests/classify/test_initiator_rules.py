"""The table as a whole, and the rules that need no witness or hear no other."""

from stresser.classify.announced_rules import ANNOUNCED
from stresser.classify.initiator_rules import BY_NAME, RULES
from stresser.classify.judge import judge
from stresser.classify.silent_rules import SILENT
from stresser.model.ending import Grade, Initiator, Kind
from tests.classify.cases import (
    COLLECTING,
    ELSEWHERE,
    OTHER_WAY,
    STOPPED,
    assert_judged,
    case,
    flow,
    origin,
    packet,
    rows_as_tests,
    sent,
)

UNKNOWN, HOST, TOOL, PLAN = Initiator.UNKNOWN, Initiator.HOST, Initiator.TOOL, Initiator.PLAN
NEARER = packet("RA", ttl=63)

ROWS = [
    (case("planned"), PLAN, "planned", Grade.ERRNO),
    (case("tool"), TOOL, "tool-limit", Grade.ERRNO),
    (case("host_slept"), HOST, "host-slept", Grade.ERRNO),
    # We or our host were not there: whatever else was seen.
    (case("tcp_reset", unfit=(COLLECTING,)), TOOL, "tool-unfit", Grade.ERRNO),
    (case("silence", unfit=(STOPPED,)), HOST, "host-unfit", Grade.ERRNO),
    (
        case("tcp_reset", unfit=(COLLECTING,), provenance=origin(flow(NEARER))),
        TOOL,
        "tool-unfit",
        Grade.ERRNO,
    ),
    (case("unknown"), UNKNOWN, "nothing-decides", Grade.ERRNO),
]


@rows_as_tests(ROWS)
def test_who_is_named_and_why(judged, initiator, rule, grade):
    assert_judged(judged, initiator, rule, grade)


def test_every_rule_decides_a_row():
    rest = {rule.name for rule in RULES} - {rule.name for rule in (*ANNOUNCED, *SILENT)}
    assert {row[2] for row in ROWS} == rest


def test_names_are_unique_and_every_kind_is_spoken_of():
    assert len(BY_NAME) == len(RULES)
    for kind in Kind:
        assert [rule for rule in RULES if rule.kinds is None or kind in rule.kinds]
    assert RULES[-1].kinds is None
    assert RULES[-1].holds(case("unknown"))


def test_each_rule_is_a_sentence_that_begins_and_ends():
    for rule in RULES:
        assert rule.says.endswith((".", ".)")), rule.name
        assert "  " not in rule.says, rule.name


def test_no_rule_names_anybody_without_a_witness():
    """What a program without privileges and without a chain that verifies can say of anybody."""
    for kind in set(Kind) - {Kind.PLANNED, Kind.TOOL, Kind.HOST_SLEPT}:
        assert judge(case(kind)).initiator is UNKNOWN, kind


def test_only_connections_by_the_sessions_own_egress_speak_of_it():
    other_egress = case("silence", sent=sent(), looks=(OTHER_WAY,))
    other_endpoint = case("silence", sent=sent(), looks=(ELSEWHERE,))
    assert judge(other_egress).initiator is judge(other_endpoint).initiator is UNKNOWN
