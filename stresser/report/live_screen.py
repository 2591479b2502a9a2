"""A snapshot as it stands on the screen, and as one line of a log."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from stresser.analysis.words.endings import ending_in_words
from stresser.model.cohort import Cohort
from stresser.model.events import AttemptFailed, SessionEnded
from stresser.model.quantity import Quantity
from stresser.model.units import escaped, format_duration
from stresser.report.glimpse import Glimpse
from stresser.report.snapshot import SHOWN_QUANTITIES, CohortRow, Snapshot
from stresser.report.tables import (
    MISSING,
    add_figures,
    count,
    figure_table,
    plain,
    short_names,
)

_MOST_WARNINGS = 4
_MOST_NEWS = 3
_MOST_KINDS = 6
_WIDE = 78
"""Columns from which all handshake phases, and kinds of drops, have room."""
_FIXED_LINES = 20
"""Lines that the screen needs besides the rows of its two tables."""
_LONGEST_ENDING = 400


def rows_that_fit(height: int, most: int) -> int:
    """How many cohorts have room in both tables of a terminal of so many lines."""
    return max(1, min((height - _FIXED_LINES) // 2, most))


class LiveScreen:
    """Draws one snapshot for the width that the terminal has at that moment."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Group]:
        yield Group(*_parts(self.snapshot, options.max_width))


def progress_line(snapshot: Snapshot, state: str) -> str:
    """`elapsed=1m open=198 requested=200 ...`: no spaces in values, unless quoted."""
    total = snapshot.total
    fields = {
        "state": state,
        "scenario": escaped(snapshot.scenario, 80).replace(" ", "_"),
        "elapsed": _compact(snapshot.now_ns),
        "remaining": _compact(_remaining_ns(snapshot)),
        "open": str(total.open),
        "requested": str(total.requested),
        "attempts": str(total.attempts),
        "failed": str(total.failed),
        "drops": str(total.drops),
    }
    fields |= {f"drops_{kind}": str(number) for kind, number in total.kinds.items()}
    fields["warnings"] = str(len(snapshot.warnings))
    return " ".join(f"{key}={value}" for key, value in fields.items())


def _parts(snapshot: Snapshot, width: int) -> Iterator[RenderableType]:
    yield _head(snapshot)
    for warning in snapshot.warnings[-_MOST_WARNINGS:]:
        yield plain(f"! {warning}", "yellow", 300)
    for line in snapshot.news[-_MOST_NEWS:]:
        yield plain(f"- {line}", limit=300)
    names, common = short_names(list(snapshot.rows))
    if snapshot.rows:
        is_wide = width >= _WIDE
        yield _sessions(snapshot, names, common, is_wide=is_wide)
        yield Text("")
        yield _durations(snapshot, names, SHOWN_QUANTITIES if is_wide else (Quantity.RTT,))
    if snapshot.endings:
        yield Text("\nLast endings", style="bold")
    for ending in snapshot.endings:
        yield plain(_ending(ending, snapshot.now_ns), limit=_LONGEST_ENDING)


def _head(snapshot: Snapshot) -> Text:
    head = Text().append_text(plain(snapshot.scenario, "bold", 60))
    total = snapshot.total
    head.append(f"  {format_duration(snapshot.now_ns)} elapsed")
    remaining = _remaining_ns(snapshot)
    head.append(", until stopped" if remaining is None else f", {format_duration(remaining)} left")
    head.append(f"\n{total.open:,} of {total.requested:,} sessions open")
    head.append(f", {total.attempts:,} attempts ({total.failed:,} failed), ")
    head.append(f"{total.drops:,} drops", style="bold red" if total.drops else "")
    head.append(f" ({_kinds(total)})" if total.kinds else "")
    head.append("\n")
    return head


def _remaining_ns(snapshot: Snapshot) -> int | None:
    if snapshot.duration_ns is None:
        return None
    return max(snapshot.duration_ns - snapshot.now_ns, 0)


def _sessions(snapshot: Snapshot, names: dict[Cohort, str], common: str, *, is_wide: bool) -> Table:
    title = f"Sessions ({common})" if common else "Sessions"
    table = figure_table(title, "", ("open", "asked", "attempts", "failed", "drops"))
    if is_wide:
        table.add_column(Text("of kind"), overflow="fold")
    rows = [(names[cohort], row) for cohort, row in snapshot.rows.items()]
    if snapshot.rest is not None:
        rows.append((f"{snapshot.rest_count} more", snapshot.rest))
    for name, row in rows:
        figures = (row.open, row.requested, row.attempts, row.failed, row.drops)
        kinds = [_kinds(row)] if is_wide else []
        add_figures(table, name, [*(count(figure) for figure in figures), *kinds])
    return table


def _kinds(row: CohortRow) -> str:
    kinds = sorted(row.kinds.items(), key=lambda item: -item[1])
    words = [f"{kind} {number:,}" for kind, number in kinds[:_MOST_KINDS]]
    return ", ".join([*words, "..."] if len(kinds) > _MOST_KINDS else words)


def _durations(
    snapshot: Snapshot, names: dict[Cohort, str], quantities: tuple[Quantity, ...]
) -> Table:
    heads = [head for quantity in quantities for head in (f"{quantity}\np50", "\np99")]
    table = figure_table("Durations since the start", "", heads)
    for cohort, row in snapshot.rows.items():
        cells: list[str] = []
        for quantity in quantities:
            found = row.glimpses.get(quantity, Glimpse())
            cells += (_compact(found.quantile(0.5)), _compact(found.quantile(0.99)))
        add_figures(table, names[cohort], cells)
    return table


def _ending(event: SessionEnded | AttemptFailed, now_ns: int) -> str:
    ago = format_duration(max(now_ns - event.t_ns, 0))
    way = f"{escaped(event.endpoint, 40)} through {escaped(event.egress, 40)}"
    return f"{ago} ago, {way}: {ending_in_words(event.ending)}"


def _compact(ns: int | None) -> str:
    return MISSING if ns is None else format_duration(ns).replace(" ", "")
