"""`stresser doctor`: what this machine can witness and hold, and how to enable the rest."""

from typing import Annotated

import typer

from stresser.report.console import json_text, stdout_console, until_reader_leaves
from stresser.report.doctor_terminal import print_examination
from stresser.run.machine import examine


def doctor(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what this machine can witness and hold.

    Where something is missing: why, and the command that enables it.
    """
    found = examine()
    console = stdout_console()
    with until_reader_leaves(console):
        if json:
            console.file.write(json_text(found) + "\n")
        else:
            print_examination(found, console)
