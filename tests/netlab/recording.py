"""Owns what a run has recorded, read by plain JSON: a judge does not ask the accused."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Moment(NamedTuple):
    """When the lab changed something: begun and done, Unix ns (CLOCK_REALTIME)."""

    before_ns: int
    after_ns: int


class Cohort(NamedTuple):
    """Three names from the scenario."""

    endpoint: str
    egress: str
    activity: str


@dataclass(frozen=True, kw_only=True)
class Ending:
    """One line that tells of an attempt's or a session's end."""

    is_session: bool
    cohort: Cohort
    phase: str
    kind: str
    initiator: str
    grade: str
    planned: bool
    local_port: int | None
    alive_ns: int
    """Unix, as are the next two."""
    dead_by_ns: int
    detected_ns: int
    pongs: int
    is_first: bool
    """Of a session that none to its endpoint through another egress is older than."""
    evidence: dict[str, Any]
    raw: str | None

    @property
    def is_drop(self) -> bool:
        return self.is_session and not self.planned

    @property
    def said(self) -> str:
        return f"{self.kind}/{self.initiator}"


class Recording:
    """A run folder, also of a run that goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def events(self) -> list[dict[str, Any]]:
        """All whole lines."""
        try:
            whole = (self.folder / "events.jsonl").read_bytes().rpartition(b"\n")[0]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def manifest(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return read

    @property
    def summary(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return read

    @property
    def report(self) -> dict[str, Any]:
        """`stresser report --format json`."""
        command = (sys.executable, "-m", "stresser", "report", str(self.folder))
        ran = subprocess.run(
            [*command, "--format", "json", "--out", "-"], capture_output=True, check=True
        )
        read: dict[str, Any] = json.loads(ran.stdout)
        return read

    def opened(self) -> list[Cohort]:
        """The cohort of each session that was opened."""
        return [cohort_of(one) for one in self.events() if one["event"] == "session_opened"]

    def endings(self) -> list[Ending]:
        anchor = self.manifest["anchor_unix_ns"]
        events = self.events()
        firsts = _firsts([one for one in events if one["event"] == "session_opened"])
        ends = ("session_ended", "attempt_failed")
        return [_ending(one, anchor, firsts) for one in events if one["event"] in ends]

    def drops(self, chosen: Callable[[Cohort], bool] = lambda _: True) -> list[Ending]:
        return [one for one in self.endings() if one.is_drop and chosen(one.cohort)]


def cohort_of(event: dict[str, Any]) -> Cohort:
    return Cohort(event["endpoint"], event["egress"], event["activity"])


def _firsts(opened: list[dict[str, Any]]) -> set[int]:
    """Sessions that had opened before any through another egress was even connected."""
    oldest: dict[tuple[str, str], int] = {}
    for one in opened:
        key = one["endpoint"], one["egress"]
        oldest[key] = min(oldest.get(key, _connected_ns(one)), _connected_ns(one))
    return {
        one["session"]
        for one in opened
        if all(
            connected_ns > one["t_ns"]
            for (endpoint, egress), connected_ns in oldest.items()
            if endpoint == one["endpoint"] and egress != one["egress"]
        )
    }


def _connected_ns(opened: dict[str, Any]) -> int:
    phases: dict[str, int] = opened["phases_ns"]
    return int(opened["t_ns"]) - phases["tls"] - phases.get("upgrade", 0)


def _ending(event: dict[str, Any], anchor: int, firsts: set[int]) -> Ending:
    local = event.get("local")
    return Ending(
        is_session=event["event"] == "session_ended",
        cohort=cohort_of(event),
        phase=event["phase"],
        kind=event["kind"],
        initiator=event["initiator"],
        grade=event["grade"],
        planned=event["planned"],
        local_port=None if local is None else int(local.rpartition(":")[2]),
        alive_ns=anchor + event["alive_at_ns"],
        dead_by_ns=anchor + event["dead_by_ns"],
        detected_ns=anchor + event["detected_at_ns"],
        pongs=event.get("pongs", 0),
        is_first=event.get("session") in firsts,
        evidence=event.get("evidence", {}),
        raw=event.get("raw"),
    )
