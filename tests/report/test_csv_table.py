"""CSV that a spreadsheet takes as data alone."""

import csv
import io

import pytest

from stresser.report.csv_table import CsvTable
from stresser.report.export_tables import CellType, Column, ExportRow


def written(cell: CellType, *values: object) -> list[list[str]]:
    """The rows, read back by Python's own reader."""
    file = io.BytesIO()
    left = list(values)
    table = CsvTable(
        file, [Column("a", cell, lambda _: left.pop(0)), Column("b", cell, lambda _: None)]
    )
    for _ in values:
        table.add(ExportRow())
    table.close()
    assert table.rows == len(values)
    return list(csv.reader(io.StringIO(file.getvalue().decode(), newline="")))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", '=HYPERLINK("http://x","y")', "＝1"],  # noqa: RUF001 - a wide one
)
def test_a_text_that_begins_like_a_formula_is_none(text):
    assert written(CellType.TEXT, text)[1] == [f"'{text}", ""]


@pytest.mark.parametrize("text", ["", "plain", "a=b", 'quoted "," text', "'=1", "two\nlines", "ä…"])
def test_other_texts_stand_as_they_are(text):
    assert written(CellType.TEXT, text)[1] == [text, ""]


@pytest.mark.parametrize(
    ("cell", "value", "text"),
    [
        (CellType.WHOLE, 0, "0"),
        (CellType.WHOLE, -7, "-7"),
        (CellType.SECONDS, 1, "0.000000001"),
        (CellType.SECONDS, 90_000_000_000_000_001, "90000000.000000001"),
        (CellType.SECONDS, -1_500_000_000, "-1.500000000"),
        (CellType.YES_NO, True, "true"),
        (CellType.YES_NO, False, "false"),
        (CellType.MOMENT, "2026-11-30T17:44:03.346401Z", "2026-11-30T17:44:03.346401Z"),
        (CellType.MOMENT, "=damaged", "'=damaged"),
        (CellType.WHOLE, None, ""),
    ],
)
def test_each_type_of_cell(cell, value, text):
    assert written(cell, value)[1] == [text, ""]


def test_the_first_line_names_the_columns():
    assert written(CellType.WHOLE) == [["a", "b"]]
