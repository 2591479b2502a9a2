"""What a comparison needs of one recorded run, read once: sessions, incidents, RTT by time.

Events pass through a `Tally` for counts and through `CohortSessions` for what counts cannot tell.
Pure but for the reading; memory is bounded as both are.
"""

from collections.abc import Iterable
from functools import partial

from msgspec import Struct

from stresser.analysis.counts.cohort_sessions import CohortSessions
from stresser.analysis.counts.percentiles import Distributions
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.patterns.causes import Incident
from stresser.analysis.patterns.pattern_figures import Patterns, find_patterns
from stresser.analysis.patterns.session_lives import Lives
from stresser.analysis.summary.summary import elapsed_time_ns, utc_of
from stresser.analysis.summary.thresholds import Measured, doubts_about_tester
from stresser.analysis.words.endings import counted
from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent, SessionEnded, SessionOpened
from stresser.model.quantity import Quantity
from stresser.model.units import escaped
from stresser.record.histogram_log import LoggedInterval
from stresser.record.reader import RecordedRun, RunStatus
from stresser.statistics.duration_counts import Distribution, SparseCounts

BLOCKS = 48
"""Into how many parts of equal length a run is cut where its course over time matters."""
_MOST_BUCKETS = 2_000_000
_LONGEST = 300


class RunFacts(Struct, frozen=True, kw_only=True):
    """One run as one side of a comparison, or both, see it."""

    name: str
    """Of its folder, escaped."""
    tally: Tally
    sessions: dict[Cohort, CohortSessions]
    patterns: Patterns
    """What its drops have in common."""
    elapsed_ns: int
    anchor_unix_ns: int | None
    """When it began; None where nothing tells."""
    rtt: dict[Cohort, dict[int, SparseCounts]]
    """By cohort, then by block of the run's time."""
    unfit: list[str]
    """Why its figures are in doubt, a sentence each."""
    status: RunStatus
    distributions: Distributions | None = None
    """The whole run's histograms, where they were asked for."""

    @property
    def incidents(self) -> list[Incident]:
        """All of its drops by their causes, in the order of time."""
        return self.patterns.causes.incidents

    @property
    def block_ns(self) -> int:
        """The length of one block."""
        return max(self.elapsed_ns // BLOCKS, 1)


def read_run_facts(run: RecordedRun, *, keep_distributions: bool = False) -> RunFacts:
    """Read a run for a comparison; for a report its histograms are kept as well.

    Raises:
        RunFolderError: it cannot be read.
    """
    events = run.events()
    plan = read_plan(run.manifest.scenario if run.manifest else {})
    lives = Lives(plan)
    tally, sessions = gather(lives.watch(events))
    elapsed_ns = elapsed_time_ns(run, tally)
    for one in sessions.values():
        one.record_ends(elapsed_ns)
    lives.close(elapsed_ns)
    intervals = _Intervals(max(elapsed_ns // BLOCKS, 1))
    distributions = run.histograms(intervals.add) if keep_distributions else None
    if distributions is None:
        intervals.read(run)
    left_out = tally.uncounted_events + lives.beyond
    left_out += sum(one.left_out for one in sessions.values())
    return RunFacts(
        name=escaped(run.path.name, 120),
        tally=tally,
        sessions=sessions,
        patterns=find_patterns(lives, plan, partial(utc_of, run)),
        elapsed_ns=elapsed_ns,
        anchor_unix_ns=run.anchor_unix_ns,
        rtt=intervals.rtt,
        unfit=[
            *doubts_about_tester(
                Measured(tally=tally, now_ns=elapsed_ns, distributions=intervals.loop_lag())
            ),
            *(escaped(sentence, _LONGEST) for sentence in run.damage),
            *([f"{counted(left_out, 'event')} could not be used"] if left_out else []),
            *(["too many round-trip times to keep them all"] if intervals.refused else []),
        ],
        status=run.status,
        distributions=distributions,
    )


def gather(events: Iterable[AnyEvent]) -> tuple[Tally, dict[Cohort, CohortSessions]]:
    """Counts and sessions of a run's events; sessions that are open at their end stay open."""
    tally, sessions = Tally(), dict[Cohort, CohortSessions]()
    for event in events:
        tally.event(event)
        _add_session(event, tally, sessions)
    return tally, sessions


def _add_session(event: AnyEvent, tally: Tally, sessions: dict[Cohort, CohortSessions]) -> None:
    if not isinstance(event, SessionOpened | SessionEnded) or event.cohort not in tally.cohorts:
        return
    one = sessions.get(event.cohort)
    if one is None:
        one = sessions[event.cohort] = CohortSessions()
    if isinstance(event, SessionOpened):
        one.session_opened(event)
    else:
        one.session_ended(event)


class _Intervals:
    """The histogram log: RTT by cohort and block, loop lag of the whole run."""

    def __init__(self, block_ns: int) -> None:
        self.rtt: dict[Cohort, dict[int, SparseCounts]] = {}
        self.refused = 0
        self._lag = SparseCounts()
        self._buckets = 0
        self._block_ns = block_ns

    def read(self, run: RecordedRun) -> None:
        for interval in run.intervals():
            self.add(interval)

    def add(self, interval: LoggedInterval) -> None:
        quantity, cohort = interval.key
        if quantity is Quantity.LOOP_LAG and cohort is None:
            self._lag.merge(interval.counts)
        elif quantity is Quantity.RTT and cohort is not None:
            self._add(cohort, interval.start_ns // self._block_ns, interval.counts)

    def _add(self, cohort: Cohort, block: int, counts: SparseCounts) -> None:
        if self._buckets + len(counts) > _MOST_BUCKETS:
            self.refused += 1
            return
        blocks = self.rtt.setdefault(cohort, {})
        into = blocks.setdefault(min(block, BLOCKS - 1), SparseCounts())
        before = len(into)
        into.merge(counts)
        self._buckets += len(into) - before

    def loop_lag(self) -> dict[tuple[Quantity, Cohort | None], Distribution]:
        return {(Quantity.LOOP_LAG, None): self._lag.distribution()}
