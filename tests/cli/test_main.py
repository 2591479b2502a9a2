"""The `stresser` command: help, version, exit codes of what goes wrong."""

import subprocess
import sys

import pytest

import stresser
from tests.cli.run_process import ROOT, STRESSER


def stresser_says(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*STRESSER, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_version():
    assert stresser_says("--version").stdout == f"stresser {stresser.__version__}\n"


def test_help_lists_the_commands_and_the_exit_codes():
    said = stresser_says("--help")

    assert said.returncode == 0
    for word in ("run", "show", "lab", "schema", "130 forced stop"):
        assert word in said.stdout


@pytest.mark.parametrize(
    "arguments",
    [(), ("nosuch",), ("run",), ("run", "--nosuch"), ("show", "nosuch"), ("run", "nosuch")],
)
def test_bad_input_is_exit_code_2_without_a_traceback(arguments):
    said = stresser_says(*arguments)

    assert said.returncode == 2
    assert said.stdout + said.stderr
    assert "Traceback" not in said.stderr


def test_a_bug_is_exit_code_4_and_told_as_one():
    """A bug is made here by breaking a command: there is none at hand."""
    code = (
        "import sys; sys.argv = ['stresser', 'schema', 'events']\n"
        "import stresser.record.events_schema as broken\n"
        "del broken.events_schema\n"
        "from stresser.cli.main import main\n"
        "main()\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert said.returncode == 4
    assert "this is a bug in stresser" in said.stderr


def test_a_reader_that_leaves_is_no_error():
    piped = subprocess.run(  # noqa: S602 - the pipe is what is tested; no word is a stranger's
        f"{sys.executable} -m stresser schema scenario | head -1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert piped.stdout.splitlines() == ["{", "0"]
    assert "Traceback" not in piped.stderr
