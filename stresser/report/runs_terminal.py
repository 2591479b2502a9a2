"""The list of recorded runs, for a terminal or as JSON."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from stresser.record.reader import RunStatus
from stresser.record.run_list import ListedRun
from stresser.report.tables import MISSING, VERDICT_STYLES, count, duration, figure_table, plain

_LONGEST_NAME = 120


def print_runs(runs: Sequence[ListedRun], console: Console) -> None:
    """One line each, in the order given."""
    table = figure_table("", "run", ("lasted", "sessions", "drops"))
    table.title = None
    table.add_column(Text("verdict"), no_wrap=True)
    for run in runs:
        table.add_row(
            plain(run.name, limit=_LONGEST_NAME),
            duration(run.lasted_ns),
            _number(run.sessions),
            _number(run.drops),
            _verdict(run),
        )
    console.print(table)


def _number(number: int | None) -> str:
    return MISSING if number is None else count(number)


def _verdict(run: ListedRun) -> Text:
    if run.status is None:
        return Text("unreadable")
    words = Text()
    if run.verdict is not None:
        words.append(run.verdict.value, VERDICT_STYLES[run.verdict])
    if run.status is not RunStatus.COMPLETE:
        words.append(f" ({run.status.value})" if run.verdict is not None else run.status.value)
    return words
