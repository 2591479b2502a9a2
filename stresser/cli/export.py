"""`stresser export RUN`: sessions, attempts and drops as tables, for other programs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from stresser.analysis.summary.run_reading import pass_on, read_run
from stresser.cli.completion import complete_run
from stresser.model.errors import StresserError
from stresser.model.units import escaped, shown
from stresser.record.atomic_write import replacing, why_not
from stresser.record.folder import RESULTS
from stresser.record.reader import RecordedRun, open_run, resolve_run
from stresser.report.csv_table import CsvTable
from stresser.report.export_tables import TABLES, Column, ExportedRun, TableWriter

_LONGEST_PATH = 300
_MakeTable = Callable[[BinaryIO, Sequence[Column]], TableWriter]


class TableFormat(StrEnum):
    """What a table can be written as."""

    CSV = "csv"
    PARQUET = "parquet"


class TableName(StrEnum):
    """Which tables there are."""

    SESSIONS = "sessions"
    ATTEMPTS = "attempts"
    DROPS = "drops"


def export(
    run: Annotated[
        str,
        typer.Argument(
            help="A run folder, its name under results/, or `last`.", autocompletion=complete_run
        ),
    ],
    form: Annotated[TableFormat, typer.Option("--format", help="What to write.")],
    *,
    table: Annotated[
        TableName | None, typer.Option(help="Write this table alone. [all three]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write to; with --table, also a file. [the run's folder]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    results: Annotated[Path, typer.Option(help="Where RUN is looked for.")] = RESULTS,
) -> None:
    """Write sessions, attempts and drops as tables: CSV or Parquet.

    One row each, drops and failures with what explains them. Names of columns end with the unit.

    Raises:
        StresserError: there is no such run, a file exists or cannot be written, or Parquet's
            library is missing.
    """
    make = _maker(form)
    recorded = open_run(resolve_run(run, results))
    names = list(TableName) if table is None else [table]
    folder = recorded.path if out is None else out
    if table is not None and out is not None and not out.is_dir():
        paths = {table: out}
    else:
        paths = {name: folder / f"{name}.{form}" for name in names}
        _make_folder(folder)
    _refuse_existing(paths.values(), force=force)
    rows = _write(recorded, paths, make)
    for name, path in paths.items():
        typer.echo(f"{name}: {rows[name]:,} rows in {_words(path)}")


def _maker(form: TableFormat) -> _MakeTable:
    if form is TableFormat.CSV:
        return CsvTable
    try:
        made: _MakeTable = import_module("stresser.report.parquet_table").ParquetTable
    except ImportError as error:
        raise StresserError(
            "--format parquet needs pyarrow, which cannot be loaded"
            f" ({escaped(str(error))}): pip install 'stresser[parquet]', or --format csv"
        ) from error
    return made


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise StresserError(f"--out {_words(folder)}: {why_not(error)}") from error


def _refuse_existing(paths: Iterable[Path], *, force: bool) -> None:
    found = [] if force else [path for path in paths if path.exists()]
    if found:
        raise StresserError(*(f"{_words(path)}: exists; --force replaces it" for path in found))


def _write(
    recorded: RecordedRun, paths: Mapping[TableName, Path], make: _MakeTable
) -> dict[str, int]:
    """The number of rows of each. What a row's diagnosis is, only a whole reading tells."""
    reading = read_run(recorded)
    try:
        with ExitStack() as files:
            tables = {
                name.value: make(files.enter_context(replacing(path)), TABLES[name])
                for name, path in paths.items()
            }
            exported = ExportedRun(reading, tables)
            pass_on(recorded.events(), [exported])
            exported.close()
            for table in tables.values():
                table.close()
    except OSError as error:
        where = _words(next(iter(paths.values())).parent)
        raise StresserError(f"--out {where}: cannot be written: {why_not(error)}") from error
    return {name: table.rows for name, table in tables.items()}


def _words(path: Path) -> str:
    return shown(str(path), _LONGEST_PATH)[1:-1]
