"""The evidence bundle: what it holds, made from copies of the run folders it holds itself.

Everything but the runs is computed from those copies, redacted or not, so that `verify` can
compute it again and compare.
"""

import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

import stresser
from stresser.analysis.diagnosis.diagnose import ExplainedEndings
from stresser.analysis.summary.run_reading import EventCollector
from stresser.analysis.views.drop_table import DropColumns, NumberLists
from stresser.analysis.views.run_report import Report, RunReport, gather_report
from stresser.analysis.words.far_end_words import both_ends_in_words
from stresser.bundle.drop_packets import PACKETS, DropPackets
from stresser.bundle.folder_copy import Changes, copy_run
from stresser.bundle.network_page import DroppedFlows, asked_of_network, write_columns
from stresser.bundle.redaction import Redaction
from stresser.bundle.zip_file import BundleManifest, check_sizes, write_bundle
from stresser.record.reader import RecordedRun, open_run
from stresser.record.segments import unpacked_sizes
from stresser.record.worker_folders import folders_of
from stresser.report.markdown import answer_part, markdown, markdown_text
from stresser.report.page import page_parts

RUNS = "runs"
FIGURES = "figures.json"
PAGE = "report.html"
COMPUTED = (FIGURES, "report.md", "network-team.md", "drops.csv", "drops.jsonl")
"""What `verify` computes again, besides the page."""
_MOST_COUNTS = 200
_IN_PARTS = (Report, RunReport, DropColumns)
_LISTS = (list, array, ExplainedEndings, NumberLists)
_AT_ONCE = 1000
"""Items of a list that are written together."""
_README = """What is in this file

report.html       the report; it loads nothing
report.md         the same as text
figures.json      all its figures
network-team.md   which flows ended when, and what is asked of the network
drops.csv         every drop: 5-tuple, UTC in milliseconds, kind, age, silence
drops.jsonl       the events of these drops, with their evidence
drops.pcapng      where packets were captured: those of drops and failures, commented, for Wireshark
runs/             the recorded events, durations and certificate chains that all of it comes from
bundle.json       SHA-256 of every file
bundle.json.sig   where the bundle is signed: an SSH signature of bundle.json

`stresser verify FILE.zip` computes every figure again from runs/ and says what does not match.
"""


class RedactedChanges(Redaction, Changes):
    """Redaction as a copy takes it."""


def write_evidence(
    runs: list[RecordedRun],
    egresses: tuple[str, str] | None,
    path: Path,
    *,
    redact: bool,
    sign: Callable[[bytes], bytes] | None = None,
) -> tuple[str, Mapping[str, str]]:
    """Write a bundle; its SHA-256 comes back, and what each stand-in in it stands for.

    `sign` makes the signature of its `bundle.json`.

    Raises:
        StresserError: a run cannot be read or still goes on, or the file cannot be written.
    """
    sizes: dict[str, int] = {}
    for run in runs:
        for one in folders_of(run.folder):
            it, where = one.histograms, one.path.relative_to(run.path.parent).as_posix()
            recorded = unpacked_sizes(one.events) | {
                it.name: it.stat().st_size if it.exists() else 0
            }
            sizes |= {f"{where}/{name}": size for name, size in recorded.items()}
    check_sizes(path, sizes)
    changes: Changes = RedactedChanges() if redact else Changes()
    key = changes.pseudonyms.of if isinstance(changes, RedactedChanges) else {}
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        names = [f"run-{i}" if redact else run.path.name for i, run in enumerate(runs, 1)]
        for name, run in zip(names, runs, strict=True):
            copy_run(run, top / RUNS / name, changes)
        chosen = egresses and [changes.egress(name) for name in egresses]
        manifest = BundleManifest(
            stresser=stresser.__version__,
            redacted=redact,
            runs=names,
            egresses=chosen or None,
        )
        files: dict[str, bytes | Path] = {
            file.relative_to(top).as_posix(): file
            for file in (top / RUNS).rglob("*")
            if file.is_file()
        }
        computed = compute(top, manifest, top)
        files |= computed
        files["README.txt"] = _README.encode()
        return write_bundle(path, manifest, files, sign), key


def compute(top: Path, manifest: BundleManifest, scratch: Path) -> dict[str, Path]:
    """Every file of a bundle that follows from the runs in it; they are written into `scratch`.

    Raises:
        StresserError: a run cannot be read, or the sides have nothing in common.
    """
    runs = [open_run(top / RUNS / name) for name in manifest.runs]
    egresses = manifest.egresses
    chosen = (egresses[0], egresses[1]) if egresses is not None and len(egresses) > 1 else None
    rows, lines = scratch / "computed.csv", scratch / "computed.jsonl"
    capture = scratch / "computed.pcapng"
    flows: dict[str, DroppedFlows] = {}
    with (
        rows.open("w", encoding="utf-8", newline="") as table,
        lines.open("wb") as events,
        capture.open("wb") as file,
    ):
        write_columns(table)
        packets = DropPackets(file)

        def watch(run: RecordedRun) -> list[EventCollector]:
            name = run.path.name
            flows[name] = DroppedFlows(name, run.anchor_unix_ns, table, events)
            packets.of_run(name if len(runs) > 1 else "")
            return [flows[name], packets]

        report = gather_report(runs, chosen, watch)
    captured = {PACKETS: capture} if packets.packets else {}
    network_page = "\n".join(_network_page(report, list(flows.values()))) + "\n"
    return captured | {
        FIGURES: _written(scratch / "computed.json", report_json(report)),
        PAGE: _written(scratch / "computed.html", page_parts(report)),
        "report.md": _written(scratch / "computed.md", [markdown(report).encode()]),
        "network-team.md": _written(scratch / "computed-network.md", [network_page.encode()]),
        "drops.csv": rows,
        "drops.jsonl": lines,
    }


def _written(path: Path, parts: Iterable[bytes]) -> Path:
    with path.open("wb") as file:
        file.writelines(parts)
    return path


def report_json(report: Report) -> Iterator[bytes]:
    """All figures as one JSON document, in parts: a run's drops alone may make it 60 MB."""
    yield from _indented(report, b"\n")
    yield b"\n"


def _indented(value: Any, line: bytes) -> Iterator[bytes]:
    """As `msgspec.json.format` writes it; `line` ends a line and indents the next."""
    inner = line + b" "
    if isinstance(value, _IN_PARTS):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        for number, (shown, name) in enumerate(names):
            yield (b"," if number else b"{") + inner + b'"' + shown.encode() + b'": '
            yield from _indented(getattr(value, name), inner)
        yield line + b"}"
    elif isinstance(value, _LISTS) and value:
        for start in range(0, len(value), _AT_ONCE):
            yield b"," if start else b"["
            yield from _items(value[start : start + _AT_ONCE], inner)
        yield line + b"]"
    else:
        yield _formatted([] if isinstance(value, _LISTS) else value, line)


def _items(some: Sequence[Any], inner: bytes) -> Iterator[bytes]:
    if not isinstance(some[0], _IN_PARTS):
        yield _formatted(some, inner[:-1])[1 : -len(inner)]
        return
    for number, one in enumerate(some):
        yield (b"," if number else b"") + inner
        yield from _indented(one, inner)


def _formatted(value: Any, line: bytes) -> bytes:
    text = msgspec.json.encode(value, enc_hook=list)
    return msgspec.json.format(text, indent=1).replace(b"\n", line)


def _network_page(report: Report, flows: list[DroppedFlows]) -> Iterator[str]:
    yield "# For the network team\n"
    if report.comparison is not None:
        yield f"{markdown_text(report.comparison.paragraph)}\n"
    for seen, found in zip(flows, report.runs, strict=True):
        yield from _run_page(seen, found)
    yield "Every drop with its 5-tuple and UTC in milliseconds: drops.csv."


def _run_page(flows: DroppedFlows, found: RunReport) -> Iterator[str]:
    yield f"## {markdown_text(found.name)}\n"
    yield from answer_part(found.summary.answer, "")
    asked = asked_of_network(found)
    if asked:
        yield "What is asked:\n"
        yield from (f"- {markdown_text(line)}" for line in asked)
        yield ""
    both_ends = [words for one in found.summary.both_ends for words in both_ends_in_words(one)]
    if both_ends:
        yield "As both ends counted:\n"
        yield from (f"- {markdown_text(line)}" for line in both_ends[:_MOST_COUNTS])
        yield ""
    counts = flows.most_first
    if not counts:
        yield "No session was dropped.\n"
        return
    yield "| egress | endpoint | remote | kind | drops |\n|---|---|---|---|---|"
    for key, number in counts[:_MOST_COUNTS]:
        yield f"| {' | '.join(map(markdown_text, key))} | {number:,} |"
    yield ""
