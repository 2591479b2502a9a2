"""What a list of runs says of each, from its manifest and its summary alone: no event is read."""

from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from stresser.model.errors import RunFolderError
from stresser.model.units import NS_PER_US
from stresser.model.verdict import Verdict
from stresser.record.manifest import Manifest
from stresser.record.reader import RecordedRun, RunStatus, open_record


class ListedRun(Struct, frozen=True, kw_only=True):
    """One line. None: not known, or not yet."""

    name: str
    """Of the folder."""
    scenario: str | None = None
    status: RunStatus | None = None
    """None: nothing in the folder can be read."""
    started_utc: str | None = None
    lasted_ns: int | None = None
    sessions: int | None = None
    drops: int | None = None
    verdict: Verdict | None = None


def listed_run(path: Path) -> ListedRun:
    """What the list says of a run folder, in whatever state it is."""
    try:
        run = open_record(path)
        return _listed(run, path.name)
    except RunFolderError:
        return ListedRun(name=path.name)


def _listed(run: RecordedRun, name: str) -> ListedRun:
    manifest = run.manifest
    if manifest is None:
        return ListedRun(name=name, status=run.status)
    scenario = manifest.scenario.get("name")
    total = _total(run)
    return ListedRun(
        name=name,
        scenario=scenario if isinstance(scenario, str) else None,
        status=run.status,
        started_utc=manifest.started_utc,
        lasted_ns=_lasted_ns(manifest, manifest.ended_utc or run.crashed_at_utc),
        sessions=_count(total, "sessions"),
        drops=_count(total, "drops"),
        verdict=manifest.verdict,
    )


def _total(run: RecordedRun) -> dict[str, Any]:
    try:
        total = (run.summary() or {}).get("total")
    except RunFolderError:  # a damaged summary hides its figures and nothing else
        return {}
    return total if isinstance(total, dict) else {}


def _count(figures: dict[str, Any], key: str) -> int | None:
    value = figures.get(key)
    return value if type(value) is int else None


def _lasted_ns(manifest: Manifest, end: str | None) -> int | None:
    """Without the gaps of a run that was resumed; who tried twice left the same gap twice."""
    whole_ns = _between(manifest.started_utc, end)
    gaps_ns = {one.since_ns: one.t_ns - one.since_ns for one in manifest.resumptions}
    return None if whole_ns is None else max(whole_ns - sum(gaps_ns.values()), 0)


def _between(start: str, end: str | None) -> int | None:
    try:
        lasted = datetime.fromisoformat(end or "") - datetime.fromisoformat(start)
    except (ValueError, TypeError):  # no time, or one with a zone and one without
        return None
    return max(round(lasted.total_seconds() * 1e6), 0) * NS_PER_US
