import pytest

from stresser.analysis.words.rules import reasons
from stresser.classify.initiator_rules import BY_NAME


def test_the_rules_are_quoted_with_what_they_rest_on():
    said = list(
        reasons(
            {
                "why": ["flow-dropped-alone"],
                "against": ["another-box"],
                "neighbour": {"session": 3, "egress": "direct", "answered_ns": 1},
                "looks": [
                    {
                        "egress": "vpn",
                        "remote": "203.0.113.2:443",
                        "result": "refused",
                        "asked_ns": 1_000_000_000,
                        "answered_ns": 1_002_000_000,
                        "ttl": 54,
                    }
                ],
            }
        )
    )
    assert said == [
        ("why", f"flow-dropped-alone: {BY_NAME['flow-dropped-alone'].says}"),
        ("against", f"another-box: {BY_NAME['another-box'].says}"),
        ("neighbour", "session 3 through direct to the same server lived on"),
        (
            "second look",
            (
                "a fresh connection to 203.0.113.2:443 through vpn, 1 s into the run, was refused"
                " after 2 ms, TTL 54"
            ),
        ),
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        {"why": None, "against": 3, "looks": {}, "neighbour": []},
        {"why": [None, 4, ["x"]], "looks": [None, 1, "x"]},
        {"looks": [{}]},
        {"looks": [{"result": ["x"], "asked_ns": "y", "remote": {}, "ttl": None}]},
    ],
)
def test_a_file_may_hold_anything(hostile):
    for what, words in reasons(hostile):
        assert what == "second look"
        assert "does not know" in words


def test_what_the_file_says_is_escaped_and_bounded():
    said = list(reasons({"why": ["\x1b[31m" + "x" * 10_000] * 1000}))
    assert len(said) == 16
    assert all("\x1b" not in words and len(words) < 200 for _, words in said)
