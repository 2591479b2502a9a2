"""A run's incidents as a comparison takes them: which cohorts each touched, and its timer.

`causes.py` sorts the drops of a run out; here its clusters become incidents of named drops. A drop
that shares its moment with no other is an incident of one, and so is each that a timer made.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.patterns.causes import find_causes
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Drop, Lives
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator, Kind
from stresser.statistics.brackets import Bracket


class SideDrop(NamedTuple):
    """What a comparison needs of one drop."""

    cohort: Cohort
    session: int
    kind: Kind
    initiator: Initiator


class Timer(NamedTuple):
    """What made drops come when they came."""

    variables: tuple[Variable, ...]
    """The likeliest first; several where the drops do not tell them apart."""
    bracket: Bracket
    """Where it lies: nanoseconds, or bytes."""


class SideIncident(NamedTuple):
    """Drops of one run with one cause."""

    at_ns: int
    drops: tuple[SideDrop, ...]
    timer: Timer | None
    """None: no timer explains it."""


def incidents_of(lives: Lives, plan: PlanFacts) -> list[SideIncident]:
    """The incidents of a run, in the order of time. `lives` has been closed."""
    causes = find_causes(lives, plan)
    timers = [Timer(tuple(found.variables), found.bracket) for found in causes.timers]
    return [
        SideIncident(
            at_ns=cluster.span.high,
            drops=tuple(_drop(lives.drops[number], lives) for number in cluster.drops),
            timer=_timer(timers, cluster.timer),
        )
        for cluster in causes.clusters
    ]


def _drop(drop: Drop, lives: Lives) -> SideDrop:
    cohort = lives.places[drop.life.place].cohort
    return SideDrop(cohort, drop.session, drop.kind, drop.initiator)


def _timer(timers: Sequence[Timer], number: int | None) -> Timer | None:
    return None if number is None else timers[number]
