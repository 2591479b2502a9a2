"""The units in docs/systemd are what systemd takes, and what docs/days.md says of them holds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.tools import tool

UNITS = Path(__file__).parents[1] / "docs" / "systemd"
INSTALLED = "/opt/stresser/.venv/bin/stresser"


def verified(tmp_path, change=lambda text: text):
    """What systemd says of the units, with a program in place of the one that is not here."""
    for unit in UNITS.iterdir():
        text = change(unit.read_text()).replace(INSTALLED, sys.executable)
        (tmp_path / unit.name).write_text(text)
    files = sorted(str(path) for path in tmp_path.iterdir())
    command = [tool("systemd-analyze"), "verify", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_systemd_takes_the_units_as_they_are(tmp_path):
    assert verified(tmp_path) == (0, "")


def test_a_mistake_in_them_would_be_told(tmp_path):
    _, told = verified(tmp_path, lambda text: text.replace("KillMode=", "KillModus="))
    assert "KillModus" in told


@pytest.mark.parametrize("word", ["run", "--resume auto", "--quiet"])
def test_the_service_calls_a_command_that_there_is(word):
    [command] = re.findall(
        r"^ExecStart=(.*)$", (UNITS / "stresser.service").read_text(), re.MULTILINE
    )
    assert command.startswith(INSTALLED)
    assert word in command
