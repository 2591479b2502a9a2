"""What a comparison cannot tell, in words: each sentence only where the data give rise to it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from stresser.analysis.compare.differences import other_addresses
from stresser.analysis.compare.incident_rates import RateComparison
from stresser.analysis.compare.run_facts import RunFacts
from stresser.analysis.compare.sides import Held, Side
from stresser.model.units import escaped
from stresser.record.reader import RunStatus

_MOST_NAMED = 5
_FEW_INCIDENTS = 10
_UNEQUAL_WEIGHTS = 0.1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def limits_of(
    baseline: Side,
    candidate: Side,
    rates: RateComparison | None,
    alone: Sequence[Held],
    unfit: Sequence[str],
    *,
    is_one_run: bool,
) -> list[str]:
    """The sentences, the gravest first."""
    return [
        *(f"The figures are in doubt: {doubt}." for doubt in unfit[:_MOST_NAMED]),
        *([] if rates is None else _rates(rates, candidate)),
        *_exposure(baseline, candidate, rates),
        *_sites(baseline, candidate),
        *([] if is_one_run else _times(baseline, candidate)),
        *_states(baseline, candidate),
        *_alone(alone),
        *_weights(baseline, candidate),
    ]


def _rates(rates: RateComparison, candidate: Side) -> Iterator[str]:
    total = rates.baseline.incidents + rates.candidate.incidents
    if total < _FEW_INCIDENTS:
        yield f"Few incidents: {total} on both sides together."
    if rates.smallest_ratio is not None:
        yield (
            f"The smallest effect that this could have seen: a true ratio of"
            f" {rates.smallest_ratio:.2g} would have been noticed in four of five such runs, a"
            " smaller one less often."
        )
    elif rates.needed_incidents is not None:
        yield (
            "The baseline had no incident, so there is no ratio to name; with"
            f" {rates.needed_incidents:,} or more on {candidate.label} the sides would have"
            " differed by more than chance."
        )
    if rates.is_overdispersed and rates.dispersion is not None:
        low, high = rates.wide_interval
        until = "infinity" if high is None else f"{high:.2g}"
        yield (
            f"Incidents came in bursts (their variance is {rates.dispersion:.2g} times that of"
            f" independent ones): the exact interval is too narrow; widened it is {low:.2g} to"
            f" {until}."
        )
    if rates.shared_incidents:
        yield (
            f"{rates.shared_incidents:,} of the incidents touched both sides at once: their cause"
            " is common to both."
        )


def _exposure(baseline: Side, candidate: Side, rates: RateComparison | None) -> Iterator[str]:
    if rates is None or rates.by_clock is None:
        return
    held = baseline.session_hours / baseline.clock_hours
    other_held = candidate.session_hours / candidate.clock_hours
    low, high = rates.by_clock.interval
    until = "infinity" if high is None else f"{high:.2g}"
    yield (
        f"Unequal exposure: {held:.3g} sessions at a time against {other_held:.3g}. An incident of"
        " the whole egress comes as often however many sessions are held; by hours of the clock the"
        f" interval is {low:.2g} to {until}."
    )


def _sites(baseline: Side, candidate: Side) -> Iterator[str]:
    names = [
        escaped(held.endpoint, 60)
        for held in sorted(baseline.held)
        if other_addresses(baseline.of([held]), candidate.of([held]))
    ]
    if names:
        yield (
            f"Different addresses behind one name ({_named(names)}): the sides may have reached"
            " different sites, and the difference may be theirs."
        )


def _times(baseline: Side, candidate: Side) -> Iterator[str]:
    ours = [_when(part.facts) for part in baseline.parts]
    theirs = [_when(part.facts) for part in candidate.parts]
    spans, other_spans = [s for s in ours if s], [s for s in theirs if s]
    if not spans or not other_spans:
        yield "When the runs took place is not recorded: the hour may explain a difference."
        return
    overlap = any(a[0] < b[1] and b[0] < a[1] for a in spans for b in other_spans)
    if not overlap:
        first, other = _shown(spans[0]), _shown(other_spans[0])
        yield (
            f"Different times: the baseline ran {first}, the candidate {other}. What changes with"
            " the hour or the day may explain a difference; two egresses of one run are held at"
            " the same time."
        )


def _states(baseline: Side, candidate: Side) -> Iterator[str]:
    seen = set()
    for part in (*baseline.parts, *candidate.parts):
        facts = part.facts
        if facts.status is not RunStatus.COMPLETE and id(facts) not in seen:
            seen.add(id(facts))
            is_running = facts.status is RunStatus.RUNNING
            words = "has not ended: figures so far" if is_running else f"was {facts.status.value}"
            yield f"The run {facts.name} {words}."


def _alone(alone: Sequence[Held]) -> Iterator[str]:
    if alone:
        names = [f"{escaped(h.endpoint, 60)} {escaped(h.activity, 60)}" for h in alone]
        yield f"Held on one side alone and left out: {_named(names)}."


def _weights(baseline: Side, candidate: Side) -> Iterator[str]:
    """Whether an endpoint has another share in one side's session time than in the other's."""
    hours, other_hours = baseline.session_hours, candidate.session_hours
    if hours <= 0 or other_hours <= 0:
        return
    names = [
        escaped(held.endpoint, 60)
        for held in sorted(baseline.held)
        if abs(
            baseline.of([held]).session_hours / hours
            - candidate.of([held]).session_hours / other_hours
        )
        > _UNEQUAL_WEIGHTS
    ]
    if names:
        yield (
            f"The sides weigh their endpoints differently ({_named(names)}): see each endpoint's"
            " own figures."
        )


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join([*names[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])])


def _when(facts: RunFacts) -> tuple[int, int] | None:
    if facts.anchor_unix_ns is None:
        return None
    return facts.anchor_unix_ns, facts.anchor_unix_ns + facts.elapsed_ns


def _shown(span: tuple[int, int]) -> str:
    return " to ".join(_utc(moment) for moment in span)


def _utc(unix_ns: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=unix_ns // 1000)).strftime("%Y-%m-%d %H:%MZ")
    except OverflowError:
        return "an impossible time"
