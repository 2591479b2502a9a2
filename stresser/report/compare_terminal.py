"""A comparison on a terminal: the paragraph first, then tables and what is not shown."""

from collections.abc import Iterator

import msgspec
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from stresser.analysis.compare.comparison import Comparison, EndpointFigures, SideFigures
from stresser.analysis.compare.comparison_verdict import ComparisonVerdict
from stresser.analysis.compare.durations import DurationDifference
from stresser.analysis.compare.incident_rates import RateComparison, Span
from stresser.analysis.summary.answer import Answer
from stresser.model.units import escaped, format_duration
from stresser.report.answer_terminal import answer_lines
from stresser.report.tables import MISSING, add_figures, count, duration, figure_table, plain, rate

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


def comparison_json(comparison: Comparison) -> str:
    """The comparison as one JSON document, for `--json`."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=2).decode()


def comparison_parts(comparison: Comparison) -> Iterator[RenderableType]:
    """What is printed, from top to bottom."""
    yield plain(comparison.paragraph, limit=_LONGEST_LINE)
    yield from _sides(comparison)
    if len(comparison.endpoints) > 1:
        yield _endpoints(comparison.endpoints)
    if comparison.durations:
        yield _durations(comparison.durations)
    yield from _differences(comparison)
    yield from _limits(comparison.limits)
    yield Group(Text(""), plain(f"Verdict: {comparison.verdict}", _STYLES[comparison.verdict]))


def _sides(comparison: Comparison) -> Iterator[RenderableType]:
    rates = comparison.rates
    table = figure_table("Sides", "", ("baseline", "candidate", "ratio (95 % interval)"))
    ours, theirs = comparison.baseline, comparison.candidate
    add_figures(table, "", [_label(ours), _label(theirs), ""], "bold")
    if rates is not None:
        for name, *cells in _rate_rows(rates):
            add_figures(table, name, cells)
    for name, value in (
        ("sessions opened", lambda side: count(side.sessions)),
        ("attempts failed", lambda side: f"{side.attempts_failed:,} of {side.attempts:,}"),
        ("ended by host, tool", lambda side: f"{side.ended_by_host:,}, {side.ended_by_tool:,}"),
        ("median lifetime", _median),
        (_mean_title(ours), _mean),
    ):
        add_figures(table, name, [value(ours), value(theirs), ""])
    yield Group(Text(""), table)
    if rates is not None and rates.permutation_p_value is not None:
        yield plain(
            "Drops per session hour, whole incidents redistributed over the sides: p <="
            f" {rates.permutation_p_value:.2g}.",
            limit=_LONGEST_LINE,
        )


def _rate_rows(rates: RateComparison) -> list[list[str]]:
    ours, theirs = rates.baseline, rates.candidate
    return [
        ["session hours", _hours(ours.session_hours), _hours(theirs.session_hours), ""],
        [
            "incidents",
            count(ours.incidents),
            count(theirs.incidents),
            _ratio(rates.ratio.ratio, rates.ratio.interval),
        ],
        [
            "  per session hour",
            rate(ours.incidents_per_session_hour),
            rate(theirs.incidents_per_session_hour),
            "",
        ],
        ["  95 % interval", interval(ours.interval), interval(theirs.interval), ""],
        ["drops", count(ours.drops), count(theirs.drops), rate(rates.drops_ratio)],
        [
            "  per session hour",
            rate(ours.drops_per_session_hour),
            rate(theirs.drops_per_session_hour),
            "",
        ],
    ]


def interval(span: Span) -> str:
    """`2.6 to 15`; an end that is missing is infinity."""
    return f"{rate(span.low)} to {'infinity' if span.high is None else rate(span.high)}"


def _ratio(value: float | None, span: Span) -> str:
    return f"{rate(value)} ({interval(span)})"


def _label(side: SideFigures) -> str:
    return escaped(side.label, 24)


def _hours(hours: float) -> str:
    return f"{hours:,.4g}"


def _median(side: SideFigures) -> str:
    if side.restricted_to_ns is None:
        return MISSING
    if side.median_lifetime_ns is None:
        return "not reached"
    return duration(side.median_lifetime_ns)


def _mean_title(side: SideFigures) -> str:
    if side.restricted_to_ns is None:
        return "mean lifetime"
    return f"mean within {format_duration(side.restricted_to_ns)}"


def _mean(side: SideFigures) -> str:
    return duration(side.restricted_mean_ns)


def _endpoints(rows: list[EndpointFigures]) -> RenderableType:
    table = figure_table(
        "Endpoints", "", ("incidents", "session hours", "ratio (95 % interval)", "p (Holm)")
    )
    for row in rows[:_MOST_ROWS]:
        cells = [
            f"{row.baseline_incidents:,} / {row.candidate_incidents:,}",
            f"{_hours(row.baseline_hours)} / {_hours(row.candidate_hours)}",
            _ratio(row.ratio.ratio, row.ratio.interval),
            f"{row.holm_p_value:.2g}",
        ]
        add_figures(table, f"{row.endpoint} {row.activity}", cells)
    parts: list[RenderableType] = [Text(""), table]
    if len(rows) > _MOST_ROWS:
        parts.append(Text(f"{len(rows) - _MOST_ROWS} more: --json has all of them."))
    return Group(*parts)


def _durations(rows: list[DurationDifference]) -> RenderableType:
    table = figure_table(
        "Durations (all intervals hold together in 95 %)",
        "",
        ("baseline", "candidate", "candidate less baseline"),
    )
    for row in rows:
        low, high = format_duration(row.low_ns), format_duration(row.high_ns)
        cells = [duration(row.baseline_ns), duration(row.candidate_ns), f"{low} to {high}"]
        add_figures(table, f"{row.quantity} p{row.quantile * 100:g}", cells)
    return Group(Text(""), table)


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
