"""A check on a terminal: the verdict, what to do about what is in the way, each way's figures."""

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from stresser.analysis.checkup.conclude import CheckReport, WayResult
from stresser.analysis.checkup.finding import Finding
from stresser.analysis.checkup.handshakes import hello_lines
from stresser.analysis.words.proxy_choices import taken_words
from stresser.model.checkup_facts import WayChecked
from stresser.model.units import escaped, format_duration
from stresser.record.event_lines import flattened
from stresser.report.console import json_text
from stresser.report.tables import MISSING, VERDICT_STYLES, duration, figure_table, plain

_LONGEST_LINE = 2000
_MOST_FINDINGS = 40
_MOST_ROWS = 400
_MOST_ADDRESSES = 8
_STEPS = (
    ("before_connect", "before"),
    ("before_tls", "TLS"),
    ("before_answer", "answer"),
    ("resolve", "DNS"),
    ("connect", "TCP"),
    ("proxy_connect", "proxy TCP"),
    ("proxy_tls", "proxy TLS"),
    ("proxy_tunnel", "tunnel"),
    ("tls", "TLS"),
    ("upgrade", "upgrade"),
    ("open", "open"),
    ("get", "GET"),
)


def print_check(report: CheckReport, console: Console) -> None:
    """Print a check."""
    for part in check_parts(report):
        console.print(part, highlight=False, markup=False, emoji=False, soft_wrap=False)


def check_json(report: CheckReport) -> str:
    """The check as one JSON document, for `--json`: failed attempts as `events.jsonl` has them."""
    results = [_plain_result(result) for result in report.results]
    return json_text(msgspec.to_builtins(report) | {"results": results})


def _plain_result(result: WayResult) -> dict[str, Any]:
    """What `endpoint` and `egress` are called stands at the top, as in all other JSON."""
    found = msgspec.to_builtins(result)
    facts = found["facts"]
    if result.facts.failed is not None:
        facts["failed"] = msgspec.to_builtins(flattened(result.facts.failed))
    for name, tries in (("earlier", result.facts.earlier), ("unserved", result.facts.unserved)):
        facts[name] = [msgspec.to_builtins(flattened(one)) for one in tries]
    return {"endpoint": facts.pop("endpoint"), "egress": facts.pop("egress"), **found}


def check_parts(report: CheckReport) -> Iterator[RenderableType]:
    """What is printed, from top to bottom."""
    yield plain(report.says, VERDICT_STYLES[report.verdict], _LONGEST_LINE)
    for finding in report.findings[:_MOST_FINDINGS]:
        yield from _finding(finding)
    if len(report.findings) > _MOST_FINDINGS:
        yield Text(f"{len(report.findings) - _MOST_FINDINGS} more findings: --json has them all.")
    if any(result.facts.phases_ns for result in report.results):
        yield _times(report.results[:_MOST_ROWS])
    for result in report.results[:_MOST_ROWS]:
        yield from _way(result)
    if len(report.results) > _MOST_ROWS:
        more = len(report.results) - _MOST_ROWS
        yield Text(f"{more} more pairs of endpoint and egress: --json has them all.")
    for note in report.notes:
        yield Group(Text(""), plain(f"Note: {note}", limit=_LONGEST_LINE))


def _finding(finding: Finding) -> Iterator[RenderableType]:
    style = "bold red" if finding.is_failure else "bold yellow"
    yield Group(Text(""), plain(finding.says, style, _LONGEST_LINE))
    for line in finding.evidence:
        yield _indented(f"- {line}")
    yield _indented(f"What to do: {finding.remedy}", "bold")


def _times(results: list[WayResult]) -> RenderableType:
    used = [
        (key, title)
        for key, title in _STEPS
        if any(key in result.facts.phases_ns for result in results)
    ]
    table = figure_table("Times", "endpoint / egress", [title for _, title in used])
    for result in results:
        way = result.facts
        name = f"{escaped(way.endpoint, 60)} / {escaped(way.egress, 30)}"
        cells = [Text(duration(way.phases_ns.get(key))) for key, _ in used]
        table.add_row(plain(name, "" if result.fine else "red"), *cells)
    return Group(Text(""), table)


def _way(result: WayResult) -> Iterator[RenderableType]:
    way = result.facts
    name = f"{way.endpoint} / {way.egress}"
    yield Group(Text(""), plain(f"{name}: {result.result}", _style(result), _LONGEST_LINE))
    for label, words in _facts(result, way):
        yield _indented(f"{label:<10}{words}")


def _style(result: WayResult) -> str:
    return "bold green" if result.fine else "bold red"


def _facts(result: WayResult, way: WayChecked) -> Iterator[tuple[str, str]]:
    if way.addresses:
        more = len(way.addresses) - _MOST_ADDRESSES
        known = ", ".join(way.addresses[:_MOST_ADDRESSES]) + (
            f" and {more} more" if more > 0 else ""
        )
        yield "addresses", known
    if way.dialled is not None:
        yield "dialled", f"{way.dialled}{_from(way)}"
    if way.chosen is not None:
        yield "PAC", taken_words(way.chosen)
    if way.proxy is not None:
        by = {"proxy": "the proxy", "host": "this host"}.get(way.resolved_by or "")
        yield "proxy", way.proxy + ("" if by is None else f"; the name was looked up by {by}")
        yield from _headers("", way.proxy_headers)
    if way.tls is not None:
        yield "TLS", f"{way.tls.version}, {way.tls.cipher}, ALPN {way.tls.alpn or 'none'}"
    if result.chain is not None:
        yield "chain", result.chain
    if way.chain is not None:
        yield "", f"issued by {way.chain.issuer or '?'}, until {way.chain.not_after or '?'}"
    if way.http is not None:
        yield "HTTP", f"{way.http.status} {way.http.reason}"
        yield from _headers("", way.http.headers)
    yield from _hellos(way)
    if way.again_ns:
        yield "again", "; ".join(_tried(one) for one in way.again_ns)


def _hellos(way: WayChecked) -> Iterator[tuple[str, str]]:
    for number, (fate, those) in enumerate(hello_lines(way)):
        yield "" if number else "hellos", f"{fate}: {those}"


def _from(way: WayChecked) -> str:
    leads = way.leads
    source = way.local or leads.source
    words = f" from {source}" if source else ""
    if leads.interface is not None:
        words += f" through {leads.interface}" + (f" ({leads.words})" if leads.words else "")
    return words


def _headers(label: str, headers: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(headers.items()):
        yield label, f"{name}: {value}"


def _tried(phases_ns: dict[str, int]) -> str:
    connect, tls = phases_ns.get("connect"), phases_ns.get("tls")
    shown = [MISSING if one is None else format_duration(one) for one in (connect, tls)]
    return f"TCP {shown[0]}, TLS {shown[1]}"


def _indented(text: str, style: str = "") -> RenderableType:
    return Padding(plain(text, style, _LONGEST_LINE), (0, 0, 0, 2))
