"""A report as Markdown (CommonMark with tables), for a ticket or a chat."""

import re
from collections.abc import Iterator, Sequence

from stresser.analysis.compare.comparison import Comparison
from stresser.analysis.diagnosis.diagnosis import Diagnosis
from stresser.analysis.summary.answer import HEADING_GAP, Answer
from stresser.analysis.views.run_report import Report, RunReport
from stresser.report import page_tables
from stresser.report.first_screen import told
from stresser.report.page import METHOD, title_of
from stresser.report.tables import EGRESS_HEAD, egress_cells

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!&@])")
_MOST_ENDINGS = 20


def markdown(report: Report) -> str:
    """The answer first, or the paragraph of a comparison; then each run's figures."""
    return "\n".join(_parts(report)).rstrip() + "\n"


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is: no tag, link, mention or emphasis comes of it."""
    return _MARKS.sub(r"\\\1", text)


def _parts(report: Report) -> Iterator[str]:
    yield f"# {markdown_text(title_of(report))}\n"
    if (comparison := report.comparison) is not None:
        yield f"{markdown_text(comparison.paragraph)}\n"
        yield f"**{comparison.verdict}**: {markdown_text(comparison.reason)}\n"
    for run in report.runs:
        yield from answer_part(run.summary.answer, run.name if len(report.runs) > 1 else "")
    if comparison is not None:
        yield from _comparison(comparison)
    for run in report.runs:
        yield from _run(run)
    yield "## Method and limits\n"
    yield from _list(METHOD)


def answer_part(answer: Answer, name: str) -> Iterator[str]:
    """A run's answer: its questions, the verdict, a row for each egress."""
    heading = HEADING_GAP.join(answer.heading)
    yield f"{markdown_text(f'{name}: {heading}' if name else heading)}\n"
    for question, text in told(answer):
        yield f"- **{question}** {markdown_text(text)}"
    yield ""
    yield from _table(EGRESS_HEAD, [egress_cells(row) for row in answer.egresses])


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
    yield from _list([said for found in summary.diagnoses for said in _said(found)])
    yield from _list(summary.findings)
    if summary.thresholds:
        rows = [[one.verdict.value, one.rule, one.shown] for one in summary.thresholds]
        yield from _table(("verdict", "threshold", "measured"), rows)
    yield from _table(page_tables.SESSION_HEAD, page_tables.session_rows(summary))
    yield from _table(page_tables.KIND_HEAD, page_tables.kind_rows(summary))
    yield from _table(page_tables.FAILURE_HEAD, page_tables.failure_rows(summary))
    yield from _table(page_tables.PERCENTILE_HEAD, page_tables.percentile_rows(summary))
    sessions = page_tables.both_ends_rows(run.both_ends, _MOST_ENDINGS)
    yield from _table(page_tables.BOTH_ENDS_HEAD, sessions)
    if sessions:
        yield from _list([page_tables.both_ends_note(run.both_ends, _MOST_ENDINGS)])
    endings = [
        [one.utc, str(one.session), f"{one.endpoint} through {one.egress}", one.words]
        for one in summary.last_endings[-_MOST_ENDINGS:]
    ]
    yield from _table(("last drops", "session", "", "ending"), endings)
    if summary.doubts or summary.notes:
        yield "Doubts and notes:\n"
        yield from _list([*summary.doubts, *summary.notes])


def _said(found: Diagnosis) -> list[str]:
    return [found.says] if found.hop is None else [found.says, found.hop.says]


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
    if lines:
        yield ""
