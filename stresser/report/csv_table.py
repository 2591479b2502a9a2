"""One table as CSV (RFC 4180), UTF-8, that a spreadsheet takes as data alone.

A text that begins like a formula gets an apostrophe before it: programs that open CSV files would
compute it, and what a peer said may stand there (OWASP, CSV Injection).
"""

import csv
import io
from collections.abc import Sequence
from typing import Any, BinaryIO, Final

from stresser.model.units import NS_PER_S
from stresser.report.export_tables import CellType, Column, ExportRow

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - wide ones, too


class CsvTable:
    """A `TableWriter`."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._writer = csv.writer(self._text)
        self._writer.writerow([column.name for column in columns])
        self.rows = 0

    def add(self, row: ExportRow) -> None:
        """Write one row."""
        self._writer.writerow([_cell(column, row) for column in self._columns])
        self.rows += 1

    def close(self) -> None:
        """Hand all of it over to the file."""
        self._text.detach()  # flushes, too


def _cell(column: Column, row: ExportRow) -> str:
    value: Any = column.value(row)
    if value is None:
        return ""
    if column.cell is CellType.SECONDS:
        return _seconds(value)
    if column.cell is CellType.YES_NO:
        return "true" if value else "false"
    text = str(value)
    is_number = column.cell is CellType.WHOLE
    return f"'{text}" if text.startswith(_FORMULA) and not is_number else text


def _seconds(ns: int) -> str:
    """Exact to the nanosecond."""
    whole, rest = divmod(abs(ns), NS_PER_S)
    return f"{'-' if ns < 0 else ''}{whole}.{rest:09}"
