"""One moment of a running run, taken in the event loop in little time, drawn elsewhere later."""

from collections.abc import Mapping
from typing import NamedTuple

from stresser.analysis.counts.cohort_tally import CohortTally
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.words.endings import counted, ended_by_tool
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from stresser.model.events import AttemptFailed, SessionEnded
from stresser.model.quantity import Quantity
from stresser.model.units import escaped, format_duration
from stresser.report.glimpse import Glimpse

SHOWN_QUANTITIES = (Quantity.CONNECT, Quantity.TLS, Quantity.UPGRADE, Quantity.RTT)
MOST_ROWS = 20
_MOST_ENDINGS = 6
_MOST_CHAINS = 3

Glimpses = Mapping[tuple[Quantity, Cohort | None], Glimpse]


class CohortRow(NamedTuple):
    """What the live view shows of one cohort, or of several that are summed up."""

    requested: int
    open: int
    attempts: int
    failed: int
    drops: int
    kinds: dict[Kind, int]
    glimpses: dict[Quantity, Glimpse]


class Snapshot(NamedTuple):
    """All that the live view shows."""

    scenario: str
    now_ns: int
    duration_ns: int | None
    total: CohortRow
    rows: dict[Cohort, CohortRow]
    rest: CohortRow | None
    """The cohorts for which there is no row, summed up."""
    rest_count: int
    endings: list[SessionEnded | AttemptFailed]
    """The latest unplanned ones, newest first."""
    warnings: list[str]
    news: list[str]
    """How far the run is, oldest first; nothing to worry about."""


def take_snapshot(
    tally: Tally,
    glimpses: Glimpses,
    *,
    scenario: str,
    now_ns: int,
    duration_ns: int | None,
    warnings: list[str],
    news: list[str],
    most_rows: int = MOST_ROWS,
) -> Snapshot:
    """Copy what is shown. Where there are too many cohorts, those with most drops get a row."""
    worst = sorted(tally.cohorts, key=lambda cohort: -tally.cohorts[cohort].drops)
    chosen = set(worst[:most_rows])
    rest = [tally.cohorts[cohort] for cohort in worst[most_rows:]]
    endings: list[SessionEnded | AttemptFailed] = [*tally.last_drops, *tally.last_failures]
    endings.sort(key=lambda event: -event.t_ns)
    return Snapshot(
        scenario=scenario,
        now_ns=now_ns,
        duration_ns=duration_ns,
        total=_sum(list(tally.cohorts.values())),
        rows={
            # In the scenario's order, so that rows keep their places.
            cohort: _row(cohort, figures, glimpses)
            for cohort, figures in tally.cohorts.items()
            if cohort in chosen
        },
        rest=_sum(rest) if rest else None,
        rest_count=len(rest),
        endings=endings[:_MOST_ENDINGS],
        warnings=[*warnings, *_observed(tally)],
        news=news,
    )


def _row(cohort: Cohort, figures: CohortTally, glimpses: Glimpses) -> CohortRow:
    found = {q: glimpses[q, cohort].copy() for q in SHOWN_QUANTITIES if (q, cohort) in glimpses}
    return _sum([figures])._replace(glimpses=found)


def _sum(tallies: list[CohortTally]) -> CohortRow:
    kinds: dict[Kind, int] = {}
    for figures in tallies:
        for kind, group in figures.drop_groups.items():
            kinds[kind] = kinds.get(kind, 0) + group.count
    return CohortRow(
        requested=sum(figures.requested for figures in tallies),
        open=sum(figures.open for figures in tallies),
        attempts=sum(figures.attempts for figures in tallies),
        failed=sum(figures.failed for figures in tallies),
        drops=sum(kinds.values()),
        kinds=kinds,
        glimpses={},
    )


def _observed(tally: Tally) -> list[str]:
    """What the events themselves warn of."""
    said = []
    unverified = sum(figures.unverified for figures in tally.cohorts.values())
    if unverified:
        handshakes = sum(figures.handshakes for figures in tally.cohorts.values())
        bad = [chain for chain in tally.chains.values() if not chain.verified][:_MOST_CHAINS]
        problems = "; ".join(dict.fromkeys(escaped(chain.problem or "", 80) for chain in bad))
        said.append(
            f"{unverified:,} of {handshakes:,} TLS handshakes served a chain that does not verify"
            + (f": {problems}" if problems else "")
        )
    if tally.late:
        worst = format_duration(tally.latest_ns)
        said.append(f"stresser itself was late {counted(tally.late, 'time')}, by {worst} at worst")
    if tally.sleeps:
        slept = format_duration(tally.slept_ns)
        said.append(f"this host slept {counted(tally.sleeps, 'time')}, {slept} in all")
    by_tool = sum(figures.by_tool for figures in tally.cohorts.values())
    said += ended_by_tool(by_tool, tally.workers_ended, tally.lost_with_workers)
    return said
