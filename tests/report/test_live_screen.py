"""A snapshot drawn at any size, and as one line."""

import io
import re
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from stresser.model.ending import Kind
from stresser.model.units import NS_PER_MS
from stresser.report.glimpse import Glimpse
from stresser.report.live_screen import LiveScreen, progress_line, rows_that_fit
from stresser.report.snapshot import Snapshot
from tests.analysis.story import DIRECT, VPN, Story, idle_kill_story, seconds
from tests.fakes.thoroughness import examples
from tests.report.test_snapshot import snapshot_of


def drawn(snapshot: Snapshot, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(LiveScreen(snapshot))
    return out.getvalue()


def busy() -> Snapshot:
    glimpse = Glimpse()
    for n in range(100):
        glimpse.add(n * NS_PER_MS)
    story = idle_kill_story()
    story.fails(DIRECT, 59)
    return snapshot_of(story, rtt=glimpse, tls=glimpse)


def test_what_is_shown():
    text = drawn(busy()._replace(duration_ns=seconds(3600)), 100)
    assert "made-up  1 m elapsed, 59 m left" in text
    assert "0 of 40 sessions open, 41 attempts (1 failed), 20 drops (tcp_reset 20)" in text
    assert "! one\n- two\n" in re.sub(" +\n", "\n", text)
    (sessions, durations) = (line.split() for line in text.splitlines() if line.startswith("vpn "))
    assert sessions == ["vpn", "0", "20", "20", "0", "20", "tcp_reset", "20"]
    assert durations == ["vpn", "-", "-", "48.8ms", "97.5ms", "-", "-", "48.8ms", "97.5ms"]
    assert "1 s ago, broker through direct: refused (RST in answer to SYN)" in text


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_it_fits_any_width(width):
    text = drawn(busy(), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def test_eighty_columns_cut_no_figure():
    text = drawn(busy(), 80)
    assert "…" not in text
    assert "97.5ms" in text


@pytest.mark.parametrize(("height", "rows"), [(5, 1), (24, 2), (40, 10), (200, 20)])
def test_rows_fit_the_height(height, rows):
    assert rows_that_fit(height, 20) == rows


def test_one_line_of_key_and_value():
    fields = dict(part.split("=") for part in shlex.split(progress_line(busy(), "running")))
    assert fields == {
        "state": "running",
        "scenario": "made-up",
        "elapsed": "1m",
        "remaining": "-",
        "open": "0",
        "requested": "40",
        "attempts": "41",
        "failed": "1",
        "drops": "20",
        "drops_tcp_reset": "20",
        "warnings": "1",
    }


@given(st.text(), st.integers(10, 200))
@settings(max_examples=examples(30))
def test_hostile_texts_play_no_tricks(text, width):
    story = Story([VPN], 1)
    story.drops(story.opens(VPN, 0), 5, Kind.WS_CLOSE, code=1000, reason=text * 100)
    snapshot = snapshot_of(story)._replace(scenario=text, warnings=[text * 100], news=[text * 100])
    picture = drawn(snapshot, width)
    assert all(c.isprintable() or c == "\n" for c in picture)
    assert len(picture) < 20_000
    assert "\n" not in progress_line(snapshot, "running")
