"""One recorded run, read once: each event and each histogram interval passes all collectors.

Everything that is said of a run (summary, comparison, report, bundle) is computed from this
account and reads nothing again. Memory is bounded as each collector bounds its own.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Protocol

from stresser.analysis.counts.cohort_sessions import CohortSessions
from stresser.analysis.counts.percentiles import Distributions
from stresser.analysis.counts.plan_facts import read_plan
from stresser.analysis.counts.rtt_blocks import RttBlocks
from stresser.analysis.counts.run_tally import LAST_ENDINGS, Tally
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnose import Diagnoses, diagnose
from stresser.analysis.diagnosis.failure_bursts import FailureBurst, failure_bursts
from stresser.analysis.diagnosis.run_evidence import RunEvidence
from stresser.analysis.patterns.pattern_figures import Patterns, find_patterns
from stresser.analysis.patterns.session_lives import Lives
from stresser.analysis.summary.idle_limits import SearchAnswers
from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent, RunResumed, SessionEnded, SessionOpened
from stresser.model.units import NS_PER_US, format_utc
from stresser.record.reader import RecordedRun

_MOST_ENDINGS = 10_000


class EventCollector(Protocol):
    """What takes each event of a run, in order."""

    def event(self, event: AnyEvent) -> None:
        """One event."""


class SessionsByCohort:
    """A collector of what counts cannot tell: when each session lived."""

    def __init__(self, tally: Tally) -> None:
        self.sessions: dict[Cohort, CohortSessions] = {}
        self._known = tally.cohorts

    def event(self, event: AnyEvent) -> None:
        """One event, after the tally has seen it."""
        if isinstance(event, RunResumed):
            for cohort in self.sessions.values():
                cohort.record_ends(event.since_ns)
        if not isinstance(event, SessionOpened | SessionEnded) or event.cohort not in self._known:
            return
        one = self.sessions.get(event.cohort)
        if one is None:
            one = self.sessions[event.cohort] = CohortSessions()
        if isinstance(event, SessionOpened):
            one.session_opened(event)
        else:
            one.session_ended(event)


class RunReading:
    """What was read of one run. Made by `read_run`."""

    def __init__(
        self, run: RecordedRun, last_endings: int = LAST_ENDINGS, *, sessions: bool = False
    ) -> None:
        self.run, self._has_sessions = run, sessions
        self.plan = read_plan(run.manifest.scenario if run.manifest else {})
        self.tally = Tally(min(last_endings, _MOST_ENDINGS))
        self.lives = Lives(self.plan)
        self.evidence = RunEvidence(self.tally.served)
        self.searched = SearchAnswers(self.plan)
        self.by_cohort = SessionsByCohort(self.tally)
        self.elapsed_ns = 0
        """From the run's beginning to its end, as far as is known."""

    @property
    def sessions(self) -> dict[Cohort, CohortSessions]:
        """When each session lived, by cohort; empty where it was not asked for."""
        return self.by_cohort.sessions

    @property
    def ran_ns(self) -> int:
        """How long the run ran: what is between its parts, where it was resumed, does not count."""
        return max(self.elapsed_ns - self.tally.gaps_ns, 0)

    @property
    def distributions(self) -> Distributions:
        """Durations by quantity and cohort.

        Raises:
            RunFolderError: their file cannot be read.
        """
        return self._durations[0]

    @property
    def rtt(self) -> RttBlocks:
        """Round-trip times by cohort and time; none where sessions were not asked for.

        Raises:
            RunFolderError: their file cannot be read.
        """
        return self._durations[1]

    @cached_property
    def _durations(self) -> tuple[Distributions, RttBlocks]:
        """Read when they are asked for: until drops are explained, lives need the memory."""
        rtt = RttBlocks(self.elapsed_ns)
        return self.run.histograms(rtt.add if self._has_sessions else None), rtt

    @cached_property
    def patterns(self) -> Patterns:
        """What the drops have in common."""
        return find_patterns(self.lives, self.plan, self.utc)

    @property
    def explained(self) -> Diagnoses:
        """What explains drops and failures, and which belongs to what."""
        return self._judged[0]

    @property
    def bursts(self) -> list[FailureBurst]:
        """Failed attempts that came together."""
        return self._judged[1]

    @cached_property
    def _judged(self) -> tuple[Diagnoses, list[FailureBurst]]:
        """Drops and failures beside all that lived; which is not needed any more then."""
        causes = self.patterns.causes
        case = CaseFile(
            plan=self.plan,
            lives=self.lives,
            causes=causes,
            evidence=self.evidence,
            chains=self.tally.served,
        )
        judged = diagnose(case, self.utc), failure_bursts(case, causes.incidents, self.utc)
        self.lives.let_go()
        self.evidence.let_go()
        return judged

    def utc(self, t_ns: int) -> str:
        """A time of the run as UTC."""
        anchor = self.run.anchor_unix_ns
        return "unknown" if anchor is None else format_utc(anchor + t_ns)


def read_run(
    run: RecordedRun,
    *,
    last_endings: int = LAST_ENDINGS,
    sessions: bool = False,
    others: Sequence[EventCollector] = (),
) -> RunReading:
    """Read a run in any state: running, complete, interrupted or crashed.

    `last_endings`: how many drops and failed attempts to keep one by one. `sessions`: keep when
    each session lived, and RTT by time. `others` take each event as well.

    Raises:
        RunFolderError: it cannot be read.
    """
    reading = RunReading(run, last_endings, sessions=sessions)
    own: list[EventCollector] = [reading.tally, reading.lives, reading.evidence, reading.searched]
    pass_on(run.events(), [*own, *([reading.by_cohort] if sessions else []), *others])
    reading.elapsed_ns = _elapsed_ns(run, reading.tally)
    reading.lives.close(reading.elapsed_ns)
    for one in reading.sessions.values():
        one.record_ends(reading.elapsed_ns)
    return reading


def pass_on(events: Iterable[AnyEvent], collectors: Sequence[EventCollector]) -> None:
    """Tell each collector each event once, in order."""
    told = [collector.event for collector in collectors]
    for event in events:
        for tell in told:
            tell(event)


def _elapsed_ns(run: RecordedRun, tally: Tally) -> int:
    """How long the run lasted: to the last event; without a last word, to its last sign of life.

    A night in which nothing happens has no events, and its session time counts all the same.
    """
    sign = None if tally.ended is not None else run.last_sign()
    if sign is None or run.anchor_unix_ns is None:
        return tally.now_ns
    try:
        alive = datetime.fromisoformat(sign.utc).timestamp()
    except (ValueError, OverflowError, OSError):
        return tally.now_ns
    return max(tally.now_ns, round(alive * 1e6) * NS_PER_US - run.anchor_unix_ns)
