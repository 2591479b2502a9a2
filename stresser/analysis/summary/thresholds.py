"""Each threshold of the scenario against what a run measured, and the run's verdict.

A rule without samples is inconclusive, never passed. Where stresser itself or its record is in
doubt, a pass becomes inconclusive and the doubt is said; a fail stays a fail.
"""

from collections.abc import Mapping

from msgspec import Struct

from stresser.analysis.counts.cohort_tally import CohortTally
from stresser.analysis.counts.percentiles import Distributions, joined, statistic_of
from stresser.analysis.counts.run_tally import Tally
from stresser.analysis.words.endings import counted, ended_by_tool
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_MS, NS_PER_S, escaped, format_duration
from stresser.model.verdict import ThresholdResult, Verdict
from stresser.scenario.threshold import Metric, Threshold, Unit, parse_threshold

LATE_P99_NS = 100 * NS_PER_MS
"""Loop lag at p99 from which a run's own times are in doubt."""
UNFIT_SHARE = 0.01
"""Of a run. Nothing is judged in those windows, so a rate of drops may be wrong by as much."""
UNFIT_NS = 30 * NS_PER_S
"""In all, however long the run was: twice the default heartbeat, in which a session may have
died and been replaced unseen."""
_LONGEST_RULE = 200
_SEVERITY = list(Verdict)


class Measured(Struct, frozen=True, kw_only=True):
    """All that rules are held against."""

    tally: Tally
    now_ns: int
    """How long the run lasted, as far as is known."""
    distributions: Distributions


class NotMeasured(Exception):
    """Why a rule has no value."""


def judge_thresholds(
    rules: Mapping[str, str], measured: Measured, doubts: list[str]
) -> list[ThresholdResult]:
    """The answer to each rule, in the scenario's order."""
    return [_judge_one(key, rule, measured, doubts) for key, rule in rules.items()]


def verdict_of(results: list[ThresholdResult], tally: Tally, doubts: list[str]) -> Verdict:
    """The worst answer, `none` without thresholds.

    Inconclusive at best when no session opened or anything is in doubt.
    """
    verdicts = [result.verdict for result in results]
    has_sessions = any(figures.opened for figures in tally.cohorts.values())
    if doubts or not has_sessions:
        verdicts.append(Verdict.INCONCLUSIVE)
    return max(verdicts, key=_SEVERITY.index, default=Verdict.NONE)


def doubts_about_tester(measured: Measured) -> list[str]:
    """Why this run's good news cannot be trusted, one sentence each."""
    doubts = []
    lag = measured.distributions.get((Quantity.LOOP_LAG, None))
    if lag is not None and lag.count and lag.quantile(0.99) > LATE_P99_NS:
        p99, limit = format_duration(lag.quantile(0.99)), format_duration(LATE_P99_NS)
        doubts.append(f"stresser itself was late: loop lag p99 is {p99}, over {limit}")
    unfit = measured.tally.unfit_ns
    if unfit > UNFIT_NS or unfit > UNFIT_SHARE * measured.now_ns:
        total = format_duration(unfit)
        doubts.append(f"stresser was too late to judge sessions for {total} in all")
    by_tool = sum(figures.by_tool for figures in measured.tally.cohorts.values())
    doubts += ended_by_tool(by_tool, measured.tally.workers_ended, measured.tally.lost_with_workers)
    if measured.tally.sleeps:
        slept = format_duration(measured.tally.slept_ns)
        doubts.append(f"this host slept {counted(measured.tally.sleeps, 'time')}, {slept} in all")
    ended = measured.tally.ended
    if ended is not None and ended.unrecorded_samples:
        # Unrecorded events are told by the record itself (`RecordedRun.damage`).
        doubts.append(f"{counted(ended.unrecorded_samples, 'sample')} could not be recorded")
    return doubts


def _judge_one(key: str, rule: str, measured: Measured, doubts: list[str]) -> ThresholdResult:
    try:
        threshold = parse_threshold(key, rule)
        value = _value(threshold, measured)
    except (ValueError, NotMeasured) as why:
        return ThresholdResult(
            rule=escaped(f"{key} {rule}", _LONGEST_RULE),
            verdict=Verdict.INCONCLUSIVE,
            value=None,
            shown=str(why),
        )
    shown = _shown(value, threshold.unit)
    verdict = Verdict.PASS if threshold.holds(value) else Verdict.FAIL
    reservations = [*doubts, *_unproved(threshold, measured)]
    if verdict is Verdict.PASS and reservations:
        verdict, shown = Verdict.INCONCLUSIVE, f"{shown}, but {reservations[0]}"
    return ThresholdResult(rule=str(threshold), verdict=verdict, value=value, shown=shown)


def _unproved(threshold: Threshold, measured: Measured) -> list[str]:
    """Of a rule that counts drops: sessions that may have been dead unseen."""
    if threshold.metric not in {Metric.DROPS, Metric.DROPS_PER_SESSION_HOUR}:
        return []
    unproved = _chosen(threshold, measured).unproved
    return [f"{counted(unproved, 'session')} not proved to have lived"] if unproved else []


def _value(threshold: Threshold, measured: Measured) -> float:
    if threshold.quantity is not None and threshold.statistic is not None:
        chosen = joined(
            distribution
            for (quantity, cohort), distribution in measured.distributions.items()
            if quantity is threshold.quantity
            and (not threshold.labels or (cohort is not None and threshold.covers(cohort)))
        )
        if not chosen.count:
            raise NotMeasured(_nothing_chosen(threshold, measured) or "no samples")
        return statistic_of(chosen, threshold.statistic)
    return _metric_value(threshold, _chosen(threshold, measured), measured.now_ns)


def _nothing_chosen(threshold: Threshold, measured: Measured) -> str | None:
    if any(threshold.covers(cohort) for cohort in measured.tally.cohorts):
        return None
    return "no cohort of this run has these labels" if threshold.labels else "the run has no cohort"


def _chosen(threshold: Threshold, measured: Measured) -> CohortTally:
    if (nothing := _nothing_chosen(threshold, measured)) is not None:
        raise NotMeasured(nothing)
    chosen = CohortTally()
    for cohort, figures in measured.tally.cohorts.items():
        if threshold.covers(cohort):
            chosen.merge(figures)
    return chosen


def _metric_value(threshold: Threshold, figures: CohortTally, now_ns: int) -> float:
    metric = threshold.metric
    if metric is Metric.INTERCEPTED:
        return _intercepted(figures)
    if metric is Metric.UNVERIFIED:
        return _of(figures.unverified, figures.handshakes, "no TLS handshake was completed")
    if metric in {Metric.DROPS, Metric.DROPS_PER_SESSION_HOUR}:
        return _drops(threshold, figures, now_ns)
    if not figures.attempts:
        raise NotMeasured("no attempt came to an end")
    values: dict[Metric | None, float | None] = {
        Metric.ATTEMPTS: figures.attempts,
        Metric.ATTEMPTS_FAILED: figures.failed,
        Metric.FAILURE_RATIO: figures.failed / figures.attempts,
        Metric.SESSIONS: figures.opened,
        Metric.SESSIONS_OPEN: figures.sessions_open,
        Metric.OPEN_RATIO: figures.open_ratio(now_ns),
    }
    value = values[metric]
    if value is None:
        raise NotMeasured("the run does not say how many sessions were requested")
    return value


def _intercepted(figures: CohortTally) -> int:
    """What is known to be intercepted counts; that nothing is takes a verdict on every chain."""
    if not figures.judged:
        raise NotMeasured("no certificate chain was judged")
    unjudged = figures.handshakes - figures.judged
    if unjudged and not figures.intercepted:
        raise NotMeasured(f"of {counted(unjudged, 'handshake')} the chain was not judged")
    if figures.undecided and not figures.intercepted:
        raise NotMeasured(
            f"{counted(figures.undecided, 'chain')} of a root that the scenario does not declare:"
            " the endpoint's or an interceptor's; declare the endpoint's own with ca"
        )
    return figures.intercepted


def _drops(threshold: Threshold, figures: CohortTally, now_ns: int) -> float:
    if not figures.opened:
        raise NotMeasured("no session opened")
    if threshold.metric is Metric.DROPS_PER_SESSION_HOUR:
        rate = figures.drops_per_session_hour(now_ns)
        if rate is None:
            raise NotMeasured("no session time was held")
        return rate
    if threshold.kind is None:
        return figures.drops
    return figures.endings_of(threshold.kind)


def _of(value: int, samples: int, nothing: str) -> int:
    if not samples:
        raise NotMeasured(nothing)
    return value


def _shown(value: float, unit: Unit) -> str:
    if unit is Unit.DURATION:
        return format_duration(round(value))
    if unit is Unit.RATIO:
        return f"{value * 100:.4g}%"
    if unit is Unit.RATE:
        return f"{value:.4g} per session-hour"
    return f"{value:,.0f}"
