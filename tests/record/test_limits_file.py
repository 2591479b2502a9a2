"""Limits that are kept between commands, of this machine alone."""

import json
import os
import platform
import stat
from pathlib import Path

import pytest

from stresser.record.limits_file import keep_limits, kept_limits, limits_file
from tests.model.test_measured_limits import LIMITS


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Path(tmp_path) / "state"


def test_what_is_kept_is_read_again(state):
    assert kept_limits() is None
    path = keep_limits(LIMITS)
    assert path == limits_file() == state / "stresser" / "limits.json"
    assert kept_limits() == LIMITS
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_an_absolute_state_folder_it_is_in_the_home(monkeypatch, tmp_path, home):
    monkeypatch.setenv("XDG_STATE_HOME", home)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert limits_file() == tmp_path / ".local/state/stresser/limits.json"


@pytest.mark.parametrize(
    ("key", "value"),
    [("host", "another"), ("cores", (os.cpu_count() or 0) + 1), ("limits", None), ("host", 1)],
)
def test_another_machines_and_damaged_ones_are_none(key, value):
    path = keep_limits(LIMITS)
    kept = json.loads(path.read_text())
    assert kept["host"] == platform.node()
    path.write_text(json.dumps(kept | {key: value}))
    assert kept_limits() is None


@pytest.mark.parametrize("text", ["", "{", "[" * 10_000, "x" * 100_000])
def test_what_is_no_json_is_none(text):
    keep_limits(LIMITS).write_text(text)
    assert kept_limits() is None


def test_where_nothing_can_be_kept_the_system_says_why(state):
    state.write_text("a file")
    with pytest.raises(OSError, match=r"[Nn]ot a directory|exists"):
        keep_limits(LIMITS)
