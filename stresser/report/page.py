"""A report as one HTML file that loads nothing: text, tables, data and scripts all in it.

Everything from a peer goes through jinja2's autoescape or, in the data, through JSON in which no
tag can end; the page's policy allows the scripts and styles written here, by hash, and nothing
else (CSP level 3).
"""

import base64
import hashlib
import importlib.resources
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from stresser.analysis.compare.comparison_verdict import ComparisonVerdict
from stresser.analysis.summary.mechanism_words import addressed, known_from
from stresser.analysis.summary.summary import Summary
from stresser.analysis.views.curves import QUANTILES
from stresser.analysis.views.run_report import Report, RunReport
from stresser.analysis.words.lines import shortened
from stresser.model.verdict import Verdict
from stresser.report import page_tables
from stresser.report.first_screen import drawn_limits, first_screen
from stresser.report.tables import EGRESS_HEAD

CLASSES = {
    Verdict.NONE: "soft",
    Verdict.PASS: "good",
    Verdict.INCONCLUSIVE: "doubt",
    Verdict.FAIL: "bad",
}
_COMPARISON_CLASSES = {
    ComparisonVerdict.NO_WORSE: "good",
    ComparisonVerdict.WORSE: "bad",
    ComparisonVerdict.CANNOT_TELL: "doubt",
}
_PLOTLY_CSS = ".js-plotly-plot .plotly { position: relative; }"
_SHEET_ID = re.compile(rb'document\.getElementById\("([0-9a-f]{64})"\)')
"""Sheets that the bundle adds, for maps, when no element has their id."""
_ENDS_SCRIPT = re.compile(rb"<(/script|script|!--)", re.IGNORECASE)
_PART = 1 << 18
_AT_ONCE = 1000
"""Places of a column that are written together."""
_MOST_ON_PAPER = 8
_LONGEST_ON_PAPER = 300
METHOD = (
    (
        "A drop is an unplanned ending of a session that was held. What this host's sleep or"
        " stresser itself ended is no drop; such sessions are censored."
    ),
    (
        "An incident is drops that share a moment more closely than chance explains; a drop that"
        " shares its moment with no other is an incident of one. Sessions through one box end"
        " together, so comparisons count incidents, not sessions."
    ),
    (
        "An unannounced ending has no exact time: it lies between the last proof of life"
        " and the first proof of the end, and is drawn at the latter."
    ),
    (
        "Who ended a session is said only where a named rule supports it; each drop's evidence card"
        " names the rules and what contradicts them."
    ),
    (
        "Ratios of incident rates have exact 95 % intervals (Clopper-Pearson, conditional on the"
        " total); survival is Kaplan-Meier with log-log bands; intervals of durations hold"
        " together."
    ),
    (
        "Timers are found where ages, silences or bytes at the end concentrate more than chance"
        " explains, with heartbeats taken into account."
    ),
    "docs/methods.md and docs/comparison.md have the methods, their sources and error rates.",
)
"""What a reader must know to judge the figures."""


def html_page(report: Report) -> bytes:
    """The whole file."""
    return b"".join(page_parts(report))


def page_parts(report: Report) -> Iterator[bytes]:
    """The file in parts. Plotly and the data are put in between: as text they take 10 MB."""
    runs = report.runs
    css, script = _asset("report.css"), _made_safe(_asset("report.js"))
    scripts, styles = (_plotly(), [script]), ([css], [_PLOTLY_CSS.encode()])
    comparison = report.comparison
    plotly_here, data_here = secrets.token_hex(), secrets.token_hex()
    page = _template().render(
        report=report,
        runs=[_run_words(run) for run in runs],
        title=title_of(report),
        subtitle="; ".join(map(_when, runs)),
        classes=CLASSES,
        egress_head=EGRESS_HEAD,
        comparison_class=_COMPARISON_CLASSES[comparison.verdict] if comparison else "",
        comparison_head=page_tables.comparison_head(comparison) if comparison else [],
        comparison_rows=page_tables.comparison_rows(comparison) if comparison else [],
        endpoint_rows=page_tables.endpoint_rows(comparison) if comparison else [],
        both_ends_head=page_tables.BOTH_ENDS_HEAD,
        duration_rows=page_tables.difference_rows(comparison) if comparison else [],
        known_from=known_from,
        addressed=addressed,
        method=METHOD,
        policy=_policy(scripts, styles),
        css=_trusted(css.decode()),
        plotly_css=_trusted(_PLOTLY_CSS),
        plotly_sheets=[one.decode() for part in _plotly() for one in _SHEET_ID.findall(part)],
        data=data_here,
        plotly=plotly_here,
        script=_trusted(script.decode()),
    )
    for part in re.split(f"({plotly_here}|{data_here})", page):
        if part == plotly_here:
            yield from _plotly()
        elif part == data_here:
            yield from _data_parts(report)
        else:
            yield part.encode()


def title_of(report: Report) -> str:
    """What the report is of."""
    names = list(dict.fromkeys(run.summary.scenario for run in report.runs))
    return f"stresser: {', '.join(names[:3])}"


def data_block(report: Report) -> str:
    """What the scripts read, as JSON in which nothing can be taken for HTML."""
    return b"".join(_data_parts(report)).decode()


def _data_parts(report: Report) -> Iterator[bytes]:
    yield b'{"quantile_places":' + _json(QUANTILES) + b',"runs":['
    for number, run in enumerate(report.runs):
        yield b"," if number else b""
        yield from _drawn(run)
    yield b"]}"


def _drawn(run: RunReport) -> Iterator[bytes]:
    """A run's part of the data. The columns of drops are large."""
    before = {name: getattr(run, name) for name in ("name", "anchor_us", "timeline", "incidents")}
    after = {
        "survival": run.survival,
        "quantiles": run.quantiles,
        "elapsed_ns": run.summary.elapsed_ns + run.summary.gaps_ns,
        "limits": drawn_limits(run.summary),
        "egresses": [row.egress for row in run.summary.answer.egresses],
    }
    yield _json(before)[:-1] + b',"drops":{'
    for number, name in enumerate(run.drops.__struct_fields__):
        yield (b"," if number else b"") + b'"' + name.encode() + b'":'
        yield from _column(getattr(run.drops, name))
    yield b"}," + _json(after)[1:]


def _column(values: Sequence[Any] | int) -> Iterator[bytes]:
    if isinstance(values, int):
        yield _json(values)
        return
    for start in range(0, len(values), _AT_ONCE):
        yield (b"," if start else b"[") + _json(values[start : start + _AT_ONCE])[1:-1]
    yield b"]" if len(values) else b"[]"


def _json(value: Any) -> bytes:
    text = msgspec.json.encode(value, enc_hook=list)
    for character in "<>&\u2028\u2029":
        text = text.replace(character.encode(), f"\\u{ord(character):04x}".encode())
    return text


def _run_words(run: RunReport) -> dict[str, Any]:
    summary = run.summary
    return {
        "data": run,
        "first": first_screen(run),
        "when": _when(run),
        "verdict_class": CLASSES[summary.verdict],
        "why": _why(summary),
        "threshold_rows": [
            [one.verdict, one.rule, one.shown] for one in summary.thresholds[:_MOST_ON_PAPER]
        ],
        "session_rows": page_tables.session_rows(summary),
        "kind_rows": page_tables.kind_rows(summary),
        "failure_rows": page_tables.failure_rows(summary),
        "duration_rows": page_tables.percentile_rows(summary),
        "both_ends_rows": page_tables.both_ends_rows(run.both_ends),
        "both_ends_note": page_tables.both_ends_note(run.both_ends),
        "drop_notes": list(_drop_notes(run)),
    }


def _why(summary: Summary) -> list[str]:
    """What stands on the second page of paper: as much as has room there."""
    said = [found.says for found in summary.diagnoses] or summary.findings
    return [shortened(line, _LONGEST_ON_PAPER) for line in said[:_MOST_ON_PAPER]]


def _when(run: RunReport) -> str:
    return f"Run {run.name}, started {run.summary.started_utc}"


def _drop_notes(run: RunReport) -> Iterator[str]:
    if run.drops.more:
        yield f"{run.drops.more:,} more drops are counted above but not listed."
    if run.drops.without_card:
        yield f"{run.drops.without_card:,} drops are listed without their evidence."
    if run.timeline.more:
        yield f"{run.timeline.more:,} changes had no room in the timeline."


def _policy(scripts: Iterable[Iterable[bytes]], styles: Iterable[Iterable[bytes]]) -> str:
    """Content Security Policy. Style attributes are Plotly's; they can load nothing here."""
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src-elem {' '.join(map(_hash, styles))}",
            "style-src-attr 'unsafe-inline'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return f"'sha256-{base64.b64encode(digest.digest()).decode()}'"


def _asset(name: str) -> bytes:
    """A file of ours."""
    return (importlib.resources.files("stresser.report") / "page" / name).read_bytes()


def _plotly() -> Iterator[bytes]:
    """Plotly's own bundle in parts, for it has 5 MB. Nothing that is looked for in it is cut."""
    path = importlib.resources.files("plotly") / "package_data" / "plotly.min.js"
    rest = b""
    with path.open("rb") as file:
        while more := file.read(_PART):
            whole, end, rest = (rest + more).rpartition(b";")
            yield _made_safe(whole + end)
    yield _made_safe(rest)


def _made_safe(script: bytes) -> bytes:
    """A script that no text in it can end early (HTML, restrictions for script elements)."""
    return _ENDS_SCRIPT.sub(rb"\\x3c\1", script)


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_asset("report.html.j2").decode())


def _trusted(text: str) -> str:
    """Text that is ours, or that was made safe: autoescape leaves it as it is."""
    return Markup(text)  # noqa: S704 - see each call: own files, and JSON without `<`, `>`, `&`
