"""`stresser runs`: which runs are recorded."""

from pathlib import Path
from typing import Annotated

import typer

from stresser.cli.streams import tell_stderr
from stresser.record.folder import RESULTS, shown_path
from stresser.record.lookup import list_runs
from stresser.record.run_list import listed_run
from stresser.report.console import json_text, stdout_console, until_reader_leaves
from stresser.report.runs_terminal import print_runs

_FEW = 20


def runs(
    *,
    newest: Annotated[int, typer.Option(metavar="N", help="List this many; 0: all.", min=0)] = _FEW,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    results: Annotated[Path, typer.Option(help="Where runs are looked for.")] = RESULTS,
) -> None:
    """List the recorded runs, newest first.

    Raises:
        RunFolderError: the folder of runs cannot be read.
    """
    found = list_runs(results)[::-1]
    listed = [listed_run(path) for path in found[: newest or None]]
    console = stdout_console()
    with until_reader_leaves(console):
        if json:
            console.file.write(json_text(listed) + "\n")
        elif listed:
            print_runs(listed, console)
    _tell_the_rest(results, len(found) - len(listed), has_runs=bool(found))


def _tell_the_rest(results: Path, rest: int, *, has_runs: bool) -> None:
    """On standard error: what is piped on is the list alone."""
    if not has_runs:
        text = f"{shown_path(results)}: there is no run in it yet"
    elif rest:
        text = f"{rest:,} older: --newest 0 lists all"
    else:
        return
    tell_stderr(text)
