"""All of a run as `--full` prints it: at 80 and 120 columns, whatever is in it."""

import io
import json
import re

import pytest
from rich.console import Console

from stresser.analysis.summary.summary import Summary, summarise
from stresser.analysis.views.session_story import Story as RecordedStory
from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.record.manifest import Status
from stresser.report.console import json_text
from stresser.report.terminal import print_everything, print_story
from tests.analysis.story import (
    BAD_CHAIN,
    DIRECT,
    SCENARIO,
    VPN,
    Story,
    idle_kill_story,
)

RULES = {
    "drops{egress=vpn}": "= 0",
    "tls.p99": "< 800ms",
    "rtt.p99": "< 1s",
}


def printed(summary: Summary, width: int = 80, *, terminal: bool = False, endings: int = 5) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    if terminal:
        console = Console(file=out, width=width, force_terminal=True, color_system="standard")
    print_everything(summary, console, endings=endings)
    return out.getvalue()


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def made_summary(tmp_path, story: Story | None = None, **scenario: object) -> Summary:
    story = idle_kill_story() if story is None else story
    for cohort in (DIRECT, VPN):
        story.samples(Quantity.TLS, cohort, *[10.0] * 99, 123.4)
    story.samples(Quantity.LOOP_LAG, None, 1.5)
    return summarise(story.recorded(tmp_path, scenario=SCENARIO | scenario))


def test_all_that_matters_is_there(tmp_path):
    text = flat(printed(made_summary(tmp_path, thresholds=RULES)))
    assert "made-up complete (duration)" in text
    assert "lasted 1 m (1 m planned)" in text
    assert "20 drops, every one a TCP reset, 4.01 s (4 s to 4.02 s) after the last byte" in text
    assert "fail drops{egress=vpn} = 0 20" in text
    assert "pass tls.p99 < 800ms 10 ms" in text
    assert "inconclusive rtt.p99 < 1s no samples" in text
    assert "Verdict: fail" in text
    assert "stresser's own loop lag: p99 1.5 ms, max 1.5 ms." in text


@pytest.mark.parametrize("width", [80, 120])
def test_every_figure_stands_whole_and_lines_fit(tmp_path, width):
    text = printed(made_summary(tmp_path, thresholds=RULES), width)
    assert all(len(line) <= width for line in text.splitlines())
    _, direct = (line for line in text.splitlines() if line.startswith("direct "))
    assert direct.split() == ["direct", "20", "20", "98.4%", "20", "0", "0", "0"]
    (tls,) = (line for line in text.splitlines() if line.startswith("tls vpn "))
    assert tls.split()[2:] == ["100", "10", "ms", "10", "ms", "10", "ms", "123", "ms", "123", "ms"]
    (drops,) = (line for line in text.splitlines() if line.startswith("vpn: tcp_reset"))
    assert drops.split()[2:] == ["20", "4.01", "s", "5.81", "s", "4", "s", "7.82", "s"]


def test_colour_only_on_a_terminal(tmp_path):
    summary = made_summary(tmp_path, thresholds=RULES)
    assert "\x1b[" not in printed(summary)
    assert "\x1b[1;31mfail" in printed(summary, terminal=True)


def test_crashed_and_running_are_said(tmp_path):
    story = Story([VPN], 1)
    story.opens(VPN, 0)
    for name, alive, said in (("a", False, "crashed at 2026-"), ("b", True, "still running")):
        run = story.recorded(tmp_path / name, status=Status.RUNNING, is_alive=alive)
        assert said in printed(summarise(run))


def test_nothing_opened(tmp_path):
    story = Story([VPN], 1)
    story.fails(VPN, 1)
    story.stops(2)
    text = flat(printed(summarise(story.recorded(tmp_path))))
    assert (
        "Verdict: inconclusive (the scenario has no thresholds) - 1 of 1 session never opened"
        in text
    )


def test_an_empty_run(tmp_path):
    assert "Verdict: inconclusive" in printed(summarise(Story([], 0).recorded(tmp_path)))


def test_at_most_so_many_endings(tmp_path):
    summary = made_summary(tmp_path)
    assert printed(summary, 200, endings=3).count("Z session ") == 3
    assert "Last drops" not in printed(summary, 200, endings=0)


def test_hostile_texts_play_no_tricks(tmp_path):
    story = Story([VPN], 1)
    bad = "[red]\x1b]0;owned\x07\u202e" + "y" * 50_000
    session = story.opens(VPN, 0, tls=BAD_CHAIN)
    story.drops(session, 5, reason=bad, raw=bad)
    story.fails(VPN, 6, failure=bad)
    story.stops(9, reason=bad)
    summary = made_summary(tmp_path, story, name=bad)
    text = printed(summary)
    assert len(text) < 20_000
    assert "[red]" in text
    assert all(c.isprintable() or c == "\n" for c in text)


def test_many_cohorts_are_bounded(tmp_path):
    cohorts = [Cohort(f"endpoint-{n}", "vpn", "heartbeat") for n in range(200)]
    story = Story(cohorts, 1)
    for cohort in cohorts:
        story.drops(story.opens(cohort, 0), 5)
    text = printed(summarise(story.recorded(tmp_path)))
    assert "160 more cohorts in summary.json" in text
    assert len(text.splitlines()) < 300


def test_json_is_the_summary(tmp_path):
    summary = made_summary(tmp_path, thresholds=RULES)
    found = json.loads(json_text(summary))
    assert (found["schema"], found["verdict"]) == (1, "fail")
    assert found["thresholds"][1]["value"] == pytest.approx(10e6, rel=0.001)


def test_a_story_is_printed_in_full():
    out = io.StringIO()
    print_story(
        RecordedStory(
            title="Session 7", lines=[("cohort", "a through b"), ("raw error", "[red]" + "e" * 90)]
        ),
        Console(file=out, width=80),
    )
    text = out.getvalue()
    assert text.startswith("Session 7\n")
    assert re.search(r"^cohort +a through b", text, re.MULTILINE)
    assert text.count("e") >= 90
    assert "[red]" in text
