"""Incidents, timers and periods of one run as figures: what `summary.json` holds of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.patterns.causes import Causes, Incident, find_causes
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.incidents import (
    IncidentFigures,
    incident_figures,
    shown_incidents,
    stands_out,
)
from stresser.analysis.patterns.known_timeouts import MOST_MATCHES, consistent_with, how_it_showed
from stresser.analysis.patterns.periodicity import MOST_INCIDENTS, Period, find_period
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Drop, Lives
from stresser.model.cohort import Cohort
from stresser.model.units import escaped
from stresser.statistics.brackets import agreement
from stresser.statistics.concentration import GRAIN

_MOST_TIMERS = 20
_MOST_EGRESSES = 20
_LONGEST_NAME = 80


class KnownMatch(Struct, frozen=True, kw_only=True):
    """A documented default that lies in a timer's bracket."""

    name: str
    seconds: int
    source: str


class TimerFigures(Struct, frozen=True, kw_only=True):
    """One timer."""

    variables: list[str]
    """`idle`, `age`, `bytes`: several where the drops do not tell them apart."""
    low: int
    """Nanoseconds, or bytes: the timer lies above this (of the first variable)."""
    high: int
    """And not above this. With `low` 0 nothing shows how short it is."""
    tick_ns: int | None = None
    """How far apart its drops come, as of a box that looks only so often."""
    endpoint: str | None
    """None: all endpoints through this egress."""
    egress: str | None
    """None: all egresses to this endpoint."""
    activity: str | None
    """None: all activities."""
    drops: int
    """Drops that it explains."""
    of: int
    """All drops there."""
    witnesses: int
    """Of those it explains: how many at moments of their own."""
    survivors: int
    """Sessions that are known to have outlived it."""
    refuted: dict[str, int]
    """What would fit these drops as well, but for so many sessions that lived through it."""
    kinds: dict[str, int]
    chance: float
    """That a run without any timer shows one like it, at most."""
    consistent_with: list[KnownMatch]
    more_known: int
    """So many more documented defaults lie in the bracket."""


class PeriodFigures(Struct, frozen=True, kw_only=True):
    """Incidents that came back at a constant interval."""

    egress: str | None
    """None: of the whole run."""
    period_ns: int
    jitter_ns: int
    first_ns: int
    incidents: int
    teeth: int
    """How often it should have come between the first and the last."""
    chance: float


class Patterns(NamedTuple):
    """What the drops of a run have in common."""

    causes: Causes
    """All of the run's drops, sorted out."""
    shown: list[Incident]
    """Of its incidents those that `incidents` has the figures of, in the same order."""
    incidents: list[IncidentFigures]
    timers: list[TimerFigures]
    periods: list[PeriodFigures]
    total: int
    """All incidents, those of one drop as well."""
    of_several: int
    """Incidents of two or more drops."""
    by_cohort: Counter[Cohort]
    drops: int
    beyond: int
    """Endings that were not looked at, for there were too many."""


def find_patterns(lives: Lives, plan: PlanFacts, utc: Callable[[int], str]) -> Patterns:
    """Sort out the drops of a run. `lives` has been closed; `utc` writes a time of the run."""
    causes = find_causes(lives, plan)
    shown = shown_incidents(causes)
    return Patterns(
        causes=causes,
        shown=shown,
        incidents=[incident_figures(incident, lives, utc) for incident in shown],
        timers=[_timer_figures(timer, lives) for timer in causes.timers[:_MOST_TIMERS]],
        periods=find_periods(causes, lives),
        total=len(causes.incidents),
        of_several=sum(len(incident.drops) > 1 for incident in causes.incidents),
        by_cohort=causes.by_cohort(),
        drops=len(lives.drops),
        beyond=lives.beyond,
    )


def _timer_figures(timer: FoundTimer, lives: Lives) -> TimerFigures:
    drops = [lives.drops[number] for number in timer.drops]
    known = []
    if timer.variable is not Variable.BYTES:
        known = consistent_with(timer.variables, timer.bracket, _shown(drops))
    scope = timer.scope
    return TimerFigures(
        variables=[variable.value for variable in timer.variables],
        low=timer.bracket.low,
        high=timer.bracket.high,
        tick_ns=timer.tick_ns,
        endpoint=_name(scope.endpoint),
        egress=_name(scope.egress),
        activity=_name(scope.activity),
        drops=len(drops),
        of=sum(drop.cohort in scope.cohorts for drop in lives.drops),
        witnesses=timer.witnesses,
        survivors=timer.survivors,
        refuted={variable.value: count for variable, count in timer.refuted.items()},
        kinds=dict(Counter(drop.kind.value for drop in drops).most_common()),
        chance=timer.chance,
        consistent_with=[
            KnownMatch(name=one.name, seconds=one.seconds, source=one.source)
            for one in known[:MOST_MATCHES]
        ],
        more_known=len(known[MOST_MATCHES:]),
    )


def _name(name: str | None) -> str | None:
    return None if name is None else escaped(name, _LONGEST_NAME)


def _shown(drops: Sequence[Drop]) -> frozenset[str]:
    """How most of the drops showed, in the words of `known_timeouts`."""
    counts = Counter(how_it_showed(drop.kind, is_answer=drop.is_answer) for drop in drops)
    return frozenset(how for how, count in counts.items() if count > len(drops) // 4)


def find_periods(causes: Causes, lives: Lives) -> list[PeriodFigures]:
    """At which intervals incidents came back: in the whole run, else through one egress."""
    free = [incident for incident in causes.incidents if incident.timer is None]
    egresses = list(dict.fromkeys(place.cohort.egress for place in lives.places))[:_MOST_EGRESSES]
    searches = 2 * (1 + len(egresses))
    period = _period(free, lives, searches)
    if period is not None:
        return [_period_figures(period, None)]
    return [
        _period_figures(found, egress)
        for egress in egresses
        if len(egresses) > 1
        and (found := _period(list(_through(free, egress)), lives, searches)) is not None
    ]


def _through(incidents: Sequence[Incident], egress: str) -> Iterator[Incident]:
    for incident in incidents:
        if any(drop.cohort.egress == egress for drop in incident.drops):
            yield incident


def _period(incidents: Sequence[Incident], lives: Lives, searches: int) -> Period | None:
    """Of the incidents that chance does not explain; else of all."""
    large = [incident for incident in incidents if stands_out(incident)]
    for chosen in (large, incidents):
        spans = [incident.span for incident in chosen]
        if len(spans) <= MOST_INCIDENTS:
            found = find_period(spans, lives.now_ns, searches)
            if found is not None and not _is_our_own(found, chosen):
                return found
    return None


def _is_our_own(period: Period, incidents: Sequence[Incident]) -> bool:
    """Whether sessions that all live equally long, and come back, make the interval.

    A box that ends all sessions at its own times ends them at any age: as old as the interval,
    less the time that each took to come back. Where their ages agree as closely as the interval,
    nothing shows that it is not the age that ended them.
    """
    ages = [drop.age for incident in incidents for drop in incident.drops]
    agreed = agreement(ages)
    close = agreed is not None and agreed.width <= max(2 * period.jitter_ns, GRAIN)
    return close and agreed is not None and agreed.low <= period.period_ns


def _period_figures(period: Period, egress: str | None) -> PeriodFigures:
    return PeriodFigures(
        egress=_name(egress),
        period_ns=period.period_ns,
        jitter_ns=period.jitter_ns,
        first_ns=period.first_ns,
        incidents=period.came,
        teeth=period.teeth,
        chance=period.chance,
    )
