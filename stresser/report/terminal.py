"""All of a run on a terminal, for `--full`: the answer, what it rests on, tables, the results."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stresser.analysis.diagnosis.diagnosis import Diagnosis
from stresser.analysis.summary.cohort_figures import CohortFigures, LastEnding
from stresser.analysis.summary.mechanism_words import addressed, known_from
from stresser.analysis.summary.summary import Summary
from stresser.analysis.views.session_story import Story
from stresser.model.cohort import Cohort
from stresser.model.quantity import BEFORE_STEPS, PROXY_STEPS, Quantity
from stresser.model.units import escaped, format_duration
from stresser.report.answer_terminal import print_answer
from stresser.report.tables import (
    VERDICT_STYLES,
    add_figures,
    count,
    duration,
    figure_table,
    plain,
    rate,
    share,
    short_names,
)

_MOST_COHORTS = 40
_MOST_LINES = 40
_LONGEST_LINE = 1000
_SHOWN_QUANTITIES = (
    *BEFORE_STEPS,
    Quantity.RESOLVE,
    Quantity.CONNECT,
    *PROXY_STEPS,
    Quantity.TLS,
    Quantity.UPGRADE,
    Quantity.OPEN,
    Quantity.RTT,
    Quantity.SEND_LAG,
    Quantity.RECOVERY,
)


def print_everything(
    summary: Summary, console: Console, folder: Path | None = None, endings: int = 5
) -> None:
    """Print the answer, then all figures with at most `endings` last drops and failures each."""
    print_answer(summary.answer, console)
    for part in summary_parts(summary, folder, endings):
        console.print(part, highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_story(story: Story, console: Console) -> None:
    """Print what is recorded of one session or attempt."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for what, value in story.lines:
        table.add_row(plain(what, "bold"), plain(value, limit=_LONGEST_LINE))
    console.print(Text(story.title, style="bold"))
    console.print(table, highlight=False, markup=False, emoji=False)


def summary_parts(summary: Summary, folder: Path | None, endings: int) -> Iterator[RenderableType]:
    """What stands below the answer, from top to bottom."""
    yield _head(summary)
    for found in summary.diagnoses[:_MOST_LINES]:
        yield from _section(f"Diagnosis {found.number}: {found.mechanism}", _diagnosis(found))
    yield from _section("What stands out", summary.findings)
    names, common = _names(summary)
    shown = summary.cohorts[:_MOST_COHORTS]
    if shown:
        yield _sessions(summary, shown, names, common)
        yield from _drops(shown, names)
        yield _durations(shown, names)
        yield from _more(summary)
    yield from _endings("Last drops", summary.last_endings, endings)
    yield from _endings("Last failed attempts", summary.last_failures, endings)
    yield from _section("Notes", [*_lag(summary), *summary.notes])
    yield from _thresholds(summary)
    yield _verdict(summary)
    if folder is not None:
        yield plain(f"Results: {folder}", limit=_LONGEST_LINE)


def _head(summary: Summary) -> RenderableType:
    head = Text().append_text(plain(summary.scenario, "bold"))
    status = _status(summary)
    asked = f" ({format_duration(summary.duration_ns)} planned)" if summary.duration_ns else ""
    head.append(f"  {escaped(status)}", style="" if summary.status == "complete" else "yellow")
    when = f"Started {summary.started_utc}, lasted {format_duration(summary.elapsed_ns)}{asked}."
    return Group(Text(""), head, plain(when))


def _diagnosis(found: Diagnosis) -> list[str]:
    """What it says, and what speaks for it and against it."""
    known = f"Where: {found.where}. Who: {found.who}{known_from(found)}."
    return [
        found.says,
        known,
        addressed(found.ask),
        *([] if found.hop is None else [found.hop.says]),
        *(f"Beside it: {one}" for one in found.contrasts),
        *(f"Control: {control.says}" for control in found.controls),
        *(f"Against it: {one}" for one in found.against),
        *(f"Not proved: {one}" for one in found.unproved),
        *(f"Consistent with: {one}" for one in found.consistent_with),
    ]


def _status(summary: Summary) -> str:
    if summary.crashed_at_utc is not None:
        return f"crashed at {summary.crashed_at_utc}"
    if summary.status == "running":
        return "still running: figures so far"
    return f"{summary.status} ({summary.end_reason or 'no reason recorded'})"


def _section(title: str, lines: list[str]) -> Iterator[RenderableType]:
    if not lines:
        return
    yield Group(Text(""), Text(title, style="bold"))
    for line in lines[:_MOST_LINES]:
        yield _item(plain(line, limit=_LONGEST_LINE))
    if len(lines) > _MOST_LINES:
        yield _item(Text(f"{len(lines) - _MOST_LINES} more in summary.json"))


def _item(text: Text) -> RenderableType:
    item = Table.grid(padding=(0, 1, 0, 0))
    item.add_column(no_wrap=True, width=1)
    item.add_column(overflow="fold")
    item.add_row(Text("-"), text)
    return item


def _cohort(figures: CohortFigures) -> Cohort:
    return Cohort(figures.endpoint or "", figures.egress or "", figures.activity or "")


def _names(summary: Summary) -> tuple[dict[Cohort, str], str]:
    return short_names([_cohort(figures) for figures in summary.cohorts])


def _sessions(
    summary: Summary, shown: list[CohortFigures], names: dict[Cohort, str], common: str
) -> RenderableType:
    table = figure_table(
        "Sessions" + (f" ({common})" if common else ""),
        "",
        ("asked", "open", "held", "attempts", "failed", "drops", "drops/session-h"),
    )
    for figures in shown:
        style = "red" if figures.drops else ""
        add_figures(table, names[_cohort(figures)], _session_figures(figures), style)
    if len(summary.cohorts) > 1:
        table.add_section()
        add_figures(table, "total", _session_figures(summary.total))
    return Group(Text(""), table)


def _session_figures(figures: CohortFigures) -> list[str]:
    return [
        count(figures.requested),
        count(figures.sessions_open),
        share(figures.open_ratio),
        count(figures.attempts),
        count(figures.attempts_failed),
        count(figures.drops),
        rate(figures.drops_per_session_hour),
    ]


def _drops(shown: list[CohortFigures], names: dict[Cohort, str]) -> Iterator[RenderableType]:
    table = figure_table("Drops", "", ("drops", "silent p50", "age p50", "age min", "age max"))
    for figures in shown:
        for kind in figures.drop_kinds:
            name = f"{names[_cohort(figures)]}: {kind.kind}"
            idle = kind.idle.p50_ns if kind.idle else None
            age = kind.age
            ages = (age.p50_ns, age.min_ns, age.max_ns) if age else (None, None, None)
            row = [count(kind.count), duration(idle), *(duration(value) for value in ages)]
            add_figures(table, name, row)
    if table.row_count:
        yield Group(Text(""), table)


def _durations(shown: list[CohortFigures], names: dict[Cohort, str]) -> RenderableType:
    table = figure_table("Durations", "", ("count", "p50", "p90", "p99", "p99.9", "max"))
    for quantity in _SHOWN_QUANTITIES:
        rows = [(figures, figures.percentiles.get(quantity)) for figures in shown]
        for figures, found in rows:
            if found is None:
                continue
            values = (found.p50_ns, found.p90_ns, found.p99_ns, found.p99_9_ns, found.max_ns)
            name = f"{quantity} {names[_cohort(figures)]}"
            add_figures(table, name, [count(found.count), *(duration(ns) for ns in values)])
        if any(found for _, found in rows):
            table.add_section()
    return Group(Text(""), table)


def _more(summary: Summary) -> Iterator[RenderableType]:
    rest = len(summary.cohorts) - _MOST_COHORTS
    if rest > 0:
        yield Text(f"{rest} more cohorts in summary.json; the total counts them.")


def _endings(title: str, endings: list[LastEnding], most: int) -> Iterator[RenderableType]:
    shown = endings[-most:] if most > 0 else []
    if not shown:
        return
    yield Group(Text(""), Text(title, style="bold"))
    for ending in shown:
        yield _item(plain(ending_line(ending), limit=_LONGEST_LINE))


def ending_line(ending: LastEnding) -> str:
    """One ending: when, which session, what."""
    which = f"attempt {ending.attempt}" if ending.session is None else f"session {ending.session}"
    way = f"{ending.endpoint} through {ending.egress}"
    return f"{ending.utc} {which} ({way}, {ending.activity}): {ending.words}"


def _lag(summary: Summary) -> Iterator[str]:
    lag = summary.loop_lag
    if lag is not None:
        p99, most = format_duration(lag.p99_ns), format_duration(lag.max_ns)
        yield f"stresser's own loop lag: p99 {p99}, max {most}."


def _thresholds(summary: Summary) -> Iterator[RenderableType]:
    if not summary.thresholds:
        return
    yield Group(Text(""), Text("Thresholds", style="bold"))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for result in summary.thresholds[:_MOST_LINES]:
        verdict = Text(result.verdict.value, style=VERDICT_STYLES[result.verdict])
        table.add_row(verdict, plain(result.rule), plain(result.shown, limit=_LONGEST_LINE))
    yield Padding(table, (0, 0, 0, 2))


def _verdict(summary: Summary) -> RenderableType:
    line = Text().append("Verdict: ", style="bold")
    line.append(summary.verdict.value, style=VERDICT_STYLES[summary.verdict])
    if not summary.thresholds:
        line.append(" (the scenario has no thresholds)")
    lines: list[RenderableType] = [Text(""), line]
    lines += [_item(plain(doubt, limit=_LONGEST_LINE)) for doubt in summary.doubts[:_MOST_LINES]]
    return Group(*lines)
