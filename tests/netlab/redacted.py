"""Owns the check of a recorded run's redacted copy: nothing of the original, and every figure.

What a run must not tell is gathered from its own events: each text in a field that the plan, a host
or a peer gave its value to.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stresser.analysis.summary.summary import summarise
from stresser.bundle.evidence_zip import RedactedChanges
from stresser.bundle.folder_copy import copy_run
from stresser.bundle.pseudonyms import GENERIC
from stresser.record.reader import RecordedRun, open_run
from stresser.report.console import json_text
from tests.bundle.test_redacted_bundle import differences, named

_ADDRESS = re.compile(
    r"(?<![\w.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f]{1,4}:[0-9a-f:]+::?[0-9a-f]+)"
)
_TOLD = {
    "raw", "reason", "first_bytes", "realm", "subject", "issuer", "names", "local", "remote",
    "peer", "proxy", "offender", "sni", "issuer_url", "missing_issuer", "addresses", "url", "ca",
    "host", "source", "spki_sha256", "sha256", "chain",
}  # fmt: skip
_USUAL = re.compile(r"lo|eth[0-9]|tun[0-9]|Basic|Negotiate|NTLM|Digest|Bearer|Kerberos")
"""Interfaces that are everybody's, and ways of logging in."""
_KEPT = re.compile(r"127\.|0\.0\.0\.0|255\.|::1?$")
"""Loopback is everybody's; masks are no addresses."""
_SHORTEST = 4


def complaints_of(folder: Path, scratch: Path) -> list[str]:
    """What is wrong with the redacted copy of a run, in words."""
    run = open_run(folder)
    copy_run(run, scratch / "redacted", RedactedChanges())
    copy = open_run(scratch / "redacted")
    figures = [json.loads(json_text(summarise(one))) for one in (run, copy)]
    found = [f"figures: {line}" for line in differences(figures[0], figures[1], "")]
    text = "\n".join(path.read_text() for path in _texts(copy.path)) + json.dumps(figures[1])
    found += [
        f"redacted, {word!r} is left"
        for word in sorted(_secrets(run))
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
    ]
    plan, other = (set(map(tuple, _named(one.path))) for one in (run, copy))
    return found + [
        f"redacted, {key} {name!r} is left"
        for key, name in sorted(plan & other)
        if name not in GENERIC
    ]


def _named(folder: Path) -> Iterator[tuple[str, str]]:
    """The names of the plan and of interfaces, where they stand as such."""
    for line in _lines(folder):
        yield from named(line)
        yield from (("interface", name) for name in re.findall(r"'interface': '(\w+)'", str(line)))


def _texts(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".json", ".jsonl", ".hlog", ".pem"}:
            yield path


def _secrets(run: RecordedRun) -> set[str]:
    found = {one for line in _lines(run.path) for one in _told(line, "")}
    return {
        one
        for one in found
        if len(one) >= _SHORTEST and not _KEPT.match(one) and not _USUAL.fullmatch(one)
    }


def _lines(folder: Path) -> Iterator[Any]:
    yield json.loads((folder / "manifest.json").read_text())
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["event"] != "run_ended":  # its reason is ours
                yield event


def _told(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            # What headers hold is the peer's, whatever their names.
            yield from _told(one, "raw" if key == "headers" else name)
    elif isinstance(value, list):
        for one in value:
            yield from _told(one, key)
    elif isinstance(value, str):
        if key in _TOLD or (key == "name" and "." in value):
            yield value
        yield from _ADDRESS.findall(value)
