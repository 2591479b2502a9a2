"""The `stresser` command: help, version, exit codes of what goes wrong."""

import inspect
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest

import stresser
from stresser.cli.main import COMMANDS, without_pydantic
from tests.cli.in_process import stresser_says
from tests.cli.run_process import ROOT, STRESSER

LONGEST_FIRST_LINE = 64
"""Of 80 columns: what stands beside a command's name, uncut."""


def test_version_of_the_installed_command():
    said = subprocess.run([*STRESSER, "--version"], cwd=ROOT, capture_output=True, check=True)
    assert said.stdout.decode() == f"stresser {stresser.__version__}\n"


def test_help_lists_the_commands_and_the_exit_codes():
    code, out, _ = stresser_says("--help")

    assert code == 0
    for word in ("run", "show", "lab", "schema", "130 forced stop"):
        assert word in out.decode()


@pytest.mark.parametrize(("name", "first_line"), COMMANDS.items())
def test_a_command_says_of_itself_what_the_list_says(name, first_line):
    command = getattr(import_module(f"stresser.cli.{name}"), name)
    assert inspect.cleandoc(command.__doc__).partition("\n\n")[0] == first_line
    assert len(first_line) <= LONGEST_FIRST_LINE


@pytest.mark.parametrize("arguments", [("-h",), ("show", "-h"), ("show", "--help")])
def test_h_is_help(arguments):
    code, out, err = stresser_says(*arguments)

    assert (code, err) == (0, "")
    assert b"-h, --help" in out
    assert b"Raises" not in out


def test_a_mistyped_command_gets_the_nearest_one():
    assert "Did you mean 'run'?" in stresser_says("rnu").err


@pytest.mark.parametrize(
    "arguments",
    [(), ("nosuch",), ("run",), ("run", "--nosuch"), ("show", "nosuch"), ("run", "nosuch")],
)
def test_bad_input_is_exit_code_2_without_a_traceback(arguments):
    code, out, err = stresser_says(*arguments)

    assert code == 2
    assert out.decode() + err


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


def test_options_that_a_typer_describes_in_another_way_are_left_to_it():
    """No release promises what is asked of its parameters."""
    option = SimpleNamespace(name="full")
    assert without_pydantic([option]) == [SimpleNamespace(name="full")]
