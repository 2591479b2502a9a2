"""A comparison in one paragraph of plain English: each clause only where the data carry it."""

from collections.abc import Iterator, Sequence

from stresser.analysis.compare.comparison_verdict import ComparisonJudgement, ComparisonVerdict
from stresser.analysis.compare.durations import DurationDifference
from stresser.analysis.compare.incident_rates import (
    RateComparison,
    RateFigures,
    RatioFigures,
)
from stresser.analysis.compare.side_timer import side_timer
from stresser.analysis.compare.sides import Side
from stresser.analysis.counts.cohort_sessions import HANDSHAKE
from stresser.analysis.words.endings import counted
from stresser.model.events import ChainSeen
from stresser.model.quantity import Quantity
from stresser.model.units import escaped, format_duration

_EQUAL = 0.05
"""Session times this close, as a share, are called equal."""
_LARGE = 10
_LONGEST = 80


def paragraph_of(
    baseline: Side,
    candidate: Side,
    rates: RateComparison | None,
    durations: Sequence[DurationDifference],
    judgement: ComparisonJudgement,
    *,
    is_one_run: bool,
) -> str:
    """The sentences in the order of what matters, the verdict last."""
    names = _Names(baseline, candidate, is_one_run=is_one_run)
    return " ".join(
        [
            *_rate(names, rates),
            *_timer(candidate),
            *chains_in_words(baseline, candidate, names.other, names.through),
            *_durations(names, durations),
            _verdict(names, judgement),
        ]
    )


class _Names:
    """What the sides are called in sentences."""

    def __init__(self, baseline: Side, candidate: Side, *, is_one_run: bool) -> None:
        self.baseline = escaped(baseline.label, 60)
        self.candidate = escaped(candidate.label, 60)
        by = "through" if is_one_run else "on"
        self.through, self.other = f"{by} {self.candidate}", f"{by} {self.baseline}"


def _rate(names: _Names, rates: RateComparison | None) -> Iterator[str]:
    if rates is None:
        yield f"{names.baseline} and {names.candidate}: no session time was held to compare."
        return
    ours, theirs = rates.baseline, rates.candidate
    counts = _counts(ours, theirs)
    is_same = (ours.drops, theirs.drops) == (ours.incidents, theirs.incidents)
    if not is_same:
        counts += f", {counted(theirs.drops, 'drop')} against {ours.drops:,}"
    if not ours.incidents and not theirs.incidents:
        total = ours.session_hours + theirs.session_hours
        yield (
            f"No drop was seen {names.through} or {names.other}"
            f" ({total:,.4g} session hours in all)."
        )
    elif rates.ratio.ratio is None:
        yield (
            f"{counted(theirs.drops, 'drop')} came {names.through}, none {names.other}"
            f" ({counts}; {_interval(rates.ratio)})."
        )
    elif rates.ratio.ratio == 0:
        known = f"{counts}; {_interval(rates.ratio)}"
        yield f"No drop came {names.through}, some {names.other} ({known})."
    else:
        often = _times(rates.ratio.ratio)
        known = f"{counts}; {_interval(rates.ratio)}"
        what = "Drops" if is_same else "Incidents"
        yield f"{what} came {often} {names.through} as {names.other} ({known})."


def _times(ratio: float) -> str:
    if 0.95 < ratio < 1.05:  # noqa: PLR2004 - what rounds to one
        return "about as often"
    shown = f"{ratio:.0f}" if ratio >= _LARGE else f"{ratio:.2g}"
    return f"{shown} times as often"


def _interval(figures: RatioFigures) -> str:
    low, high = figures.interval
    until = "infinity" if high is None else f"{high:.2g}" if high < _LARGE else f"{high:,.0f}"
    return f"95 % interval {low:.2g} to {until}"


def _counts(ours: RateFigures, theirs: RateFigures) -> str:
    """`6 incidents in 0.08 session hours against 0 in 0.07`, the candidate first."""
    hours = theirs.session_hours, ours.session_hours
    incidents = counted(theirs.incidents, "incident")
    if abs(hours[0] - hours[1]) <= _EQUAL * max(hours):
        return f"{incidents} against {ours.incidents:,} in equal session time"
    return (
        f"{incidents} in {hours[0]:,.4g} session hours against {ours.incidents:,} in"
        f" {hours[1]:,.4g}"
    )


def _timer(candidate: Side) -> Iterator[str]:
    found = side_timer(candidate)
    if found is not None:
        yield f"{found.of:,} of {found.incidents:,} {found.words}{found.ending_words}."


def _durations(names: _Names, durations: Sequence[DurationDifference]) -> Iterator[str]:
    words = {HANDSHAKE: "Handshakes", Quantity.RTT.value: "Round trips"}
    for row in durations:
        if row.quantity in words and row.quantile == 0.5 and row.is_certain:  # noqa: PLR2004 - median
            apart = format_duration(abs(row.candidate_ns - row.baseline_ns))
            longer = "longer" if row.candidate_ns > row.baseline_ns else "less"
            ours, theirs = format_duration(row.baseline_ns), format_duration(row.candidate_ns)
            yield (
                f"{words[row.quantity]} took {apart} {longer} {names.through} (median"
                f" {theirs} against {ours})."
            )


def _verdict(names: _Names, judgement: ComparisonJudgement) -> str:
    said = {
        ComparisonVerdict.WORSE: f"Verdict: {names.candidate} is worse",
        ComparisonVerdict.NO_WORSE: f"Verdict: {names.candidate} is no worse",
        ComparisonVerdict.CANNOT_TELL: f"Verdict: cannot tell whether {names.candidate} is worse",
    }[judgement.verdict]
    return f"{said}: {judgement.reason}."


def chains_in_words(
    baseline: Side, candidate: Side, on_baseline: str, on_candidate: str
) -> Iterator[str]:
    """Interception where a side has it; else a chain that verifies on one side alone.

    Example: `TLS is intercepted through vpn (consistent with Zscaler), not through direct.`
    """
    ours, theirs = baseline.tally.intercepted, candidate.tally.intercepted
    if ours and theirs:
        yield f"TLS is intercepted on both sides{_product(candidate)}."
    elif theirs:
        yield from _intercepted(candidate, baseline, on_candidate, on_baseline)
    elif ours:
        yield from _intercepted(baseline, candidate, on_baseline, on_candidate)
    else:
        yield from _unverified(candidate, baseline, on_candidate, on_baseline)
        yield from _unverified(baseline, candidate, on_baseline, on_candidate)


def _intercepted(side: Side, other: Side, on: str, on_other: str) -> Iterator[str]:
    hit, judged = side.tally.intercepted, side.tally.judged
    extent = "" if hit == judged else f" in {hit:,} of {judged:,} handshakes"
    contrast = f", not {on_other}" if other.tally.judged else ""
    yield f"TLS is intercepted {on}{extent}{_product(side)}{contrast}."


def _product(side: Side) -> str:
    """Of the interceptor's chain that most sessions were served; empty where no name is known."""
    for chain, _ in side.counter("chains").most_common():
        seen = _seen(side, chain)
        if seen is not None and seen.intercepted and seen.product:
            weak = ", by a weak likeness of names" if seen.product_is_weak else ""
            return f" (consistent with {escaped(seen.product, _LONGEST)}{weak})"
    return ""


def _seen(side: Side, chain: str) -> ChainSeen | None:
    for part in side.parts:
        if chain in part.facts.tally.chains:
            return part.facts.tally.chains[chain]
    return None


def _unverified(side: Side, other: Side, on: str, on_other: str) -> Iterator[str]:
    """A chain that does not verify on one side, while all do on the other."""
    bad = side.counter("problems")
    del bad[""]
    fine = other.counter("problems")
    if bad and fine and set(fine) == {""}:
        [(problem, _)] = bad.most_common(1)
        yield (
            f"The TLS chain does not verify {on} ({escaped(problem, _LONGEST)}), it does"
            f" {on_other}."
        )
