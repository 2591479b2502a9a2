"""Cells and names of tables."""

import io

import pytest
from rich.console import Console

from stresser.model.cohort import Cohort
from stresser.report.tables import (
    add_figures,
    duration,
    figure_table,
    plain,
    rate,
    share,
    short_names,
)


@pytest.mark.parametrize(
    ("cohorts", "names", "common"),
    [
        (["b/direct/beat", "b/vpn/beat"], ["direct", "vpn"], "endpoint b, activity beat"),
        (["a/x/beat", "b/x/beat"], ["a", "b"], "egress x, activity beat"),
        (["a/x/p", "a/y/p", "b/x/p"], ["a x", "a y", "b x"], "activity p"),
        (["a/x/p"], ["x"], "endpoint a, activity p"),
        ([], [], ""),
    ],
)
def test_names_leave_out_what_all_have_in_common(cohorts, names, common):
    found = short_names([Cohort(*text.split("/")) for text in cohorts])
    assert list(found[0].values()) == names
    assert found[1] == common


@pytest.mark.parametrize("width", [40, 60, 80])
def test_figures_are_never_cut_while_the_name_folds(width):
    table = figure_table("Title", "name", ("one", "two"))
    add_figures(table, "n" * 100, ["123,456,789", "12 h 30 m"])
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    assert "123,456,789" in out.getvalue()
    assert "12 h 30 m" in out.getvalue()
    assert out.getvalue().count("n") >= 100
    assert all(len(line.rstrip()) <= width for line in out.getvalue().splitlines())


def test_no_markup_and_no_control_characters():
    text = plain("[bold]x[/bold] \x1b[31m", limit=60)
    assert text.plain == r"[bold]x[/bold] \x1b[31m"
    assert text.spans == []


def test_missing_figures():
    assert (duration(None), rate(None), share(None)) == ("-", "-", "-")
    assert (duration(1_500_000), rate(55.4191), share(0.9842)) == ("1.5 ms", "55.4", "98.4%")
