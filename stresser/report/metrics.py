"""The figures that `--metrics` serves, while a run goes on: what counts them, what a scrape reads.

Counting must not disturb the run. Events are counted by the live view's tally already; here a
sample costs 0.4 us more. A scrape copies the counters in the event loop, in little time; text is
made of the copy elsewhere (`exposition.py`).

The number of series is bounded: the first cohorts of the scenario have series of their own, the
others are counted together.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from stresser.analysis.counts.cohort_tally import OTHER, CohortTally, FailedBy
from stresser.analysis.counts.run_tally import Tally
from stresser.model.cohort import Cohort
from stresser.model.ending import Phase
from stresser.model.events import AnyEvent
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_US

MOST_COHORTS: Final = 50
"""So many have series of their own: some 130 each."""
OTHERS: Final = Cohort(OTHER, OTHER, OTHER)
"""All beyond them, counted together."""
BOUNDS_NS: Final = tuple(
    us * NS_PER_US
    for us in (
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
    )
)  # fmt: skip
"""Upper bounds of the histograms' buckets, nanoseconds; the last bucket has none."""
PHASES: Final = (
    Quantity.BEFORE, Quantity.RESOLVE, Quantity.CONNECT, Quantity.PROXY, Quantity.TLS,
    Quantity.UPGRADE, Quantity.OPEN,
)  # fmt: skip
_COUNTED = frozenset({*PHASES, Quantity.RTT, Quantity.LOOP_LAG})


class FixedBuckets:
    """Durations counted in the fixed buckets."""

    __slots__ = ("counts", "sum_ns")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_NS) + 1)
        self.sum_ns = 0

    def add(self, value_ns: int) -> None:
        """Count one; a bucket holds its upper bound."""
        self.counts[bisect_left(BOUNDS_NS, value_ns)] += 1
        self.sum_ns += value_ns

    def copy(self) -> "FixedBuckets":
        """The same counts, which later calls of `add` leave alone."""
        twin = FixedBuckets()
        twin.counts, twin.sum_ns = self.counts.copy(), self.sum_ns
        return twin


class CohortReading(NamedTuple):
    """Of one cohort, or of all beyond those with series of their own."""

    requested: int
    open: int
    attempts: int
    failures: int
    drops: int
    proved: int
    unproved: int
    planned: int
    by_host: int
    by_tool: int
    failures_by: Counter[FailedBy]
    drops_by: Counter[FailedBy]


class MetricsReading(NamedTuple):
    """All figures at one moment."""

    scenario: str
    run: str
    start_unix_ns: int
    cohorts: dict[Cohort, CohortReading]
    durations: dict[tuple[Quantity, Cohort | None], FixedBuckets]
    unfit_ns: int
    slept_ns: int


class Metrics:
    """An Observer that counts samples, beside the tally of the live view, which counts events."""

    def __init__(self, tally: Tally, scenario: str, run: str, start_unix_ns: int) -> None:
        self._tally = tally
        self._scenario = scenario
        self._run = run
        self._start_unix_ns = start_unix_ns
        self._by_sample: dict[tuple[Quantity, Cohort | None], FixedBuckets] = {}
        """Those of all cohorts without series of their own are the same."""
        self._shown: dict[tuple[Quantity, Cohort | None], FixedBuckets] = {}

    def event(self, event: AnyEvent) -> None:
        """The tally has it."""

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """Count a duration, if it is one that is served."""
        self.samples(quantity, cohort, (value_ns,))

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        """Count durations, if they are of those that are served. About 0.3 us each."""
        if quantity not in _COUNTED:
            return
        buckets = self._by_sample.get((quantity, cohort))
        if buckets is None:
            buckets = self._buckets_for(quantity, cohort)
        for value_ns in values_ns:
            buckets.add(value_ns)

    def _buckets_for(self, quantity: Quantity, cohort: Cohort | None) -> FixedBuckets:
        shown = quantity, None if cohort is None else self._shown_as(cohort)
        buckets = self._shown.setdefault(shown, FixedBuckets())
        self._by_sample[quantity, cohort] = buckets
        return buckets

    def _shown_as(self, cohort: Cohort) -> Cohort:
        started = self._tally.started
        own = [] if started is None else started.cohorts[:MOST_COHORTS]
        return cohort if cohort in own else OTHERS

    def reading(self) -> MetricsReading:
        """What is counted so far. For the event loop; a millisecond with many cohorts."""
        cohorts: dict[Cohort, CohortReading] = {}
        for cohort, figures in self._tally.cohorts.items():
            shown = cohort if len(cohorts) < MOST_COHORTS else OTHERS
            read = _read(figures)
            cohorts[shown] = _sum(cohorts[shown], read) if shown in cohorts else read
        return MetricsReading(
            scenario=self._scenario,
            run=self._run,
            start_unix_ns=self._start_unix_ns,
            cohorts=cohorts,
            durations={key: buckets.copy() for key, buckets in self._shown.items()},
            unfit_ns=self._tally.unfit_ns,
            slept_ns=self._tally.slept_ns,
        )


def _read(figures: CohortTally) -> CohortReading:
    drops_by: Counter[FailedBy] = Counter()
    for kind, group in figures.drop_groups.items():
        for initiator, count in group.initiators.items():
            drops_by[FailedBy(Phase.HELD, kind, initiator)] += count
    return CohortReading(
        requested=figures.requested,
        open=figures.open,
        attempts=figures.attempts,
        failures=figures.failed,
        drops=figures.drops,
        proved=figures.proved,
        unproved=figures.unproved,
        planned=figures.planned,
        by_host=figures.by_host,
        by_tool=figures.by_tool,
        failures_by=figures.failed_by.copy(),
        drops_by=drops_by,
    )


def _sum(one: CohortReading, other: CohortReading) -> CohortReading:
    both: Iterable[tuple[Any, Any]] = zip(one, other, strict=True)
    return CohortReading._make(mine + theirs for mine, theirs in both)
