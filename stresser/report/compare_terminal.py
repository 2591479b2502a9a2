"""A comparison on a terminal: the paragraph first, then tables and what is not shown."""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from stresser.analysis.compare.comparison import Comparison
from stresser.analysis.compare.comparison_verdict import ComparisonVerdict
from stresser.analysis.summary.answer import Answer
from stresser.model.units import escaped
from stresser.report.answer_terminal import answer_lines
from stresser.report.page_tables import (
    ENDPOINT_HEAD,
    Rows,
    comparison_rows,
    difference_rows,
    endpoint_rows,
)
from stresser.report.tables import add_figures, figure_table, plain

_MOST_ROWS = 40
_LONGEST_LINE = 2000
_STYLES = {
    ComparisonVerdict.NO_WORSE: "bold green",
    ComparisonVerdict.WORSE: "bold red",
    ComparisonVerdict.CANNOT_TELL: "bold yellow",
}


def print_comparison(
    comparison: Comparison, console: Console, answer: Answer | None = None
) -> None:
    """Print a comparison, below its paragraph the answer of the candidate's own run."""
    first, *rest = comparison_parts(comparison)
    own = [] if answer is None else [Text(""), *answer_lines(answer, console.width, None)]
    for part in (first, *own, *rest):
        console.print(part, highlight=False, markup=False, emoji=False, soft_wrap=False)


def comparison_parts(comparison: Comparison) -> Iterator[RenderableType]:
    """What is printed, from top to bottom."""
    yield plain(comparison.paragraph, limit=_LONGEST_LINE)
    yield from _sides(comparison)
    if rows := endpoint_rows(comparison):
        yield _table("Endpoints", ENDPOINT_HEAD, rows)
    if rows := difference_rows(comparison):
        head = ("", "baseline", "candidate", "candidate less baseline")
        yield _table("Durations (all intervals hold together in 95 %)", head, rows)
    yield from _differences(comparison)
    yield from _limits(comparison.limits)
    yield Group(Text(""), plain(f"Verdict: {comparison.verdict}", _STYLES[comparison.verdict]))


def _table(title: str, head: Sequence[str], rows: Rows) -> RenderableType:
    table = figure_table(title, head[0], head[1:])
    for name, *cells in rows[:_MOST_ROWS]:
        add_figures(table, name, cells)
    more = [Text(f"{len(rows) - _MOST_ROWS} more: --json has all of them.")]
    return Group(Text(""), table, *(more if len(rows) > _MOST_ROWS else []))


def _sides(comparison: Comparison) -> Iterator[RenderableType]:
    sides = (escaped(one.label, 24) for one in (comparison.baseline, comparison.candidate))
    head = ("", *sides, "ratio (95 % interval)")
    yield _table("Sides (baseline, candidate)", head, comparison_rows(comparison))
    rates = comparison.rates
    if rates is not None and rates.permutation_p_value is not None:
        yield plain(
            "If the sides were alike, as large a difference in drops per session hour had a"
            f" probability of at most {rates.permutation_p_value:.2g} (whole incidents were"
            " redistributed over them).",
            limit=_LONGEST_LINE,
        )


def _differences(comparison: Comparison) -> Iterator[RenderableType]:
    if not comparison.differences:
        return
    yield Group(Text(""), Text("What else differs", style="bold"))
    for row in comparison.differences[:_MOST_ROWS]:
        line = f"{row.what}: {row.baseline} | {row.candidate}"
        yield Padding(plain(f"- {line}", limit=_LONGEST_LINE), (0, 0, 0, 0))


def _limits(limits: list[str]) -> Iterator[RenderableType]:
    if not limits:
        return
    yield Group(Text(""), Text("What this cannot tell", style="bold"))
    for line in limits[:_MOST_ROWS]:
        yield plain(f"- {line}", limit=_LONGEST_LINE)
