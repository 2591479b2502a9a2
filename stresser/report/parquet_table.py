"""One table as Parquet. Imported where one is written: sole user of pyarrow, which is an extra."""

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, BinaryIO, Final

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from stresser.model.units import NS_PER_S
from stresser.report.export_tables import CellType, Column, ExportRow

_ROWS_AT_ONCE: Final = 10_000
"""In memory, and in a row group."""
_TYPES: Final[dict[CellType, Any]] = {
    CellType.TEXT: pa.string(),
    CellType.WHOLE: pa.int64(),
    CellType.SECONDS: pa.float64(),
    CellType.YES_NO: pa.bool_(),
    CellType.MOMENT: pa.timestamp("us", tz="UTC"),
}


class _Sink(io.RawIOBase):
    """The file, for a writer that may outlive it.

    One that is thrown away after an error writes its footer all the same, and would say on
    standard error that it cannot.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data) if self._file.closed else self._file.write(data)


class ParquetTable:
    """A `TableWriter`."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._schema = pa.schema([(column.name, _TYPES[column.cell]) for column in columns])
        self._writer = ParquetWriter(_Sink(file), self._schema, compression="zstd")
        self._waiting: list[ExportRow] = []
        self.rows = 0

    def add(self, row: ExportRow) -> None:
        """Keep one row until some thousands are together."""
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) >= _ROWS_AT_ONCE:
            self._write()

    def close(self) -> None:
        """Write what is left and the footer."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        arrays = [
            pa.array([_value(column, row) for row in self._waiting], _TYPES[column.cell])
            for column in self._columns
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._waiting.clear()


def _value(column: Column, row: ExportRow) -> Any:
    value = column.value(row)
    made = _MADE.get(column.cell)
    return value if value is None or made is None else made(value)


def _moment(utc: str) -> datetime | None:
    """None: a damaged file has something else there."""
    try:
        return datetime.fromisoformat(utc)
    except ValueError:
        return None


_MADE: Final[dict[CellType, Callable[[Any], Any]]] = {
    CellType.SECONDS: lambda ns: ns / NS_PER_S,
    CellType.MOMENT: _moment,
}
