"""Lines name the file or the option, the key, what is wrong."""

import pytest

from stresser.model.errors import ScenarioError
from stresser.scenario.mistakes import Mistakes, did_you_mean, shown_key


def lines_of(mistakes):
    with pytest.raises(ScenarioError) as caught:
        mistakes.raise_all()
    return list(caught.value.lines)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("sessions", "count"), "sessions.count"),
        (("endpoints", 1, "url"), "endpoints[1].url"),
        (("thresholds", "tls.p99"), 'thresholds."tls.p99"'),
        (("a\nb",), '"a\\nb"'),
    ],
)
def test_a_path_is_shown_as_toml_writes_it(path, text):
    assert shown_key(path) == text


def test_a_mistake_names_the_file_and_the_key():
    mistakes = Mistakes("s.toml")
    mistakes.add(("sessions", "count"), "wrong")
    mistakes.add((), "empty")
    assert lines_of(mistakes) == ["s.toml: sessions.count: wrong", "s.toml: empty"]


def test_what_an_option_wrote_is_blamed_on_the_option():
    mistakes = Mistakes("s.toml")
    mistakes.set_by_option(("sessions",), "sessions", "{}")
    mistakes.add(("sessions",), "wrong")
    mistakes.add(("sessions", "count"), "wrong")
    mistakes.add(("session",), "wrong")
    assert lines_of(mistakes) == [
        "--set sessions: wrong",
        "--set sessions: count: wrong",
        "s.toml: session: wrong",
    ]


def test_many_mistakes_are_counted_not_printed():
    mistakes = Mistakes("s.toml")
    for _ in range(1000):
        mistakes.add(("x",), "wrong")
    lines = lines_of(mistakes)
    assert len(lines) == 51
    assert lines[-1] == "s.toml: and 950 more mistakes"


def test_a_hostile_name_stays_on_one_short_line():
    mistakes = Mistakes("\x1b[31m\n.toml")
    mistakes.add(("k" * 100_000, "\r\n"), "w" * 100_000)
    [line] = lines_of(mistakes)
    assert line.isprintable()
    assert len(line) <= 1000


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("coutn", '; did you mean "count"?'),
        ("COUNT", '; did you mean "count"?'),
        ("zzz", ""),
        ("x" * 1_000_000, ""),
    ],
)
def test_the_nearest_word_is_suggested(text, hint):
    assert did_you_mean(text, ["count", "ramp"]) == hint
