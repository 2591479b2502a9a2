"""The completion script, and what a shell gets that runs it."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from stresser.cli.completion import Shell, complete_run, complete_scenario, completion
from stresser.cli.main import COMMANDS
from stresser.cli.scenario_file import shipped_names
from tests.analysis.story import idle_kill_story
from tests.cli.run_process import ROOT

BASH = """
eval "$(stresser completion bash)"
COMP_WORDS=({words}) COMP_CWORD={at}
_stresser_completion stresser
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(*words: str) -> set[str]:
    """What bash offers for the last of the words."""
    script = BASH.format(words=" ".join(f"'{word}'" for word in words), at=len(words) - 1)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize("shell", Shell)
def test_each_shell_has_its_script(shell, capsys):
    completion(shell)
    assert "_STRESSER_COMPLETE" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="bash is the judge here")
def test_bash_completes_commands_options_and_scenarios():
    assert completed("stresser", "co") == {name for name in COMMANDS if name.startswith("co")}
    assert completed("stresser", "show", "--se") == {"--session"}
    assert completed("stresser", "run", "citrix") == {"citrix-cloud", "citrix-government"}


def test_scenarios_and_runs_by_their_beginning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert complete_scenario("") == shipped_names()
    assert complete_scenario("no/such") == []
    assert complete_run("l") == ["last"]
    for day in (23, 24):
        name = f"202611{day}T000000Z-made-up"
        (tmp_path / "results").mkdir(exist_ok=True)
        idle_kill_story().recorded(tmp_path / "results" / name)
    assert complete_run("2026") == ["20261124T000000Z-made-up", "20261123T000000Z-made-up"]


def test_an_unknown_shell_is_bad_input():
    app = typer.Typer()
    app.command()(completion)
    result = CliRunner().invoke(app, ["tcsh"])
    assert result.exit_code == 2
