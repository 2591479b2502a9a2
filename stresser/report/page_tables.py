"""The tables of a report as rows of text: the same for HTML and Markdown."""

from stresser.analysis.compare.comparison import Comparison, SideFigures
from stresser.analysis.compare.incident_rates import Span
from stresser.analysis.summary.cohort_figures import CohortFigures
from stresser.analysis.summary.summary import Summary
from stresser.analysis.views.both_ends_table import BothEndsRow, BothEndsRows
from stresser.analysis.words.endings import counted
from stresser.model.ending import Kind
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_US, format_duration
from stresser.report.tables import MISSING, count, duration, rate, share

MOST_ROWS = 200
SESSION_HEAD = (
    "", "asked", "open", "held", "attempts", "failed", "drops", "incidents",
    "drops per session hour",
)  # fmt: skip
KIND_HEAD = ("", "drops", "initiator", "silent p50", "age p50", "age min", "age max")
FAILURE_HEAD = ("", "phase", "kind", "failure", "count")
PERCENTILE_HEAD = ("", "count", "p50", "p90", "p99", "p99.9", "max")
ENDPOINT_HEAD = ("", "incidents", "session hours", "ratio (95 % interval)", "p (Holm)")
BOTH_ENDS_HEAD = (
    "session", "ended here", "at the far end", "held longer there", "from", "seen there as",
)  # fmt: skip
Rows = list[list[str]]


def interval(span: Span) -> str:
    """`2.6 to 15`; an end that is missing is infinity."""
    return f"{rate(span.low)} to {'infinity' if span.high is None else rate(span.high)}"


def comparison_head(comparison: Comparison) -> list[str]:
    """Names of the columns of `comparison_rows`."""
    return ["", comparison.baseline.label, comparison.candidate.label, "ratio (95 % interval)"]


def comparison_rows(comparison: Comparison) -> Rows:
    """The two sides beside each other."""
    ours, theirs = comparison.baseline, comparison.candidate
    rows: Rows = []
    if (rates := comparison.rates) is not None:
        a, b = rates.baseline, rates.candidate
        ratio = f"{rate(rates.ratio.ratio)} ({interval(rates.ratio.interval)})"
        per_hour = rate(a.incidents_per_session_hour), rate(b.incidents_per_session_hour)
        drops = rate(a.drops_per_session_hour), rate(b.drops_per_session_hour)
        rows += [
            ["session hours", f"{a.session_hours:,.4g}", f"{b.session_hours:,.4g}", ""],
            ["incidents", count(a.incidents), count(b.incidents), ratio],
            ["  per session hour", *per_hour, ""],
            ["  95 % interval", interval(a.interval), interval(b.interval), ""],
            ["drops", count(a.drops), count(b.drops), rate(rates.drops_ratio)],
            ["  per session hour", *drops, ""],
        ]
    mean = "mean lifetime"
    if ours.restricted_to_ns is not None:
        mean = f"mean within {format_duration(ours.restricted_to_ns)}"
    return [
        *rows,
        ["sessions opened", count(ours.sessions), count(theirs.sessions), ""],
        ["attempts failed", _failed(ours), _failed(theirs), ""],
        ["ended by host, tool", _censored(ours), _censored(theirs), ""],
        ["median lifetime", _median(ours), _median(theirs), ""],
        [mean, duration(ours.restricted_mean_ns), duration(theirs.restricted_mean_ns), ""],
    ]


def _failed(side: SideFigures) -> str:
    return f"{side.attempts_failed:,} of {side.attempts:,}"


def _censored(side: SideFigures) -> str:
    return f"{side.ended_by_host:,}, {side.ended_by_tool:,}"


def _median(side: SideFigures) -> str:
    if side.restricted_to_ns is None:
        return MISSING
    if side.median_lifetime_ns is None:
        return "not reached"
    return duration(side.median_lifetime_ns)


def endpoint_rows(comparison: Comparison) -> Rows:
    """One row an endpoint and activity; none where there is only one."""
    rows = comparison.endpoints if len(comparison.endpoints) > 1 else []
    return [
        [
            f"{row.endpoint} {row.activity}",
            f"{row.baseline_incidents:,} / {row.candidate_incidents:,}",
            f"{row.baseline_hours:,.4g} / {row.candidate_hours:,.4g}",
            f"{rate(row.ratio.ratio)} ({interval(row.ratio.interval)})",
            f"{row.holm_p_value:.2g}",
        ]
        for row in rows[:MOST_ROWS]
    ]


def difference_rows(comparison: Comparison) -> Rows:
    """Quantiles of durations on both sides, with the interval of their difference."""
    return [
        [
            f"{row.quantity} p{row.quantile * 100:g}",
            duration(row.baseline_ns),
            duration(row.candidate_ns),
            f"{format_duration(row.low_ns)} to {format_duration(row.high_ns)}",
        ]
        for row in comparison.durations[:MOST_ROWS]
    ]


def session_rows(summary: Summary) -> Rows:
    """One row a cohort, and their total."""
    rows = [_session_row(name_of(one), one) for one in summary.cohorts[:MOST_ROWS]]
    if len(summary.cohorts) > 1:
        rows.append(_session_row("total", summary.total))
    return rows


def _session_row(name: str, figures: CohortFigures) -> list[str]:
    return [
        name,
        count(figures.requested),
        count(figures.sessions_open),
        share(figures.open_ratio),
        count(figures.attempts),
        count(figures.attempts_failed),
        count(figures.drops),
        count(figures.incidents),
        rate(figures.drops_per_session_hour),
    ]


def name_of(figures: CohortFigures) -> str:
    """`broker through vpn, heartbeat`."""
    return f"{figures.endpoint} through {figures.egress}, {figures.activity}"


def kind_rows(summary: Summary) -> Rows:
    """One row a cohort and kind of drop."""
    rows = []
    for figures in summary.cohorts:
        for kind in figures.drop_kinds:
            age = kind.age
            ages = (age.p50_ns, age.min_ns, age.max_ns) if age else (None, None, None)
            by_whom = ", ".join(f"{who} {number:,}" for who, number in kind.initiators.items())
            rows.append([
                f"{name_of(figures)}: {kind.kind}",
                count(kind.count),
                by_whom,
                duration(kind.idle.p50_ns if kind.idle else None),
                *map(duration, ages),
            ])  # fmt: skip
    return rows[:MOST_ROWS]


def failure_rows(summary: Summary) -> Rows:
    """One row a cohort and way to fail."""
    return [
        [name_of(figures), one.phase, one.kind, one.failure, count(one.count)]
        for figures in summary.cohorts
        for one in figures.failures
    ][:MOST_ROWS]


def percentile_rows(summary: Summary) -> Rows:
    """One row a quantity and cohort."""
    rows = []
    for quantity in Quantity:
        for figures in summary.cohorts:
            found = figures.percentiles.get(quantity.value)
            if found is not None:
                values = found.p50_ns, found.p90_ns, found.p99_ns, found.p99_9_ns, found.max_ns
                name = f"{quantity.value} {name_of(figures)}"
                rows.append([name, count(found.count), *map(duration, values)])
    return rows[:MOST_ROWS]


def both_ends_rows(found: BothEndsRows, most: int = MOST_ROWS) -> Rows:
    """One row a session of which both ends told."""
    return [_both_ends_row(row) for row in found.rows[:most]]


def _both_ends_row(row: BothEndsRow) -> list[str]:
    here = f"{'dropped: ' if row.is_drop else ''}{row.here} at {_moment(row.here_us)}"
    met = "closed it" if row.there is Kind.PLANNED else row.there or "still held it"
    there = f"{met} at {_moment(row.there_us)} ± {_moment(row.within_us)}"
    longer = _moment(row.held_longer_us) if row.held_longer_us else MISSING
    name = f"{row.session}, {row.endpoint} through {row.egress}"
    return [name, here, there, longer, row.local, row.seen_as]


def _moment(us: int) -> str:
    return format_duration(us * NS_PER_US)


def both_ends_note(found: BothEndsRows, most: int = MOST_ROWS) -> str:
    """What the rows are, and how many have none."""
    sessions = len(found.rows) + found.more
    more = max(sessions - most, found.more)
    first = f"Of {counted(sessions, 'session')} {found.differ:,} ended differently"
    return (
        f"{first} at the two ends. Drops come first, and of these and of the others the ones that"
        " differ"
        f"{f'; {more:,} more have no row here' if more else ''}. Times are since the run began."
    )
