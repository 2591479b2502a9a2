from stresser.analysis.words.rules import reasons
from stresser.classify.initiator_rules import BY_NAME
from stresser.model.evidence import Evidence, SiblingAlive
from stresser.model.fresh_connection import FreshConnection, FreshResult


def test_the_rules_are_quoted_with_what_they_rest_on():
    look = FreshConnection(
        egress="vpn",
        endpoint="broker",
        remote="203.0.113.2:443",
        result=FreshResult.REFUSED,
        asked_ns=1_000_000_000,
        answered_ns=1_002_000_000,
        ttl=54,
    )
    evidence = Evidence(
        why=["flow-dropped-alone"],
        against=["another-box"],
        sibling=SiblingAlive(session=3, egress="direct", answered_ns=1),
        fresh_connections=[look],
    )
    said = list(reasons(evidence))
    assert said == [
        ("why", f"flow-dropped-alone: {BY_NAME['flow-dropped-alone'].says}"),
        ("against", f"another-box: {BY_NAME['another-box'].says}"),
        ("sibling", "session 3 through direct to the same server lived on"),
        (
            "fresh connection",
            (
                "a fresh connection to 203.0.113.2:443 through vpn, 1 s into the run, was refused"
                " after 2 ms, TTL 54"
            ),
        ),
    ]


def test_what_the_file_says_is_escaped_and_bounded():
    said = list(reasons(Evidence(why=["\x1b[31m" + "x" * 10_000] * 1000)))
    assert len(said) == 16
    assert all("\x1b" not in words and len(words) < 200 for _, words in said)


def test_a_rule_of_a_later_version_is_said_to_be_one():
    [(_, words)] = reasons(Evidence(why=["from-the-future"]))
    assert words.endswith("a rule that this version does not have")
