"""Owns reading a run folder with foreign eyes: plain JSON and the published HDR reader.

A trial that judges stresser does not ask stresser's own reader.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from bench.peer import BenchError


def the_run(results: Path) -> Path:
    """The one run folder in `results`.

    Raises:
        BenchError: there is none, or there are several.
    """
    folders = [path for path in results.glob("*") if path.is_dir()]
    if len(folders) != 1:
        raise BenchError(f"{len(folders)} run folders in {results} instead of one")
    return folders[0]


def folders_of(run: Path) -> list[Path]:
    """The run's own folder and those of its workers: each process wrote in one."""
    return [run, *sorted(run.glob("workers/*"))]


def events(run: Path, *names: str) -> Iterator[dict[str, Any]]:
    """The events with these names; those of each process in order.

    Raises:
        BenchError: a line is no JSON object: a run that was not killed has none of these. Or the
            run was so long that there are more segments.
    """
    for folder in folders_of(run):
        yield from _events_in(folder, names)


def _events_in(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    if any(folder.glob("events-*")):
        raise BenchError("events.jsonl is in segments: this reads the last one alone")
    with (folder / "events.jsonl").open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                event = json.loads(line)
            except ValueError:
                raise BenchError(f"events.jsonl, line {number} is not JSON") from None
            if event["event"] in names:
                yield event


def anchor_unix_ns(run: Path) -> int:
    """Unix time of the run's t_ns = 0."""
    return int(json.loads((run / "manifest.json").read_text())["anchor_unix_ns"])


def merged_histogram(run: Path, quantity: str) -> HdrHistogram:
    """All intervals and cohorts of one quantity as one histogram of nanoseconds.

    `rtt/server-`: those of endpoints with such names alone.

    Raises:
        BenchError: there are none.
    """
    merged: HdrHistogram | None = None
    for line in (run / "histograms.hlog").read_text().splitlines():
        tag, _, rest = line.partition(",")
        tag = tag.removeprefix("Tag=")
        if not (tag.startswith(quantity) if "/" in quantity else tag.split("/")[0] == quantity):
            continue
        interval = HdrHistogram.decode(rest.rsplit(",", 1)[1])
        if merged is None:
            merged = interval
        else:
            merged.add(interval)
    if merged is None:
        raise BenchError(f"histograms.hlog holds nothing of {quantity}")
    return merged
