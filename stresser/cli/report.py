"""`stresser report RUN...`: what was found, as one page, Markdown, JSON, JUnit, or a bundle."""

import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from stresser.analysis.views.run_report import Report, gather_report
from stresser.bundle.evidence_zip import report_json, write_evidence
from stresser.bundle.signature import read_signing_key, sign_message
from stresser.cli.completion import complete_run
from stresser.model.errors import RunFolderError
from stresser.model.units import shown
from stresser.record.atomic_write import replacing
from stresser.record.folder import RESULTS
from stresser.record.reader import RecordedRun, open_run, resolve_run
from stresser.report.junit import junit_xml
from stresser.report.markdown import markdown
from stresser.report.page import page_parts

_MOST_RUNS = 20


class Format(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"
    JUNIT = "junit"


def report(
    run: Annotated[
        list[str],
        typer.Argument(help="Run folders, their names, or `last`.", autocompletion=complete_run),
    ],
    *,
    egress: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Compare these two egresses; the baseline first."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="What to write.", case_sensitive=False)
    ] = Format.HTML,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write; `-`: standard output. [in the run's folder]"),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Write an evidence bundle instead, a ZIP file: see `stresser verify`."),
    ] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="In the bundle, stand-ins for names and addresses.")
    ] = False,
    sign: Annotated[
        Path | None,
        typer.Option(help="Sign the bundle with this Ed25519 key: a PEM or OpenSSH key file."),
    ] = None,
    results: Annotated[Path, typer.Option(help="Where runs are looked for.")] = RESULTS,
) -> None:
    """Write what was found as one file: HTML, Markdown, JSON, JUnit.

    Two runs, or two egresses, are compared.

    Raises:
        RunFolderError: a run is missing or unreadable, or the file cannot be written.
    """
    if redact and bundle is None:
        raise RunFolderError("--redact: changes what is in a bundle; add --bundle FILE.zip")
    if sign is not None and bundle is None:
        raise RunFolderError("--sign: signs a bundle; add --bundle FILE.zip")
    if bundle is not None:
        signing = None if sign is None else partial(sign_message, read_signing_key(sign))
        _bundle(_opened(run, results), egress, bundle, redact=redact, sign=signing)
        return

    runs = _opened(run, results)
    gathered = gather_report(runs, egress)
    parts = _parts(gathered, form)
    if out == Path("-"):
        for part in parts:
            sys.stdout.buffer.write(part)
        return
    path = _written(out or runs[0].path / _NAMES[form], parts)
    if gathered.comparison is not None:
        typer.echo(gathered.comparison.paragraph)
    typer.echo(f"Report: {path}")


_NAMES = {
    Format.HTML: "report.html",
    Format.MARKDOWN: "report.md",
    Format.JSON: "report.json",
    Format.JUNIT: "report.xml",
}


def _opened(names: list[str], results: Path) -> list[RecordedRun]:

    if len(names) > _MOST_RUNS:
        raise RunFolderError(f"{len(names)} runs are too many for one report; at most {_MOST_RUNS}")
    return [open_run(resolve_run(name, results)) for name in names]


def _parts(gathered: Report, form: Format) -> Iterable[bytes]:
    if form is Format.HTML:
        return page_parts(gathered)
    if form is Format.MARKDOWN:
        return [markdown(gathered).encode()]
    if form is Format.JUNIT:
        return [junit_xml(gathered).encode()]
    return report_json(gathered)


def _bundle(
    runs: list[RecordedRun],
    egress: tuple[str, str] | None,
    path: Path,
    *,
    redact: bool,
    sign: Callable[[bytes], bytes] | None,
) -> None:
    """Write the bundle and, where names are redacted, their key beside it."""
    digest, key = write_evidence(runs, egress, path, redact=redact, sign=sign)
    typer.echo(f"Bundle: {shown(str(path), 300)[1:-1]}\nSHA-256: {digest}")
    if redact:
        beside = path.with_name(f"{path.name}.key.json")
        secret = msgspec.json.format(msgspec.json.encode(key), indent=1)
        written = _written(beside, [secret], is_private=True)
        typer.echo(f"What its names stand for, to be kept back: {written}")


def _written(path: Path, parts: Iterable[bytes], *, is_private: bool = False) -> str:
    try:
        with replacing(path, is_private=is_private) as file:
            file.writelines(parts)
    except OSError as error:
        raise RunFolderError(
            f"--out {shown(str(path), 300)}: cannot be written: {error.strerror}"
        ) from error
    return shown(str(path), 300)[1:-1]
