"""A report as Markdown (CommonMark with tables), for a ticket or a chat."""

import re
from collections.abc import Iterator, Sequence

from stresser.analysis.compare.comparison import Comparison
from stresser.analysis.views.run_report import Report, RunReport
from stresser.report import page_tables
from stresser.report.page import METHOD, lead_of, title_of, verdict_words

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!&@])")
_MOST_ENDINGS = 20


def markdown(report: Report) -> str:
    """The paragraph first, then each run's figures."""
    return "\n".join(_parts(report)).rstrip() + "\n"


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is: no tag, link, mention or emphasis comes of it."""
    return _MARKS.sub(r"\\\1", text)


def _parts(report: Report) -> Iterator[str]:
    yield f"# {markdown_text(title_of(report))}\n"
    if (comparison := report.comparison) is not None:
        yield f"{markdown_text(comparison.paragraph)}\n"
        yield f"**{comparison.verdict}**: {markdown_text(comparison.reason)}\n"
    else:
        yield from _list(lead_of(report))
    for run in report.runs:
        why = markdown_text(verdict_words(run))
        yield f"- {markdown_text(run.name)}: **{run.summary.verdict}** ({why})"
    yield ""
    if comparison is not None:
        yield from _comparison(comparison)
    for run in report.runs:
        yield from _run(run)
    yield "## Method and limits\n"
    yield from _list(METHOD)


def _comparison(comparison: Comparison) -> Iterator[str]:
    yield "## Comparison\n"
    yield from _table(
        page_tables.comparison_head(comparison), page_tables.comparison_rows(comparison)
    )
    yield from _table(page_tables.ENDPOINT_HEAD, page_tables.endpoint_rows(comparison))
    sides = comparison.baseline.label, comparison.candidate.label
    yield from _table(("", *sides, "difference"), page_tables.difference_rows(comparison))
    differences = [[one.what, one.baseline, one.candidate] for one in comparison.differences]
    yield from _table(("", *sides), differences)
    if comparison.limits:
        yield "What this cannot tell:\n"
        yield from _list(comparison.limits)


def _run(run: RunReport) -> Iterator[str]:
    summary = run.summary
    yield f"## {markdown_text(run.name)}\n"
    yield from _list(summary.findings)
    if summary.thresholds:
        rows = [[one.verdict.value, one.rule, one.shown] for one in summary.thresholds]
        yield from _table(("verdict", "threshold", "measured"), rows)
    yield from _table(page_tables.SESSION_HEAD, page_tables.session_rows(summary))
    yield from _table(page_tables.KIND_HEAD, page_tables.kind_rows(summary))
    yield from _table(page_tables.FAILURE_HEAD, page_tables.failure_rows(summary))
    yield from _table(page_tables.PERCENTILE_HEAD, page_tables.percentile_rows(summary))
    endings = [
        [one.utc, str(one.session), f"{one.endpoint} through {one.egress}", one.words]
        for one in summary.last_endings[-_MOST_ENDINGS:]
    ]
    yield from _table(("last drops", "session", "", "ending"), endings)
    if summary.doubts or summary.notes:
        yield "Doubts and notes:\n"
        yield from _list([*summary.doubts, *summary.notes])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield f"| {' | '.join(map(markdown_text, head))} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(markdown_text, row))} |"
    yield ""


def _list(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"- {markdown_text(line)}"
    yield ""
