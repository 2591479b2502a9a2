"""`--set`: one row for each way to name a place, right and wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresser.model.errors import ScenarioError
from stresser.scenario.mistakes import Mistakes
from stresser.scenario.overrides import apply_override, split_assignment


def tree():
    return {
        "sessions": {"count": 1, "reconnect": False},
        "endpoints": [{"name": "a", "url": "wss://a"}, {"name": "b.c", "alpn": ["x", "y"]}],
    }


@pytest.mark.parametrize(
    ("key", "text", "look"),
    [
        ("sessions.count", "20", lambda t: t["sessions"]["count"] == 20),
        ("sessions.count", "1_000", lambda t: t["sessions"]["count"] == 1000),
        ("duration", "8h", lambda t: t["duration"] == "8h"),
        ("duration", '"8h"', lambda t: t["duration"] == "8h"),
        ("timeouts.tls", "1s", lambda t: t["timeouts"] == {"tls": "1s"}),
        ("endpoints.a.url", "tls://x", lambda t: t["endpoints"][0]["url"] == "tls://x"),
        ("endpoints[0].url", "tls://x", lambda t: t["endpoints"][0]["url"] == "tls://x"),
        ("endpoints.1.ca", "f.pem", lambda t: t["endpoints"][1]["ca"] == "f.pem"),
        ('endpoints."b.c".url', "tls://x", lambda t: t["endpoints"][1]["url"] == "tls://x"),
        ("endpoints[1].alpn[1]", "z", lambda t: t["endpoints"][1]["alpn"] == ["x", "z"]),
        ("endpoints[1].alpn", '["h2"]', lambda t: t["endpoints"][1]["alpn"] == ["h2"]),
        ("thresholds.'tls.p99'", "< 1s", lambda t: t["thresholds"] == {"tls.p99": "< 1s"}),
        (
            "sessions.reconnect",
            "{ jitter = 0.1 }",
            lambda t: t["sessions"]["reconnect"] == {"jitter": 0.1},
        ),
        (" sessions . count ", "2", lambda t: t["sessions"]["count"] == 2),
        ("name", "a\nb = 1", lambda t: t["name"] == "a\nb = 1"),
        ("name", "1\nb = 1", lambda t: t["name"] == "1\nb = 1"),
        ("name", "[" * 100_000, lambda t: t["name"].startswith("[[[")),
        ("name", "9" * 5000, lambda t: t["name"].startswith("999")),
    ],
)
def test_a_value_is_written_where_the_key_leads(key, text, look):
    data, mistakes = tree(), Mistakes("s.toml")
    apply_override(data, key, text, mistakes)
    assert len(mistakes) == 0
    assert look(data)


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "is not a key"),
        (".", "is not a key"),
        ("a..b", "is not a key"),
        ("a b", "is not a key"),
        ('"a', "is not a key"),
        ("a." * 40 + "a", "is not a key"),
        ("x" * 10_000, "is not a key"),
        ("endpoints.z.url", 'there is no endpoint "z"; there is "a", "b.c"'),
        ("endpoints[9].url", "no item 9; the first is 0, the last 1"),
        ("endpoints[9]", "no item 9"),
        ("egresses.vpn.interface", "the file has no [[egresses]]"),
        ("sessions[0]", "not a list"),
        ("sessions.count.x", '"count" holds a value, not a table'),
        ("sessions.reconnect.jitter", '"reconnect" holds a value, not a table'),
    ],
)
def test_a_key_that_leads_nowhere_is_one_line_naming_it(key, problem):
    data, mistakes = tree(), Mistakes("s.toml")
    apply_override(data, key, "1", mistakes)
    with pytest.raises(ScenarioError) as caught:
        mistakes.raise_all()
    [line] = caught.value.lines
    assert line.startswith("--set ")
    assert problem in line
    assert "s.toml" not in line


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("sessions.count=20", ("sessions.count", "20")),
        (" name = x=y ", ("name", "x=y")),
        ("name=", ("name", "")),
        ('thresholds."drops{egress=vpn}"=< 1', ('thresholds."drops{egress=vpn}"', "< 1")),
        ("thresholds.'drops{egress=vpn}'== 0", ("thresholds.'drops{egress=vpn}'", "= 0")),
    ],
)
def test_an_assignment_is_split_at_the_first_equals_outside_quotes(text, pair):
    assert split_assignment(text) == pair


@pytest.mark.parametrize("text", ["", "x", "=x", '"a=b"', "'" * 10_000])
def test_what_is_no_assignment_is_one_line(text):
    with pytest.raises(ValueError, match="is not KEY=VALUE"):
        split_assignment(text)


@given(st.text(alphabet="ab.[]0\"' =", max_size=30), st.text(max_size=30))
def test_any_key_is_written_or_noted(key, text):
    data, mistakes = tree(), Mistakes("s.toml")
    before = repr(data)
    apply_override(data, key, text, mistakes)
    assert (len(mistakes) == 1) or repr(data) != before or text
