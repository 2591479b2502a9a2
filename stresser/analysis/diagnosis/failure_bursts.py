"""Failed attempts that came together: from when until when, where, and after which incident.

A burst of one pair is its failed attempts with no opening and no gap of a resumed run between them;
bursts of several pairs that share endpoint or egress, overlap and failed alike are one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.ending_facts import FailureFact
from stresser.analysis.patterns.causes import Incident
from stresser.analysis.words.endings import counted, kind_words
from stresser.model.cohort import Pair
from stresser.model.ending import Kind
from stresser.model.units import escaped, format_duration

FEWEST = 3
"""Fewer failures are no burst."""
MOST_BURSTS = 50
_NAME = 80


class FailureBurst(Struct, frozen=True, kw_only=True):
    """Failed attempts that came together. Nanoseconds since the run began."""

    from_ns: int
    """When the first of them began."""
    until_ns: int
    """When a session opened again; else when the last of them failed."""
    is_over: bool
    """A session opened again."""
    utc: str
    until_utc: str
    failures: int
    kinds: dict[str, int]
    pairs: list[Pair]
    """Endpoints and egresses of its attempts."""
    endpoint: str | None
    """None: of several."""
    egress: str | None
    incident_ns: int | None
    """`from_ns` of the incident whose sessions these attempts were to replace; None: of none."""
    incident_drops: int

    def holds(self, endpoint: str, egress: str, began_ns: int) -> bool:
        """Whether an attempt that failed belongs to it."""
        pair = Pair(escaped(endpoint, _NAME), escaped(egress, _NAME))
        return pair in self.pairs and self.from_ns <= began_ns <= self.until_ns


def failure_bursts(
    case: CaseFile, incidents: Sequence[Incident], utc: Callable[[int], str]
) -> list[FailureBurst]:
    """The largest of a run, in the order of time; `utc` writes a time of the run."""
    joined: list[list[FailureFact]] = []
    for one in sorted(_of_pairs(case), key=lambda burst: burst[0].began_ns):
        same: list[list[FailureFact]] = []
        apart: list[list[FailureFact]] = []
        for other in joined:
            (same if _is_one(case, one, other) else apart).append(other)
        joined = [*apart, [fact for burst in [*same, one] for fact in burst]]
    large = sorted((one for one in joined if len(one) >= FEWEST), key=len)[-MOST_BURSTS:]
    made = [_figures(case, one, incidents, utc) for one in large]
    return sorted(made, key=lambda burst: burst.from_ns)


def _of_pairs(case: CaseFile) -> Iterator[list[FailureFact]]:
    for pair, failures in case.failures_of.items():
        burst: list[FailureFact] = []
        for one in failures:
            if burst:
                since = burst[-1].began_ns, one.began_ns
                if case.opened_between(pair, *since) or case.went_on_between(*since):
                    yield burst
                    burst = []
            burst.append(one)
        yield burst


def _is_one(case: CaseFile, one: list[FailureFact], other: list[FailureFact]) -> bool:
    """They overlap, share endpoint or egress, and failed alike: the one began during the other."""
    ours, theirs = one[0].ending.pair, {fact.ending.pair for fact in other}
    shares = any(ours[0] == endpoint or ours[1] == egress for endpoint, egress in theirs)
    return shares and _kind(one) is _kind(other) and one[0].began_ns <= _until(case, other)[0]


def _kind(burst: list[FailureFact]) -> Kind:
    return Counter(one.ending.kind for one in burst).most_common(1)[0][0]


def _until(case: CaseFile, burst: list[FailureFact]) -> tuple[int, bool]:
    """When the last of its pairs opened again, and whether each of them has."""
    ends = [_pair_until(case, pair, some) for pair, some in _by_pair(burst).items()]
    return max(at for at, _ in ends), all(is_over for _, is_over in ends)


def _by_pair(burst: list[FailureFact]) -> dict[Pair, list[FailureFact]]:
    found: dict[Pair, list[FailureFact]] = {}
    for one in burst:
        found.setdefault(one.ending.pair, []).append(one)
    return found


def _pair_until(case: CaseFile, pair: Pair, burst: list[FailureFact]) -> tuple[int, bool]:
    last = max(one.began_ns for one in burst)
    failed = max(one.own.t_ns for one in burst)
    again = next((at for at in case.opened.get(pair, []) if at > last), None)
    if again is None or case.went_on_between(last, again):
        return failed, False
    return max(again, failed), True


def _figures(
    case: CaseFile,
    burst: list[FailureFact],
    incidents: Sequence[Incident],
    utc: Callable[[int], str],
) -> FailureBurst:
    began = min(one.began_ns for one in burst)
    until, is_over = _until(case, burst)
    pairs = set(_by_pair(burst))
    incident = _incident(case, pairs, began, incidents)
    return FailureBurst(
        from_ns=began,
        until_ns=until,
        is_over=is_over,
        utc=utc(began),
        until_utc=utc(until),
        failures=len(burst),
        kinds=dict(Counter(one.ending.kind.value for one in burst).most_common()),
        pairs=sorted(Pair(escaped(one, _NAME), escaped(other, _NAME)) for one, other in pairs),
        endpoint=_only({endpoint for endpoint, _ in pairs}),
        egress=_only({egress for _, egress in pairs}),
        incident_ns=None if incident is None else incident.span.low,
        incident_drops=0 if incident is None else len(incident.drops),
    )


def _incident(
    case: CaseFile, pairs: set[Pair], began_ns: int, incidents: Sequence[Incident]
) -> Incident | None:
    """The latest of these pairs' before it, with no session opened since."""
    for incident in sorted(incidents, key=lambda one: -one.span.high):
        theirs = {drop.cohort.pair for drop in incident.drops} & pairs
        if incident.span.low > began_ns or not theirs:
            continue
        if case.went_on_between(incident.span.high, began_ns):
            continue
        if any(case.opened_between(pair, incident.span.high, began_ns) for pair in theirs):
            continue
        return incident
    return None


def _only(names: set[str]) -> str | None:
    return escaped(next(iter(names)), _NAME) if len(names) == 1 else None


def burst_in_words(burst: FailureBurst) -> str:
    """`34 attempts through vpn failed from ...Z to ...Z (34 timeouts), after 12 drops at ...`."""
    to = "" if burst.endpoint is None else f" to {burst.endpoint}"
    through = " through several egresses" if burst.egress is None else f" through {burst.egress}"
    kinds = ", ".join(f"{n:,} {kind_words(Kind(kind), n)}" for kind, n in burst.kinds.items())
    span = format_duration(max(burst.until_ns - burst.from_ns, 0))
    end = f"until {burst.until_utc}" if burst.is_over else f"at least until {burst.until_utc}"
    after = ""
    if burst.incident_ns is not None:
        drops = counted(burst.incident_drops, "drop")
        at = format_duration(max(burst.incident_ns, 0))
        after = f", after the incident of {drops} {at} into the run"
    said = f"{counted(burst.failures, 'attempt')}{to}{through} failed in {span}, from {burst.utc}"
    return f"{said} {end} ({kinds}){after}."
