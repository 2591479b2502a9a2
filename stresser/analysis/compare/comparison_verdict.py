"""Worse, no worse, or cannot tell: the rules, fixed before any data (docs/comparison.md).

The rules are held against the cautious interval of the ratio of incident rates: widened where
incidents come in bursts, and joined with the same ratio by hours of the clock where the sides
held unequal numbers of sessions.
"""

from enum import StrEnum
from math import isfinite
from typing import NamedTuple

from stresser.analysis.compare.incident_rates import RateComparison, upper
from stresser.analysis.compare.sides import Side
from stresser.analysis.words.endings import counted
from stresser.model.errors import ExitCode
from stresser.statistics.rates import Interval

MARGIN = 2.0
"""`no worse` means: the interval lies at or below this, so a doubling can be ruled out."""
_FEWEST_ATTEMPTS = 10


class ComparisonVerdict(StrEnum):
    """The answer of a comparison."""

    NO_WORSE = "no worse"
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code: 0, 1 or 3."""
        return {
            ComparisonVerdict.NO_WORSE: ExitCode.PASS,
            ComparisonVerdict.WORSE: ExitCode.FAIL,
            ComparisonVerdict.CANNOT_TELL: ExitCode.INCONCLUSIVE,
        }[self]


class ComparisonJudgement(NamedTuple):
    """A verdict and the sentence that says why."""

    verdict: ComparisonVerdict
    reason: str


def judge_comparison(
    baseline: Side,
    candidate: Side,
    rates: RateComparison | None,
    unfit: list[str],
    *,
    is_one_run: bool,
) -> ComparisonJudgement:
    """Apply the rules, first match first."""
    found = _by_figures(baseline, candidate, rates)
    # What disturbs a tester disturbs both sides of one run alike, so bad news stand there.
    is_bad_news = found.verdict is ComparisonVerdict.WORSE
    if not unfit or (is_bad_news and is_one_run):
        return found
    if found.verdict is ComparisonVerdict.CANNOT_TELL:
        return found
    return ComparisonJudgement(
        ComparisonVerdict.CANNOT_TELL, f"the figures are in doubt: {unfit[0]}"
    )


def _by_figures(
    baseline: Side, candidate: Side, rates: RateComparison | None
) -> ComparisonJudgement:
    if _cannot_open(baseline, candidate):
        attempts = counted(candidate.tally.failed, "attempt")
        reason = f"no session opened ({attempts} failed), on the baseline some did"
        return ComparisonJudgement(ComparisonVerdict.WORSE, reason)
    if rates is None:
        return ComparisonJudgement(
            ComparisonVerdict.CANNOT_TELL, "a side held no session time to compare"
        )
    low, high = cautious_interval(rates)
    if low > 1:
        wider = "" if low >= rates.ratio.interval.low else f", {_doubt(rates)} allowed for"
        reason = f"incidents came at least {low:.2g} times as often{wider}"
        return ComparisonJudgement(ComparisonVerdict.WORSE, reason)
    if high <= MARGIN:
        reason = f"incidents came at most {high:.2g} times as often, so a doubling is ruled out"
        return ComparisonJudgement(ComparisonVerdict.NO_WORSE, reason)
    return ComparisonJudgement(ComparisonVerdict.CANNOT_TELL, _open_question(rates, high))


def cautious_interval(rates: RateComparison) -> Interval:
    """The interval that the rules are held against."""
    low, high = rates.wide_interval.low, upper(rates.wide_interval)
    if rates.by_clock is not None:
        low = min(low, rates.by_clock.interval.low)
        high = max(high, upper(rates.by_clock.interval))
    return Interval(low, high)


def _cannot_open(baseline: Side, candidate: Side) -> bool:
    ours, theirs = baseline.tally, candidate.tally
    return ours.opened > 0 and theirs.opened == 0 and theirs.failed >= _FEWEST_ATTEMPTS


def _doubt(rates: RateComparison) -> str:
    """Why the cautious interval is wider than the exact one."""
    return "unequal numbers of sessions" if rates.by_clock else "incidents in bursts"


def _open_question(rates: RateComparison, high: float) -> str:
    if rates.baseline.incidents + rates.candidate.incidents == 0:
        return "there was no incident on either side"
    if rates.ratio.interval.low > 1:
        return (
            f"the exact interval lies above 1, but with {_doubt(rates)} it is too narrow to be"
            " trusted"
        )
    most = f"{high:.2g} times as often" if isfinite(high) else "any number of times as often"
    return f"neither equal rates nor {most} can be ruled out: too few incidents"
