import io
import json

import pytest
from rich.console import Console

from stresser.analysis.compare.comparison import compare_sides
from stresser.analysis.compare.incident_rates import Span
from stresser.report.compare_terminal import print_comparison
from stresser.report.console import json_text
from stresser.report.page_tables import interval
from tests.analysis.answer_story import QUICKSTART, answer_to, diagnosed
from tests.analysis.sides_story import DIRECT, HOUR, VPN, incident_story, recorded_sides
from tests.analysis.story import Story


def shown(comparison, width=80):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_comparison(comparison, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def comparison(tmp_path):
    story = incident_story(7, 41, size=2)
    incident_story(3, 4, endpoint="gateway", story=story)
    return compare_sides(*recorded_sides(tmp_path, story))


def test_the_paragraph_comes_first_and_the_verdict_last(comparison):
    lines = shown(comparison).splitlines()
    assert lines[0].startswith("Incidents came ")
    assert lines[-1] == "Verdict: worse"


def test_the_candidates_own_answer_stands_below_the_paragraph(comparison):
    out = io.StringIO()
    console = Console(file=out, width=80, highlight=False)
    print_comparison(comparison, console, answer_to(QUICKSTART, diagnosed()))
    text = out.getvalue()
    answer = text.index("Is it the egress?  Yes: middlebox. 79 drops of 96 sessions")
    assert text.index("Incidents came ") < answer < text.index("Sides")


def test_tables_have_the_figures(comparison):
    text = shown(comparison)
    for words in ("Sides", "session hours", "per session hour", "Endpoints", "What this cannot"):
        assert words in text
    row = next(line for line in text.splitlines() if line.startswith("broker heartbeat"))
    assert "7 / 41" in row
    assert "drops" in text
    assert f"{comparison.rates.permutation_p_value:.2g}" in text


def test_it_fits_into_eighty_columns(comparison):
    assert max(map(len, shown(comparison).splitlines())) <= 80


def test_json_has_everything(comparison):
    read = json.loads(json_text(comparison))
    assert read["rates"]["candidate"]["drops"] == 86
    assert read["schema"] == 1


def test_a_side_that_held_nothing(tmp_path):
    story = Story([DIRECT, VPN], 1)
    story.ends_as_planned(story.opens(DIRECT, 1), 2 * HOUR)
    for at in range(12):
        story.fails(VPN, 10 + at)
    text = shown(compare_sides(*recorded_sides(tmp_path, story)))
    assert "12 of 12" in text
    assert "Verdict: worse" in text


def test_an_interval_without_end():
    assert interval(Span(2.5, None)) == "2.5 to infinity"
    assert interval(Span(0, 15.47)) == "0 to 15.5"
