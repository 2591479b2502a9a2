"""`stresser completion SHELL`: the script with which a shell completes commands and their words."""

from enum import StrEnum

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined] # no other way

from stresser.cli.main import COMPLETE
from stresser.cli.scenario_file import shipped_names
from stresser.model.errors import RunFolderError
from stresser.record.folder import RESULTS
from stresser.record.lookup import list_runs

_MOST_RUNS = 50


class Shell(StrEnum):
    """Whose script can be had."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def completion(shell: Shell) -> None:
    """Print a shell's script for completing this command.

    bash: put `eval "$(stresser completion bash)"` into ~/.bashrc; zsh: the same in ~/.zshrc, after
    compinit; fish: `stresser completion fish > ~/.config/fish/completions/stresser.fish`;
    powershell: `stresser completion powershell >> $PROFILE`.
    """
    typer.echo(
        get_completion_script(prog_name="stresser", complete_var=COMPLETE, shell=shell.value)
    )


def complete_scenario(incomplete: str) -> list[str]:
    """Names of shipped scenarios; where none fits, the shell offers files."""
    return [name for name in shipped_names() if name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """`last` and the recorded runs, newest first."""
    try:
        names = [path.name for path in list_runs(RESULTS)[: -_MOST_RUNS - 1 : -1]]
    except RunFolderError:
        names = []
    return [name for name in ("last", *names) if name.startswith(incomplete)]
