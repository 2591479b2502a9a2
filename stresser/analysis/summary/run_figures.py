"""The figures of one run: what its answer is derived from, and is written to `summary.json`."""

from msgspec import Struct

from stresser.analysis.counts.far_tally import BothEndsFigures
from stresser.analysis.counts.percentiles import Percentiles
from stresser.analysis.diagnosis.diagnosis import Diagnosis
from stresser.analysis.diagnosis.failure_bursts import FailureBurst
from stresser.analysis.patterns.incidents import IncidentFigures
from stresser.analysis.patterns.pattern_figures import PeriodFigures, TimerFigures
from stresser.analysis.summary.cohort_figures import CohortFigures, LastEnding
from stresser.analysis.summary.idle_limits import LimitFigures
from stresser.model.verdict import ThresholdResult, Verdict

SCHEMA_VERSION = 1


class RunFigures(Struct, frozen=True, kw_only=True):
    """A run's figures. Times end in `_ns`; everything else is a count, a share or a sentence."""

    schema: int = SCHEMA_VERSION
    scenario: str
    status: str
    """`running`, `complete`, `interrupted` or `crashed`."""
    started_utc: str
    crashed_at_utc: str | None
    """Last sign of life of a run whose process is gone."""
    end_reason: str | None
    """Why the run ended, in words; None when it has not, or crashed."""
    elapsed_ns: int
    """How long the run lasted, as far as is known, without the gaps of one that was resumed."""
    resumptions: int = 0
    """How often it went on after its process had ended."""
    gaps_ns: int = 0
    """For how long it did not run in between; nothing was held then."""
    longest_held_ns: int = 0
    """The longest that a session is known to have been open: of limits beyond, nothing is known."""
    duration_ns: int | None
    """As the scenario asks; None: until stopped."""
    verdict: Verdict
    doubts: list[str]
    """Why a pass cannot be trusted."""
    thresholds: list[ThresholdResult]
    diagnoses: list[Diagnosis]
    """What explains the drops and failures, the weightiest first."""
    limits: list[LimitFigures] = []
    """What a search for limits found, or survived."""
    both_ends: list[BothEndsFigures] = []
    """By egress, where reflectors gave an account."""
    near_limits: list[str] = []
    """Where the run came near what its machine was measured to do, in sentences."""
    findings: list[str]
    notes: list[str]
    total: CohortFigures
    cohorts: list[CohortFigures]
    loop_lag: Percentiles | None
    """How late stresser's own event loop was."""
    incidents: list[IncidentFigures]
    """Of several drops, and more than chance explains; at most fifty, the largest."""
    failure_bursts: list[FailureBurst] = []
    """Failed attempts that came together; at most fifty, the largest."""
    timers: list[TimerFigures]
    """At which age, silence or number of bytes sessions were ended, most drops first."""
    periods: list[PeriodFigures]
    """Intervals at which incidents came back."""
    last_endings: list[LastEnding]
    """The latest unplanned endings of sessions, newest last."""
    last_failures: list[LastEnding]
    """The latest failed attempts, newest last."""
