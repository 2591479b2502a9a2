"""A run's answer on a terminal: at most 24 lines of 80 columns, whatever the run."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from stresser.analysis.summary.answer import (
    HEADING_GAP,
    LABEL_WIDTH,
    NOTE_WIDTH,
    SCREEN_WIDTH,
    Answer,
    IsIt,
)
from stresser.analysis.words.lines import cells, shortened, wrapped
from stresser.model.units import escaped
from stresser.report.tables import EGRESS_HEAD, egress_cells

SCREEN_LINES = 24
_BETWEEN = 4
"""Blank lines and the table's head."""
_FEWEST_ROWS = 3
_STYLES = {
    IsIt.YES: "bold red",
    IsIt.PARTLY: "bold red",
    IsIt.NO: "bold green",
    IsIt.NOTHING: "bold green",
    IsIt.UNKNOWN: "bold yellow",
}


def print_answer(answer: Answer, console: Console, folder: Path | None = None) -> None:
    """Print it, and where more of the run in `folder` is."""
    for line in answer_lines(answer, console.width, folder):
        console.print(
            line, highlight=False, markup=False, emoji=False, no_wrap=True, overflow="ignore",
            crop=False,
        )  # fmt: skip


def answer_lines(answer: Answer, width: int, folder: Path | None) -> list[Text]:
    """Its lines, none wider than `width` cells (from 40 on)."""
    head = [Text(line, style="bold") for line in _heading(HEADING_GAP.join(answer.heading), width)]
    told = [line for what, text in answer.lines() for line in _told(what, text, width)]
    if told:
        _emphasise(told[0], _STYLES[answer.is_egress])
    last = [*_told("Verdict:", answer.verdict, width, NOTE_WIDTH), *_more(folder, width)]
    room = SCREEN_LINES - len(head) - len(told) - len(last) - _BETWEEN
    table = list(_table(answer, max(room, _FEWEST_ROWS), width)) if answer.egresses else []
    return [*head, Text(""), *told, Text(""), *table, *([Text("")] if table else []), *last]


def _heading(text: str, width: int) -> list[str]:
    """Its parts stand apart on one line; on a narrow screen it is wrapped."""
    return [text] if cells(text) <= width else wrapped(text, width)


def _told(what: str, text: str, width: int, beside: int = LABEL_WIDTH) -> list[Text]:
    """A question and its answer beside it."""
    lines = wrapped(text, max(width - beside, LABEL_WIDTH))
    first = Text(what.ljust(beside), style="bold").append(lines[0], style="not bold")
    return [first, *(Text(" " * beside + line) for line in lines[1:])]


def _emphasise(line: Text, style: str) -> None:
    """Mark the first word of an answer: `Yes`, `No`, `Unknown`."""
    answer = line.plain[LABEL_WIDTH:]
    end = answer.find(":")
    line.stylize(style, LABEL_WIDTH, LABEL_WIDTH + max(end, 0))


def _table(answer: Answer, most: int, width: int) -> Iterator[Text]:
    kept = answer.egresses
    if len(kept) + bool(answer.more_egresses) > most:
        worst = sorted(kept, key=lambda row: (-row.drops, -row.attempts_failed))[: most - 1]
        kept = [row for row in kept if row in worst]
    rows = [EGRESS_HEAD, *map(egress_cells, kept)]
    widths = [max(cells(row[place]) for row in rows) for place in range(len(EGRESS_HEAD))]
    for place, row in enumerate(rows):
        text = row[0] + " " * (widths[0] - cells(row[0]))
        text += "".join(f"  {row[i]:>{widths[i]}}" for i in range(1, len(row) - 1))
        text += f"  {shortened(row[-1], max(width - cells(text) - 2, 1))}"
        style = "dim" if not place else "red" if kept[place - 1].drops else ""
        yield Text(shortened(text.rstrip(), width), style=style)
    if more := len(answer.egresses) - len(kept) + answer.more_egresses:
        yield Text(f"and {more:,} more")


def _more(folder: Path | None, width: int) -> list[Text]:
    """Where more is; a folder's name can be longer than the screen is wide."""
    if folder is None:
        return []
    name = escaped(folder.name if folder.parent.name == "results" else str(folder), 4096)
    commands = [f"stresser show {name} --full", f"stresser report {name}"]
    if cells(commands[0]) > max(width, SCREEN_WIDTH) - NOTE_WIDTH:
        commands = ["stresser show last --full; stresser report last", "or: stresser runs"]
    return [
        line
        for what, command in zip(("More:", ""), commands, strict=True)
        for line in _told(what, command, width, NOTE_WIDTH)
    ]
