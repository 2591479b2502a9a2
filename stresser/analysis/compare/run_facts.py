"""What a comparison needs of one recorded run: sessions, incidents, RTT by time."""

from msgspec import Struct

from stresser.analysis.counts.cohort_sessions import CohortSessions
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.patterns.causes import Incident
from stresser.analysis.patterns.pattern_figures import Patterns
from stresser.analysis.summary.answer import Answer
from stresser.analysis.summary.run_reading import RunReading, read_run
from stresser.analysis.summary.summary import summary_of
from stresser.analysis.summary.thresholds import Measured, doubts_about_tester
from stresser.analysis.words.endings import counted
from stresser.model.cohort import Cohort
from stresser.model.units import escaped
from stresser.record.reader import RecordedRun, RunStatus
from stresser.statistics.merged_counts import PackedCounts

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
    """From its beginning to its end."""
    ran_ns: int
    """The same without the gaps of a run that was resumed."""
    anchor_unix_ns: int | None
    """When it began; None where nothing tells."""
    rtt: dict[Cohort, dict[int, PackedCounts]]
    """By cohort, then by block of the run's time."""
    unfit: list[str]
    """Why its figures are in doubt, a sentence each."""
    status: RunStatus
    answer: Answer | None = None
    """What the run itself says, where that was asked for."""

    @property
    def incidents(self) -> list[Incident]:
        """All of its drops by their causes, in the order of time."""
        return self.patterns.causes.incidents


def read_run_facts(run: RecordedRun, *, has_answer: bool = False) -> RunFacts:
    """Read a run for a comparison, once; with its own answer or without.

    Raises:
        RunFolderError: it cannot be read.
    """
    reading = read_run(run, sessions=True)
    return facts_of(reading, summary_of(reading).answer if has_answer else None)


def facts_of(reading: RunReading, answer: Answer | None = None) -> RunFacts:
    """What a comparison needs of a run that was read with its sessions."""
    tally, lives, patterns = reading.tally, reading.lives, reading.patterns
    rtt = reading.rtt
    left_out = tally.uncounted_events + lives.beyond
    left_out += sum(one.left_out for one in reading.sessions.values())
    measured = Measured(tally=tally, now_ns=reading.elapsed_ns, distributions=reading.distributions)
    return RunFacts(
        name=escaped(reading.run.path.name, 120),
        tally=tally,
        sessions=reading.sessions,
        patterns=patterns,
        elapsed_ns=reading.elapsed_ns,
        ran_ns=reading.ran_ns,
        anchor_unix_ns=reading.run.anchor_unix_ns,
        rtt=rtt.by_cohort,
        unfit=[
            *doubts_about_tester(measured),
            *(escaped(sentence, _LONGEST) for sentence in reading.run.damage),
            *([f"{counted(left_out, 'event')} could not be used"] if left_out else []),
            *(["too many round-trip times to keep them all"] if rtt.refused else []),
        ],
        status=reading.run.status,
        answer=answer,
    )
