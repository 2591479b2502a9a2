"""Parquet, read back by DuckDB."""

from datetime import UTC, datetime
from functools import partial

import duckdb
import pytest

from stresser.report import parquet_table
from stresser.report.export_tables import CellType, Column, ExportRow
from stresser.report.parquet_table import ParquetTable

VALUES = {
    CellType.TEXT: ("=1+1", "=1+1"),
    CellType.WHOLE: (2**62, 2**62),
    CellType.SECONDS: (1_500_000_001, 1.500000001),
    CellType.YES_NO: (True, True),
    CellType.MOMENT: (
        "2026-11-30T17:44:03.346401Z",
        datetime(2026, 11, 30, 17, 44, 3, 346401, tzinfo=UTC),
    ),
}


def read(path, sql):
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        return database.sql(sql.format(f"'{path}'")).fetchall()


def test_each_type_of_cell_is_read_as_it_was(tmp_path):
    def of_full_rows(value, row):
        return None if row.opened is None else value

    columns = [
        Column(cell.value, cell, partial(of_full_rows, value))
        for cell, (value, _) in VALUES.items()
    ]
    path = tmp_path / "a.parquet"
    with path.open("wb") as file:
        table = ParquetTable(file, columns)
        table.add(ExportRow())
        table.add(ExportRow(opened=object()))  # type: ignore[arg-type] # any will do
        table.close()
    empty, full = read(path, "SELECT * FROM {}")
    assert empty == (None,) * len(VALUES)
    assert full == tuple(shown for _, shown in VALUES.values())
    types = dict(row[:2] for row in read(path, "DESCRIBE SELECT * FROM {}"))
    assert list(types.values()) == [
        "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP WITH TIME ZONE",
    ]  # fmt: skip


def test_a_moment_that_is_none_is_left_empty(tmp_path):
    path = tmp_path / "a.parquet"
    with path.open("wb") as file:
        table = ParquetTable(file, [Column("a", CellType.MOMENT, lambda _: "=damaged")])
        table.add(ExportRow())
        table.close()
    assert read(path, "SELECT * FROM {}") == [(None,)]


@pytest.mark.parametrize("rows", [0, 1, 6, 7])
def test_rows_are_written_some_at_a_time(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(parquet_table, "_ROWS_AT_ONCE", 3)
    numbers = iter(range(rows))
    path = tmp_path / "a.parquet"
    with path.open("wb") as file:
        table = ParquetTable(file, [Column("a", CellType.WHOLE, lambda _: next(numbers))])
        for _ in range(rows):
            table.add(ExportRow())
            assert len(table._waiting) < 3
        table.close()
    assert table.rows == rows
    assert read(path, "SELECT a FROM {} ORDER BY a") == [(number,) for number in range(rows)]
