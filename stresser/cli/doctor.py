"""`stresser doctor`: what this machine can witness and hold, and how to enable the rest."""

from typing import Annotated

import typer


def doctor(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what this machine can witness and hold, why not the rest, and the command for it."""
    from stresser.report.console import (  # noqa: PLC0415 - quick start-up
        stdout_console,
        until_reader_leaves,
    )
    from stresser.report.doctor_terminal import examination_json, print_examination  # noqa: PLC0415 - same
    from stresser.run.machine import examine  # noqa: PLC0415 - same

    found = examine()
    console = stdout_console()
    with until_reader_leaves(console):
        if json:
            console.file.write(examination_json(found) + "\n")
        else:
            print_examination(found, console)
