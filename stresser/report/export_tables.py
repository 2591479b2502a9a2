"""A run as three tables, row by row: sessions, attempts, drops; their columns, with units.

What a cell holds is decided here once, for CSV and for Parquet. Memory is bounded by the sessions
that are open at once; where a damaged run opens more than `_MOST_OPEN`, the others have two rows.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from stresser.analysis.diagnosis.diagnosis import Diagnosis
from stresser.analysis.summary.run_reading import RunReading
from stresser.model.events import AnyEvent, AttemptFailed, Ended, SessionEnded, SessionOpened
from stresser.model.quantity import BEFORE_STEPS, PROXY_STEPS, Quantity
from stresser.model.units import escaped

_MOST_OPEN: Final = 400_000
_LONGEST_TEXT: Final = 1000
_PHASES: Final = (
    *BEFORE_STEPS, Quantity.RESOLVE, Quantity.CONNECT, *PROXY_STEPS, Quantity.TLS, Quantity.UPGRADE,
    Quantity.OPEN,
)  # fmt: skip


class CellType(Enum):
    """What a column holds."""

    TEXT = "text"
    """On one line: what is not printable is escaped, what is long is cut."""
    WHOLE = "whole"
    SECONDS = "seconds"
    """The value is in whole nanoseconds."""
    YES_NO = "yes_no"
    MOMENT = "moment"
    """UTC, ISO 8601 with microseconds."""


class ExportRow(NamedTuple):
    """What one row is made of."""

    opened: SessionOpened | None = None
    stopped: Ended | None = None
    """How the session ended, or why the attempt failed."""
    diagnosis: Diagnosis | None = None


Part = Callable[[ExportRow], Any]


class Column(NamedTuple):
    """One column. What is a quantity has its unit at the end of the name."""

    name: str
    cell: CellType
    value: Part
    """None: the cell is empty."""


def _columns(part: Part, cell: CellType, *names: str, **attributes: str) -> tuple[Column, ...]:
    """A column for each attribute of a part of the row: of its name, or of another."""
    named = {name: name for name in names} | attributes
    return tuple(
        Column(name, cell, partial(_attribute, part, attribute))
        for name, attribute in named.items()
    )


def _attribute(part: Part, attribute: str, row: ExportRow) -> Any:
    found = part(row)
    value = None if found is None else getattr(found, attribute)
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return escaped(value, _LONGEST_TEXT) if isinstance(value, str) else value


def _event(row: ExportRow) -> SessionOpened | Ended | None:
    return row.stopped or row.opened


def _opened(row: ExportRow) -> SessionOpened | None:
    return row.opened


def _stopped(row: ExportRow) -> Ended | None:
    return row.stopped


def _begun(row: ExportRow) -> SessionOpened | AttemptFailed | None:
    """What knows of the handshake."""
    return row.stopped if isinstance(row.stopped, AttemptFailed) else row.opened


def _hello(row: ExportRow) -> Any:
    begun = _begun(row)
    return None if begun is None else begun.hello


def _tls(row: ExportRow) -> Any:
    begun = _begun(row)
    return None if begun is None else begun.tls


def _ending(row: ExportRow) -> Any:
    return None if row.stopped is None else row.stopped.ending


def _evidence(row: ExportRow) -> Any:
    return None if row.stopped is None else row.stopped.ending.evidence


def _diagnosis(row: ExportRow) -> Diagnosis | None:
    return row.diagnosis


def _ask(row: ExportRow) -> Any:
    return None if row.diagnosis is None else row.diagnosis.ask


def _phase_ns(phase: Quantity, row: ExportRow) -> int | None:
    begun = _begun(row)
    return None if begun is None else begun.phases_ns.get(phase.value)


def _outcome(row: ExportRow) -> str:
    if row.stopped is None:
        return "opened"
    return "cut_short" if row.stopped.ending.planned else "failed"


_TEXT, _WHOLE, _SECONDS = CellType.TEXT, CellType.WHOLE, CellType.SECONDS
_YES_NO, _MOMENT = CellType.YES_NO, CellType.MOMENT
_COHORT = _columns(_event, _TEXT, "endpoint", "egress", "activity")
_HANDSHAKE = (
    *(Column(f"{phase.value}_s", _SECONDS, partial(_phase_ns, phase)) for phase in _PHASES),
    *_columns(_begun, _TEXT, "local", "remote", "proxy", "resolved_by"),
    *_columns(_hello, _WHOLE, hello_bytes="size", hello_segments="segments"),
    *_columns(_tls, _TEXT, "alpn", "chain", tls_version="version", tls_cipher="cipher"),
    *_columns(_tls, _YES_NO, chain_verified="verified", chain_intercepted="intercepted"),
)
_ENDING = (
    *_columns(_ending, _TEXT, "phase", "kind", "initiator", "grade", "failure"),
    *_columns(_ending, _WHOLE, close_code="code", http_status="status", tls_alert="alert"),
    *_columns(_ending, _TEXT, "reason", "raw"),
    *_columns(_evidence, _TEXT, rules="why", rules_against="against"),
    *_columns(_ending, _SECONDS, age_s="age_ns", idle_s="idle_ns", silence_s="silence_ns"),
    *_columns(
        _ending,
        _SECONDS,
        alive_at_s="alive_at_ns",
        dead_by_s="dead_by_ns",
        detected_at_s="detected_at_ns",
    ),
)
_TRAFFIC = (
    *_columns(_stopped, _WHOLE, "pings", "pongs", "messages"),
    *_columns(_stopped, _WHOLE, received_bytes="bytes_received", sent_bytes="bytes_sent"),
    *_columns(_stopped, _SECONDS, quiet_survived_s="quiet_survived_ns", held_back_s="held_back_ns"),
)
_DIAGNOSIS = (
    *_columns(_diagnosis, _WHOLE, diagnosis="number"),
    *_columns(
        _diagnosis,
        _TEXT,
        diagnosis_mechanism="mechanism",
        diagnosis_where="where",
        diagnosis_who="who",
        diagnosis_grade="grade",
        diagnosis_says="says",
    ),
    *_columns(_ask, _TEXT, ask_whom="whom", ask="says"),
)
TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "sessions": (
        *_columns(_event, _WHOLE, "session", "attempt"),
        *_COHORT,
        *_columns(_opened, _MOMENT, opened_utc="utc"),
        *_columns(_opened, _SECONDS, opened_at_s="t_ns"),
        *_columns(_stopped, _MOMENT, ended_utc="utc"),
        *_HANDSHAKE,
        *_columns(_opened, _TEXT, "subprotocol"),
        *_columns(_opened, _WHOLE, replaces_session="replaces"),
        *_columns(_opened, _SECONDS, recovery_s="recovery_ns"),
        *_ENDING,
        *_columns(_ending, _YES_NO, "planned", "is_drop"),
        *_columns(_ending, _TEXT, "no_drop", "proved"),
        *_TRAFFIC,
        *_columns(_stopped, _YES_NO, "replaced"),
        *_DIAGNOSIS[:1],
    ),
    "attempts": (
        *_columns(_event, _WHOLE, "attempt"),
        *_columns(_opened, _WHOLE, "session"),
        *_COHORT,
        Column("outcome", _TEXT, _outcome),
        *_columns(_event, _MOMENT, "utc"),
        *_columns(_event, _SECONDS, at_s="t_ns"),
        *_HANDSHAKE,
        *_ENDING,
        *_DIAGNOSIS,
    ),
    "drops": (
        *_columns(_event, _WHOLE, "session", "attempt"),
        *_COHORT,
        *_columns(_event, _MOMENT, "utc"),
        *_ENDING,
        *_columns(_stopped, _TEXT, "local", "remote", "proxy"),
        *_TRAFFIC,
        *_DIAGNOSIS,
    ),
}
"""Columns by table."""


class TableWriter(Protocol):
    """One table that is being written to a file, which stays the caller's."""

    rows: int
    """So many were added."""

    def add(self, row: ExportRow) -> None:
        """Write one row, or keep it until some are together."""

    def close(self) -> None:
        """Write what is left."""


class ExportedRun:
    """A collector that makes the rows, of a run that was read once already for its diagnoses."""

    def __init__(self, reading: RunReading, tables: Mapping[str, TableWriter]) -> None:
        found = reading.explained
        by_number = {one.number: one for one in found.diagnoses}
        self._of_drop = {one.session: by_number.get(one.diagnosis or 0) for one in found.drops}
        self._of_failure = {
            one.attempt: by_number.get(one.diagnosis or 0) for one in found.failures
        }
        self._tables = tables
        self._open: dict[int, SessionOpened] = {}

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        match event:
            case SessionOpened():
                self._add("attempts", ExportRow(event))
                if len(self._open) < _MOST_OPEN:
                    self._open[event.session] = event
                else:
                    self._add("sessions", ExportRow(event))
            case AttemptFailed():
                why = self._of_failure.get(event.attempt)
                self._add("attempts", ExportRow(None, event, why))
            case SessionEnded():
                self._session_ended(event)

    def close(self) -> None:
        """The sessions of which no ending is recorded."""
        for opened in self._open.values():
            self._add("sessions", ExportRow(opened))

    def _session_ended(self, event: SessionEnded) -> None:
        why = self._of_drop.get(event.session) if event.ending.is_drop else None
        row = ExportRow(self._open.pop(event.session, None), event, why)
        self._add("sessions", row)
        if event.ending.is_drop:
            self._add("drops", row)

    def _add(self, table: str, row: ExportRow) -> None:
        if table in self._tables:
            self._tables[table].add(row)
