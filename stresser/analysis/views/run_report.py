"""One or more recorded runs -> all that a report shows of them, each run read once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field

import stresser
from stresser.analysis.chains.cards import ChainCard, chain_cards
from stresser.analysis.compare.comparison import Comparison, compare_sides
from stresser.analysis.compare.run_facts import RunFacts, facts_of
from stresser.analysis.compare.sides import make_side
from stresser.analysis.diagnosis.diagnose import Diagnoses, ExplainedEndings
from stresser.analysis.patterns.pattern_figures import Patterns
from stresser.analysis.patterns.sentences import incident_in_words
from stresser.analysis.summary.run_reading import EventCollector, RunReading, read_run
from stresser.analysis.summary.summary import Summary, summary_of
from stresser.analysis.views.both_ends_table import BothEndsRows, BothEndsTable
from stresser.analysis.views.curves import (
    QuantileCurve,
    SurvivalCurve,
    quantile_curves,
    survival_curves,
)
from stresser.analysis.views.drop_table import DropColumns, DropTable
from stresser.analysis.views.timeline import Timeline, TimelineFigures
from stresser.analysis.words.endings import counted
from stresser.model.errors import RunFolderError
from stresser.model.units import escaped
from stresser.record.manifest import Manifest
from stresser.record.reader import RecordedRun

SCHEMA_VERSION = 1
_TWO = 2
_LARGEST_INCIDENTS = 2000
_MOST_FACTS = 200
_LONGEST = 300


class IncidentRow(Struct, frozen=True, array_like=True):
    """An incident of several drops."""

    number: int
    """As `DropColumns.incident` names it."""
    at_us: int
    drops: int
    words: str


class Facts(Struct, frozen=True, kw_only=True):
    """A list of what is known under one title."""

    title: str
    lines: list[tuple[str, str]]


class RunReport(Struct, frozen=True, kw_only=True):
    """What is shown of one run."""

    name: str
    anchor_us: int | None
    """UTC of the run's start, in microseconds since 1970."""
    summary: Summary
    timeline: TimelineFigures
    incidents: list[IncidentRow]
    drops: DropColumns = field(name="drop_columns")
    ended: ExplainedEndings = field(name="drops")
    """Each drop with the number of its diagnosis."""
    failed: ExplainedEndings = field(name="failures")
    """Each failed attempt with the number of its diagnosis."""
    both_ends: BothEndsRows
    """Each session of which a reflector gave an account, as far as there is room."""
    survival: list[SurvivalCurve]
    quantiles: list[QuantileCurve]
    chains: list[ChainCard]
    more_chains: int
    environment: list[Facts]


class Report(Struct, frozen=True, kw_only=True):
    """All of a report."""

    schema: int = SCHEMA_VERSION
    stresser: str = stresser.__version__
    """The version that made it."""
    comparison: Comparison | None
    """None: there are no two sides, or they held nothing alike; `no_comparison` says so."""
    no_comparison: str
    runs: list[RunReport]


class _Views(NamedTuple):
    """What is drawn of one run, and said of its drops."""

    explained: Diagnoses
    timeline: TimelineFigures
    drops: DropTable
    both_ends: BothEndsTable


def gather_report(
    runs: Sequence[RecordedRun],
    egresses: tuple[str, str] | None,
    watch: Callable[[RecordedRun], Sequence[EventCollector]] | None = None,
) -> Report:
    """Read these runs, each once. Two are compared, or two egresses, or the two that a run has.

    `watch` gives collectors that take the events of a run as well.

    Raises:
        RunFolderError: a run cannot be read, is named twice, or has no such egress.
    """
    if len({run.path.resolve() for run in runs}) < len(runs):
        raise RunFolderError("a run is named twice")
    read = [_read(run, [] if watch is None else watch(run)) for run in runs]
    facts = [facts_of(reading) for reading, _ in read]
    comparison, why_not = _compared(facts, egresses)
    parts = [(reading, known, views) for (reading, views), known in zip(read, facts, strict=True)]
    return Report(
        comparison=comparison,
        no_comparison=why_not,
        runs=[_run_report(reading, known, seen) for reading, known, seen in parts],
    )


def _read(run: RecordedRun, watch: Sequence[EventCollector]) -> tuple[RunReading, _Views]:
    """Read a run once. What is needed for one answer alone is made into that answer, and let go."""
    timeline, drops, both_ends = Timeline(), DropTable(), BothEndsTable()
    reading = read_run(run, sessions=True, others=[timeline, drops, both_ends, *watch])
    figures = timeline.figures(reading.elapsed_ns)
    del timeline
    return reading, _Views(reading.explained, figures, drops, both_ends)


def _compared(
    facts: list[RunFacts], egresses: tuple[str, str] | None
) -> tuple[Comparison | None, str]:
    if egresses is not None:
        _check(facts, egresses)
        ours, theirs = (make_side(egress, facts, egress) for egress in egresses)
        return compare_sides(ours, theirs), ""
    try:
        if len(facts) == _TWO:
            ours, theirs = (make_side(one.name, [one], None) for one in facts)
            return compare_sides(ours, theirs), ""
        names = _egresses(facts[0]) if len(facts) == 1 else []
        if len(names) == _TWO:
            ours, theirs = (make_side(name, facts, name) for name in names)
            return compare_sides(ours, theirs), ""
    except RunFolderError as error:
        return None, escaped(str(error), _LONGEST)
    return None, ""


def _check(facts: list[RunFacts], egresses: tuple[str, str]) -> None:
    known = sorted({name for one in facts for name in _egresses(one)})
    for name in egresses:
        if name not in known:
            names = ", ".join(escaped(one, 40) for one in known[:10]) or "none"
            raise RunFolderError(f"--egress {escaped(name, 60)}: no such egress; there is {names}")
    if egresses[0] == egresses[1]:
        raise RunFolderError(f"--egress {escaped(egresses[0], 60)}: named on both sides")


def _egresses(facts: RunFacts) -> list[str]:
    return list(dict.fromkeys(cohort.egress for cohort in facts.tally.cohorts))


def _run_report(reading: RunReading, facts: RunFacts, views: _Views) -> RunReport:
    run, explained = reading.run, views.explained
    several = [one for one in facts.incidents if len(one.drops) > 1]
    views.drops.number_incidents(
        (drop.session, i) for i, one in enumerate(several, 1) for drop in one.drops
    )
    chains, more_chains = chain_cards(facts.tally)
    return RunReport(
        name=facts.name,
        anchor_us=None if run.anchor_unix_ns is None else run.anchor_unix_ns // 1000,
        summary=summary_of(reading),
        timeline=views.timeline,
        incidents=_incident_rows(facts.patterns),
        drops=views.drops.columns,
        ended=explained.drops,
        failed=explained.failures,
        both_ends=views.both_ends.figures(),
        survival=survival_curves(facts.sessions),
        quantiles=quantile_curves(reading.distributions),
        chains=chains,
        more_chains=more_chains,
        environment=list(_environment(run.manifest)),
    )


def _incident_rows(patterns: Patterns) -> list[IncidentRow]:
    """The largest, in the order of time; those that the summary shows have its words."""
    shown = zip(patterns.shown, patterns.incidents, strict=True)
    words = {id(incident): incident_in_words(figures) for incident, figures in shown}
    several = [one for one in patterns.causes.incidents if len(one.drops) > 1]
    rows = [
        IncidentRow(
            number,
            one.span.high // 1000,
            len(one.drops),
            words.get(id(one)) or f"{counted(len(one.drops), 'drop')} together",
        )
        for number, one in enumerate(several, 1)
    ]
    largest = sorted(rows, key=lambda row: -row.drops)[:_LARGEST_INCIDENTS]
    return sorted(largest, key=lambda row: row.number)


def _environment(manifest: Manifest | None) -> Iterator[Facts]:
    if manifest is None:
        return
    yield Facts(
        title="Run",
        lines=[
            ("stresser", escaped(manifest.stresser)),
            ("started", escaped(manifest.started_utc)),
            ("ended", escaped(manifest.ended_utc or "not recorded")),
            ("command", escaped(" ".join(manifest.command_line), _LONGEST)),
        ],
    )
    for title, table in (
        ("Versions", manifest.versions),
        ("Host", manifest.host),
        ("Could witness", manifest.capabilities),
        ("Sockets", manifest.socket_options),
        ("Kernel", manifest.kernel),
        ("Limits", manifest.limits),
        ("Scenario", manifest.scenario),
    ):
        lines = list(_flat(table))[:_MOST_FACTS]
        if lines:
            yield Facts(title=title, lines=lines)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested tables as dotted names, lists as numbered ones."""
    for key, value in table.items():
        name = f"{prefix}{escaped(str(key), 60)}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
            numbered = {str(i): one for i, one in enumerate(value)}
            yield from _flat(numbered, f"{name}.")
        else:
            yield name, escaped(_value(value), _LONGEST)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value[:_MOST_FACTS])
    return str(value)
