"""`stresser init [FILE]`: a commented scenario to fill in, from a shipped template."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from stresser.cli.scenario_file import shipped_folder
from stresser.cli.templates import template_names
from stresser.model.errors import StresserError
from stresser.model.units import shown
from stresser.record.atomic_write import why_not, write_new
from stresser.scenario.field_rules import NAME_PATTERN
from stresser.scenario.mistakes import did_you_mean

_STDOUT = "-"
_TEMPLATE = "vpn-vs-direct"
_NAMED_IN_TEMPLATES = "mine.toml"


def init(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="Where to write it, or - for standard output.")
    ] = _NAMED_IN_TEMPLATES,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="The shipped scenario to begin with.")
    ] = _TEMPLATE,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a commented scenario to fill in.

    What says CHANGE is to be changed. Templates: vpn-vs-direct, own-endpoint, behind-proxy,
    overnight-soak, citrix-cloud, citrix-government, signalr, azure-relay-like,
    mqtt.

    Raises:
        StresserError: there is no such template, or the file exists or cannot be written.
    """
    names = template_names()
    if template not in names:
        near = did_you_mean(template, names) or f"; templates are {', '.join(names)}"
        raise StresserError(f"--template: {shown(template)} is no template{near}")
    text = (shipped_folder() / f"{template}.toml").read_text(encoding="utf-8")
    if file == _STDOUT:
        sys.stdout.write(text)
        return
    _write(Path(file), _named(text, Path(file)), force=force)
    name = shown(file, 300)[1:-1]
    typer.echo(f"Wrote {name}. Change what says CHANGE, then:\n")
    typer.echo(f"    stresser check {name}\n    stresser run {name} --duration 10m")


def _named(text: str, path: Path) -> str:
    """The template as a file of that name; the run folders get the name, too."""
    text = text.replace(_NAMED_IN_TEMPLATES, path.name if path.name.isprintable() else "FILE")
    if re.fullmatch(NAME_PATTERN, path.stem):
        text = re.sub(r'(?m)^name = "[^"]*"', f'name = "{path.stem}"', text, count=1)
    return text


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        write_new(path, text.encode(), force=force)
    except FileExistsError:
        raise StresserError(f"{shown(str(path), 300)}: exists; --force replaces it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = why_not(error)
        raise StresserError(f"{shown(str(path), 300)}: cannot be written: {why}") from None
