"""`stresser verify FILE.zip`: does an evidence bundle hold what its own events say?"""

from pathlib import Path
from typing import Annotated

import typer

from stresser.analysis.words.endings import counted
from stresser.bundle.signature import read_signers
from stresser.bundle.verification import verify_bundle
from stresser.model.errors import ExitCode
from stresser.report.console import json_text


def verify(
    bundle: Annotated[Path, typer.Argument(help="A file that `stresser report --bundle` wrote.")],
    *,
    signer: Annotated[
        Path | None,
        typer.Option(
            help="A public key, or a list of allowed signers: one of them must have signed it."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Compute a bundle's figures again from the events in it.

    Exit code 0: all of it matches, 1: something does not, 2: it is no bundle. Without a signature
    nothing shows who made it, and it says so.

    Raises:
        StresserError: the file is no bundle, the runs in it cannot be read, or the signer's key.
    """
    found = verify_bundle(bundle, None if signer is None else read_signers(signer))
    if json:
        typer.echo(json_text(found))
    else:
        runs = counted(len(found.runs), "run")
        typer.echo(f"Bundle of {runs}, made by stresser {found.made_by}")
        for line in (*found.notes, *found.wrong):
            typer.echo(f"- {line}")
        answer = "does NOT match its events" if found.wrong else "matches its events"
        typer.echo(f"{found.figures:,} figures computed again: the bundle {answer}.")
    raise typer.Exit(ExitCode.FAIL if found.wrong else ExitCode.PASS)
