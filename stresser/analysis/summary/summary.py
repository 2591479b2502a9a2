"""One recorded run -> its `Summary`: what is shown at the end, and written as `summary.json`."""

from collections.abc import Sequence

from msgspec.structs import asdict

from stresser.analysis.chains.accusations import accusations_in_words
from stresser.analysis.chains.change_words import change_in_words
from stresser.analysis.chains.changes import chain_changes
from stresser.analysis.chains.interception import interceptions
from stresser.analysis.counts.percentiles import Distributions, Percentiles, joined, percentiles_of
from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.counts.run_tally import LAST_ENDINGS, Tally
from stresser.analysis.diagnosis.failure_bursts import burst_in_words
from stresser.analysis.patterns.pattern_figures import (
    Patterns,
)
from stresser.analysis.patterns.sentences import pattern_findings, pattern_notes
from stresser.analysis.summary.answer import Answer
from stresser.analysis.summary.answers import answer_of
from stresser.analysis.summary.cohort_figures import (
    CohortFigures,
    cohort_figures,
    last_ending,
)
from stresser.analysis.summary.cohort_findings import cohort_findings, lab_findings
from stresser.analysis.summary.limit_words import limits_in_words
from stresser.analysis.summary.near_limits import near_limits
from stresser.analysis.summary.notes import run_notes
from stresser.analysis.summary.run_figures import RunFigures
from stresser.analysis.summary.run_reading import EventCollector, RunReading, read_run
from stresser.analysis.summary.shortfall import shortfalls
from stresser.analysis.summary.thresholds import (
    Measured,
    doubts_about_tester,
    judge_thresholds,
    verdict_of,
)
from stresser.analysis.words.site_words import sites_in_words
from stresser.model.cohort import Cohort
from stresser.model.measured_limits import MeasuredLimits
from stresser.model.quantity import Quantity
from stresser.model.units import escaped, format_utc
from stresser.record.manifest import Manifest
from stresser.record.reader import RecordedRun, RunStatus

_MOST_FINDINGS = 100
_MOST_BURSTS = 10
_MOST_ENDINGS = 10_000
_LONGEST_NAME = 200
_LONGEST_DOUBT = 400


class Summary(RunFigures, frozen=True, kw_only=True):
    """A run's figures and the answer that they give."""

    answer: Answer
    """What is printed first, wherever the run is shown."""


def summarise(
    run: RecordedRun,
    last_endings: int = LAST_ENDINGS,
    others: Sequence[EventCollector] = (),
) -> Summary:
    """Read a run and sum it up; `last_endings` and `others` as `read_run` has them.

    Raises:
        RunFolderError: the run cannot be read.
    """
    return summary_of(read_run(run, last_endings=last_endings, others=others))


def summary_of(reading: RunReading) -> Summary:
    """The summary of a run in any state: running, complete, interrupted or crashed.

    A run that has said its last word but whose process goes on (it is just writing this summary)
    counts as complete.
    """
    figures = _figures(reading)
    return Summary(**asdict(figures), answer=answer_of(figures))


def _measured_limits(manifest: Manifest | None) -> MeasuredLimits | None:
    if manifest is None or manifest.measured is None:
        return None
    workers = manifest.workers
    found = manifest.host.get("usable_processors", workers)
    return manifest.measured.of_processes(workers, found if isinstance(found, int) else workers)


def _figures(reading: RunReading) -> RunFigures:
    run, tally, plan, patterns = reading.run, reading.tally, reading.plan, reading.patterns
    crashed_at_utc = run.crashed_at_utc
    limits = reading.searched.limits(reading.explained.diagnoses)
    elapsed_ns, distributions = reading.elapsed_ns, reading.distributions
    measured = Measured(tally=tally, now_ns=elapsed_ns, distributions=distributions)
    doubts = [*doubts_about_tester(measured), *_record_doubts(run, tally, crashed_at_utc)]
    near = near_limits(_measured_limits(run.manifest), tally, reading.ran_ns, distributions)
    results = judge_thresholds(plan.thresholds, measured, doubts)
    both_ends = tally.both_ends(distributions)
    # A shortfall bears on the run, not on each of its rules.
    doubts += shortfalls(tally.cohorts)
    return RunFigures(
        scenario=escaped(plan.name or _scenario_of(tally), _LONGEST_NAME),
        status=_status(run, tally),
        started_utc=_started_utc(run),
        crashed_at_utc=crashed_at_utc and escaped(crashed_at_utc),
        end_reason=escaped(tally.ended.reason) if tally.ended else None,
        elapsed_ns=reading.ran_ns,
        resumptions=tally.resumptions,
        gaps_ns=tally.gaps_ns,
        longest_held_ns=reading.lives.longest_ns,
        duration_ns=plan.duration_ns,
        verdict=verdict_of(results, tally, doubts),
        doubts=doubts,
        thresholds=results,
        diagnoses=reading.explained.diagnoses,
        limits=limits,
        both_ends=both_ends,
        near_limits=near,
        findings=[
            *limits_in_words(limits),
            *pattern_findings(patterns),
            *map(burst_in_words, reading.bursts[:_MOST_BURSTS]),
            *_findings(tally, plan, elapsed_ns),
        ],
        notes=[*near, *run_notes(tally, plan, both_ends), *pattern_notes(patterns)],
        total=_total(tally, elapsed_ns, distributions, patterns),
        cohorts=_cohorts(tally, elapsed_ns, distributions, patterns),
        loop_lag=_loop_lag(distributions),
        incidents=patterns.incidents,
        failure_bursts=reading.bursts,
        timers=patterns.timers,
        periods=patterns.periods,
        last_endings=[last_ending(event) for event in tally.last_drops],
        last_failures=[last_ending(event) for event in tally.last_failures],
    )


def _scenario_of(tally: Tally) -> str:
    return tally.started.scenario if tally.started else "(no scenario recorded)"


def _status(run: RecordedRun, tally: Tally) -> RunStatus:
    is_done = run.status is RunStatus.RUNNING and tally.ended is not None
    return RunStatus.COMPLETE if is_done else run.status


def _started_utc(run: RecordedRun) -> str:
    if run.manifest is not None:
        return escaped(run.manifest.started_utc)
    return "unknown" if run.anchor_unix_ns is None else format_utc(run.anchor_unix_ns)


def _total(
    tally: Tally, now_ns: int, distributions: Distributions, patterns: Patterns
) -> CohortFigures:
    percentiles = _of_all(distributions)
    return cohort_figures(None, tally.total(), now_ns, percentiles, patterns.total)


def _cohorts(
    tally: Tally, now_ns: int, distributions: Distributions, patterns: Patterns
) -> list[CohortFigures]:
    return [
        cohort_figures(
            cohort,
            figures,
            now_ns,
            _of_cohort(distributions, cohort),
            patterns.by_cohort[cohort],
        )
        for cohort, figures in tally.cohorts.items()
    ]


def _record_doubts(run: RecordedRun, tally: Tally, crashed_at_utc: str | None) -> list[str]:
    doubts = [escaped(sentence, _LONGEST_DOUBT) for sentence in run.damage]
    match _status(run, tally):
        case RunStatus.RUNNING:
            doubts.append("the run has not ended: these are the figures so far")
        case RunStatus.INTERRUPTED:
            doubts.append("the run was stopped at once, not as planned")
        case RunStatus.CRASHED:
            doubts.append(f"the run crashed at {escaped(crashed_at_utc or 'an unknown time')}")
    return doubts


def _findings(tally: Tally, plan: PlanFacts, now_ns: int) -> list[str]:
    """Sentences on who ends TLS, then on each cohort, those with most drops first."""
    found = interceptions(tally.served, plan.hosts)
    said = accusations_in_words(found, plan.hosts)
    said += map(change_in_words, chain_changes(tally.served))
    apart = [sites_in_words(one) for one in tally.sites.apart()]
    worst_first = sorted(tally.cohorts, key=lambda cohort: -tally.cohorts[cohort].drops)
    for cohort in worst_first:
        said += cohort_findings(cohort, tally.cohorts[cohort], plan, now_ns)
        if len(said) >= _MOST_FINDINGS:
            said = [*said[:_MOST_FINDINGS], "There is more; see the figures of each cohort."]
            return said + apart
    return said + apart + lab_findings(tally.lab_kills)[:_MOST_FINDINGS]


def _of_cohort(distributions: Distributions, cohort: Cohort) -> dict[str, Percentiles]:
    found = {}
    for quantity in Quantity:
        distribution = distributions.get((quantity, cohort))
        figures = None if distribution is None else percentiles_of(distribution)
        if figures is not None:
            found[quantity.value] = figures
    return found


def _of_all(distributions: Distributions) -> dict[str, Percentiles]:
    found = {}
    for quantity in Quantity:
        figures = percentiles_of(
            joined(d for (q, cohort), d in distributions.items() if q is quantity and cohort)
        )
        if figures is not None:
            found[quantity.value] = figures
    return found


def _loop_lag(distributions: Distributions) -> Percentiles | None:
    lag = distributions.get((Quantity.LOOP_LAG, None))
    return None if lag is None else percentiles_of(lag)
