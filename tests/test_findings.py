"""The form of findings/: what is said at the top of each script. They themselves run by hand."""

import re
import subprocess
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[1] / "findings"
SCRIPTS = sorted(ROOM.glob("*.sh"))
SAYS = ("Guess", "What is", "Seen", "Software", "Matters", "Rights")
PINNED = re.compile(r"\b(?P<name>[a-z0-9-]+)(?:==|=)\d[\w.:+~-]*")


def head_of(script):
    """The comment that the script starts with, after its first line."""
    lines = script.read_text(encoding="utf-8").splitlines()[1:]
    end = next(at for at, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(lines[:end])


def test_there_are_findings():
    assert len(SCRIPTS) > 10


each_finding = pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.stem)


@each_finding
def test_says_all_at_its_top(script):
    head = head_of(script)
    assert [word for word in SAYS if f"# {word}:" not in head] == []
    assert "measured 20" in head


@each_finding
def test_installs_pinned_packages_into_the_folder_that_goes(script):
    text = script.read_text(encoding="utf-8")
    assert '. "$(dirname "$0")/stage.bash"' in text
    installs = [line for line in text.splitlines() if re.match(r"debian |python_packages ", line)]
    assert installs
    assert all(PINNED.search(line) for line in installs)


@each_finding
def test_is_in_the_index_and_can_be_called(script):
    assert f"]({script.name})" in (ROOM / "README.md").read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o111


@each_finding
def test_runs_without_stresser(script):
    assert not re.search(r"\b(?:import|from) stresser\b", script.read_text(encoding="utf-8"))


@each_finding
def test_is_bash(script):
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_the_index_names_only_what_is_there():
    named = re.findall(r"\]\((\S+\.sh)\)", (ROOM / "README.md").read_text(encoding="utf-8"))
    assert sorted(named) == [script.name for script in SCRIPTS]
