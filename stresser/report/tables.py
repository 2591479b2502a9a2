"""How figures stand in a table: narrow enough for 80 columns, no figure ever cut.

Every text becomes a `Text`, in which rich sees no markup, with control characters escaped.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from stresser.analysis.words.lines import NAME_WIDTH, shortened
from stresser.model.cohort import Cohort
from stresser.model.units import escaped, format_duration
from stresser.model.verdict import Verdict

if TYPE_CHECKING:
    from stresser.analysis.summary.answer import EgressRow  # the live view starts without analysis

MISSING = "-"
EGRESS_HEAD = (
    "egress", "asked", "opened", "proved", "dead", "unproved", "drops", "failed", "ended by",
)  # fmt: skip
"""`proved`, `dead`, `unproved`: what the planned end of sessions showed; `failed`: attempts."""
_ENDED_BY_WIDTH = 24
_MILLIONS = 10**7
"""From here on numbers of sessions are shown in millions."""
_LONGEST_CELL = 120

VERDICT_STYLES = {
    Verdict.NONE: "bold",
    Verdict.PASS: "bold green",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.FAIL: "bold red",
}


def plain(text: str, style: str = "", limit: int = _LONGEST_CELL) -> Text:
    """Any text as a cell or a line: cut and escaped."""
    return Text(escaped(text, limit), style=style)


def figure_table(title: str, first: str, figures: Sequence[str]) -> Table:
    """A table with one column of names, which folds, and columns of figures, which do not."""
    table = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column(Text(first), overflow="fold", ratio=None, min_width=6)
    for name in figures:
        table.add_column(Text(name), justify="right", no_wrap=True)
    return table


def add_figures(table: Table, name: str, figures: Sequence[str], style: str = "") -> None:
    """One row of a `figure_table`."""
    table.add_row(plain(name), *(Text(figure) for figure in figures), style=style)


def duration(ns: int | None) -> str:
    """A duration as a cell."""
    return MISSING if ns is None else format_duration(ns)


def count(number: int) -> str:
    """A count as a cell."""
    return f"{number:,}"


def rate(value: float | None) -> str:
    """A rate as a cell: three digits."""
    return MISSING if value is None else f"{value:.3g}"


def share(value: float | None) -> str:
    """A share of one as a cell."""
    return MISSING if value is None else f"{value * 100:.3g}%"


def egress_cells(row: "EgressRow") -> tuple[str, ...]:
    """A row of the table of egresses, under `EGRESS_HEAD`."""
    held = row.proved, row.dead, row.unproved
    numbers = row.asked, row.sessions, *held, row.drops, row.attempts_failed
    return (
        shortened(row.egress, NAME_WIDTH),
        *map(_number, numbers),
        shortened(row.ended_by, _ENDED_BY_WIDTH),
    )


def _number(number: int) -> str:
    return f"{number:,}" if number < _MILLIONS else f"{number // 10**6:,} M"


def short_names(cohorts: Sequence[Cohort]) -> tuple[dict[Cohort, str], str]:
    """Each cohort's name without what all have in common, and that common part in words.

    Example: `({...: "direct", ...: "vpn"}, "endpoint broker, activity heartbeat")`.
    """
    varies = [len({cohort[part] for cohort in cohorts}) > 1 for part in range(len(Cohort._fields))]
    if not any(varies):
        varies[1] = True  # a lone cohort is called by its egress
    names = {
        cohort: " ".join(part for part, differs in zip(cohort, varies, strict=True) if differs)
        for cohort in cohorts
    }
    common = [
        f"{field} {escaped(cohorts[0][part], 60)}"
        for part, field in enumerate(Cohort._fields)
        if cohorts and not varies[part]
    ]
    return names, ", ".join(common)
