"""The two sides of a comparison: which cohorts of which runs, and what they add up to.

Only what both sides held is compared: the same endpoint with the same activity. What one of them
alone held is left out and said.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stresser.analysis.compare.run_facts import RunFacts
from stresser.analysis.counts.cohort_sessions import CohortSessions, session_time_until
from stresser.analysis.counts.cohort_tally import NS_PER_HOUR, CohortTally
from stresser.analysis.counts.rtt_blocks import BLOCKS
from stresser.analysis.patterns.causes import Incident
from stresser.analysis.patterns.some_drops import some_drops
from stresser.model.cohort import Cohort
from stresser.model.units import escaped
from stresser.statistics.numerics import np


class Held(NamedTuple):
    """What two cohorts must share to be compared."""

    endpoint: str
    activity: str


class Part(NamedTuple):
    """Some cohorts of one run."""

    facts: RunFacts
    cohorts: tuple[Cohort, ...]

    @property
    def sessions(self) -> list[CohortSessions]:
        """Of those cohorts that opened a session."""
        return [self.facts.sessions[c] for c in self.cohorts if c in self.facts.sessions]


class Block(NamedTuple):
    """A stretch of one run's time."""

    incidents: int
    session_hours: float


class Side:
    """One side, made of one or several runs."""

    def __init__(self, label: str, parts: Sequence[Part]) -> None:
        self.label = label
        self.parts = list(parts)
        self.tally = CohortTally()
        for part in self.parts:
            for cohort in part.cohorts:
                self.tally.merge(part.facts.tally.cohorts[cohort])

    @property
    def sessions(self) -> list[CohortSessions]:
        """Of all its cohorts."""
        return [one for part in self.parts for one in part.sessions]

    @property
    def drops(self) -> int:
        """How many."""
        return sum(one.drops for one in self.sessions)

    @property
    def session_hours(self) -> float:
        """Hours that all sessions together were held."""
        return sum(_session_hours(part, (part.facts.elapsed_ns,))[0] for part in self.parts)

    @property
    def clock_hours(self) -> float:
        """Hours that its runs lasted, one after the other."""
        return sum(part.facts.ran_ns for part in self.parts) / NS_PER_HOUR

    @property
    def held(self) -> frozenset[Held]:
        """What it held."""
        return frozenset(_held(cohort) for part in self.parts for cohort in part.cohorts)

    @property
    def egresses(self) -> list[str]:
        """Names of the egresses, in order."""
        return sorted({cohort.egress for part in self.parts for cohort in part.cohorts})

    def of(self, held: Iterable[Held]) -> "Side":
        """The same side with these alone."""
        chosen = frozenset(held)
        return Side(
            self.label,
            [
                Part(part.facts, tuple(c for c in part.cohorts if _held(c) in chosen))
                for part in self.parts
            ],
        )

    def incidents(self) -> dict[tuple[int, int], Incident]:
        """Each incident that touched this side, with its drops here, by run and number."""
        touched: dict[tuple[int, int], Incident] = {}
        for part in self.parts:
            cohorts = frozenset(part.cohorts)
            for number, incident in enumerate(part.facts.incidents):
                ours = some_drops(drop for drop in incident.drops if drop.cohort in cohorts)
                if ours:
                    touched[id(part.facts), number] = incident._replace(drops=ours)
        return touched

    def blocks(self, most: int) -> list[Block]:
        """Its runs cut into stretches of equal length, about `most` in all, one a run at least."""
        each = max(min(most // max(len(self.parts), 1), BLOCKS), 1)
        return [block for part in self.parts for block in _blocks(part, each)]

    def counter(self, name: str) -> Counter[str]:
        """One of the `Counter`s of its sessions, added up."""
        total: Counter[str] = Counter()
        for one in self.sessions:
            total.update(getattr(one, name))
        return total


def make_side(label: str, runs: Sequence[RunFacts], egress: str | None) -> Side:
    """All cohorts of these runs, or those through one egress."""
    return Side(
        escaped(label, 120),
        [
            Part(
                facts,
                tuple(
                    cohort
                    for cohort in facts.tally.cohorts
                    if egress is None or cohort.egress == egress
                ),
            )
            for facts in runs
        ],
    )


def _held(cohort: Cohort) -> Held:
    return Held(cohort.endpoint, cohort.activity)


def _session_hours(part: Part, moments_ns: Sequence[float]) -> list[float]:

    held = session_time_until(part.sessions, np.asarray(moments_ns, dtype=float))
    return [float(ns) / NS_PER_HOUR for ns in held]


def _blocks(part: Part, number: int) -> list[Block]:
    length = part.facts.elapsed_ns / number
    until = _session_hours(part, [length * (place + 1) for place in range(number)])
    hours = [after - before for after, before in zip(until, [0.0, *until], strict=False)]
    incidents = [0] * number
    cohorts = frozenset(part.cohorts)
    for incident in part.facts.incidents:
        if any(drop.cohort in cohorts for drop in incident.drops):
            incidents[min(int(incident.span.high / max(length, 1)), number - 1)] += 1
    return [Block(n, max(h, 0.0)) for n, h in zip(incidents, hours, strict=True)]
