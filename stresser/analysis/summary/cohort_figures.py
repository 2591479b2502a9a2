"""The figures of one cohort, and of one ending, as `summary.json` holds them."""

from msgspec import Struct

from stresser.analysis.counts.cohort_tally import CohortTally
from stresser.analysis.counts.percentiles import Percentiles
from stresser.analysis.words.endings import ending_in_words
from stresser.model.cohort import Cohort
from stresser.model.events import AttemptFailed, SessionEnded
from stresser.model.units import escaped
from stresser.statistics.sample_range import SampleRange

_LONGEST_NAME = 128
_LONGEST_RAW = 300


class SpanFigures(Struct, frozen=True, kw_only=True):
    """Where durations lie, in nanoseconds."""

    count: int
    min_ns: int
    p50_ns: int
    max_ns: int


class DropFigures(Struct, frozen=True, kw_only=True):
    """The drops of one kind."""

    kind: str
    count: int
    initiators: dict[str, int]
    codes: dict[str, int]
    """WebSocket close codes or TLS alert numbers."""
    age: SpanFigures | None
    """From the opening to the first proof of the end."""
    idle: SpanFigures | None
    """From the last byte in either direction to the first proof of the end."""
    bracket: SpanFigures | None
    """From the last proof of life to the first proof of the end."""


class FailureFigures(Struct, frozen=True, kw_only=True):
    """Failed attempts that have phase, kind and failure in common."""

    phase: str
    kind: str
    failure: str
    count: int


class CohortFigures(Struct, frozen=True, kw_only=True):
    """One cohort, or all of them together (then without names)."""

    endpoint: str | None
    egress: str | None
    activity: str | None
    requested: int
    attempts: int
    attempts_failed: int
    attempts_cut: int
    """Cut short by the end of the run: in no other figure."""
    sessions: int
    """Sessions that opened."""
    cut_off: int = 0
    """Of `sessions`: open when the run's process ended, and the run was resumed: no ending."""
    sessions_open: int
    """Open, or ended by the end of the run."""
    peak_open: int
    session_time_ns: int
    open_ratio: float | None
    drops: int
    drops_per_session_hour: float | None
    incidents: int
    """Drops that share a moment are one; one that struck several cohorts counts in each."""
    drop_kinds: list[DropFigures]
    ended_by_host: int
    ended_by_tool: int
    planned: int
    replaced: int
    """Of `planned`: closed while the run went on, to prove that they lived."""
    proved: int
    """Of `planned`: something from the other end proved that they lived."""
    unproved: int
    """Of `planned`: nothing does."""
    failures: list[FailureFigures]
    recovery: SpanFigures | None
    handshakes: int
    unverified: int
    intercepted: int | None
    """Handshakes that a box on the path answered; None: no chain was judged."""
    percentiles: dict[str, Percentiles]
    """By quantity."""


class LastEnding(Struct, frozen=True, kw_only=True):
    """One unplanned ending, in words."""

    utc: str
    t_ns: int
    session: int | None
    """None: an attempt that failed."""
    attempt: int
    endpoint: str
    egress: str
    activity: str
    kind: str
    words: str
    raw: str | None
    """The untranslated error, cut and escaped."""


def cohort_figures(
    cohort: Cohort | None,
    tally: CohortTally,
    now_ns: int,
    percentiles: dict[str, Percentiles],
    incidents: int,
) -> CohortFigures:
    """A cohort's tally as figures; `cohort` None stands for all of them together."""
    endpoint, egress, activity = (
        (escaped(name, _LONGEST_NAME) for name in cohort) if cohort else (None, None, None)
    )
    return CohortFigures(
        endpoint=endpoint,
        egress=egress,
        activity=activity,
        requested=tally.requested,
        attempts=tally.attempts,
        attempts_failed=tally.failed,
        attempts_cut=tally.cut_attempts,
        sessions=tally.opened,
        cut_off=tally.cut_off,
        sessions_open=tally.sessions_open,
        peak_open=tally.peak_open,
        session_time_ns=tally.session_time_ns(now_ns),
        open_ratio=tally.open_ratio(now_ns),
        drops=tally.drops,
        drops_per_session_hour=tally.drops_per_session_hour(now_ns),
        incidents=incidents,
        drop_kinds=_drop_figures(tally),
        ended_by_host=tally.by_host,
        ended_by_tool=tally.by_tool,
        planned=tally.planned,
        replaced=tally.replaced,
        proved=tally.proved,
        unproved=tally.unproved,
        failures=_failure_figures(tally),
        recovery=span_figures(tally.recovery),
        handshakes=tally.handshakes,
        unverified=tally.unverified,
        intercepted=tally.intercepted if tally.judged else None,
        percentiles=percentiles,
    )


def span_figures(span: SampleRange) -> SpanFigures | None:
    """The figures of a span; None when nothing was counted."""
    if not span.count:
        return None
    return SpanFigures(
        count=span.count,
        min_ns=span.least,
        p50_ns=span.quantile(0.5),
        max_ns=span.largest,
    )


def last_ending(event: SessionEnded | AttemptFailed) -> LastEnding:
    """One ending, with all that a peer or a file may have put into it cut and escaped."""
    return LastEnding(
        utc=escaped(event.utc, 40),
        t_ns=event.t_ns,
        session=event.session if isinstance(event, SessionEnded) else None,
        attempt=event.attempt,
        endpoint=escaped(event.endpoint, _LONGEST_NAME),
        egress=escaped(event.egress, _LONGEST_NAME),
        activity=escaped(event.activity, _LONGEST_NAME),
        kind=event.ending.kind,
        words=ending_in_words(event.ending),
        raw=None if event.ending.raw is None else escaped(event.ending.raw, _LONGEST_RAW),
    )


def _drop_figures(tally: CohortTally) -> list[DropFigures]:
    return [
        DropFigures(
            kind=kind,
            count=group.count,
            initiators={who.value: count for who, count in group.initiators.most_common()},
            codes={escaped(code, 20): count for code, count in group.codes.most_common()},
            age=span_figures(group.age),
            idle=span_figures(group.idle),
            bracket=span_figures(group.bracket),
        )
        for kind, group in sorted(tally.drop_groups.items(), key=lambda item: -item[1].count)
    ]


def _failure_figures(tally: CohortTally) -> list[FailureFigures]:
    return [
        FailureFigures(
            phase=key.phase,
            kind=key.kind,
            failure=escaped(key.failure, 80),
            count=count,
        )
        for key, count in tally.failures.most_common()
    ]
