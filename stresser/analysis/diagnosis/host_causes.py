"""What this host and stresser did themselves: a changed path, an absence, a limit of their own.

A session's own evidence names this host only where the kernel was asked how it reaches the
destination; a path event by itself names no initiator.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.crowds import Crowd
from stresser.analysis.diagnosis.diagnosis import Ask, Mechanism, Where, Whom
from stresser.analysis.words.endings import counted
from stresser.model.ending import BRACKETED, Initiator, Kind
from stresser.model.events import WorkerEnded
from stresser.model.units import NS_PER_S, escaped
from stresser.statistics.brackets import Bracket

_SHORTLY_NS = 10 * NS_PER_S
"""A change of the path this long before is named beside its drops."""
_NOTICED_NS = NS_PER_S // 20
_MOSTLY = 0.5
_MOST_BURSTS = 200
_LOST = frozenset({Kind.TIMEOUT, Kind.UNREACHABLE, Kind.KERNEL_TIMEOUT, Kind.SILENCE})


def path_change(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Of each egress, what this host's own change of its path ended."""
    named: dict[str, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        if one.fact.initiator is Initiator.HOST:
            named[one.fact.cohort.egress].append(one)
    failed: dict[str, set[int]] = defaultdict(set)
    for failure in claims.free_failures(case):
        if failure.ending.initiator is Initiator.HOST:
            failed[failure.ending.cohort.egress].add(failure.place)
    for egress in dict.fromkeys([*named, *failed]):
        named[egress] = _during_changes(case, named[egress])
        bursts = _bursts(case, named[egress], failed[egress])
        if not bursts:
            continue
        drops = _pooled(claims.free_drops(case), named[egress], egress, bursts)
        failures = failed[egress] | _failing_then(case, claims, egress, bursts)
        changes = _changes(case, bursts)
        yield Candidate(
            mechanism=Mechanism.PATH_CHANGE,
            drops=frozenset(one.number for one in drops),
            failures=frozenset(failures),
            event=changes,
            who=Initiator.HOST,
            where=Where.HOST,
            ask=Ask(
                whom=Whom.THIS_HOST,
                says=f"Look at what changed the path of {escaped(egress, 40)}"
                f"{f' ({changes})' if changes else ''}.",
            ),
        )


def _during_changes(case: CaseFile, named: list[DropFact]) -> list[DropFact]:
    """Without those that had died before the path changed, and were only noticed after it."""
    times = sorted(told.t_ns for told in case.evidence.path)
    during = [
        one
        for one in named
        if bisect_left(times, one.drop.moment.low)
        < bisect_right(times, one.drop.moment.high + _NOTICED_NS)
    ]
    return during or named


def _bursts(case: CaseFile, named: list[DropFact], failed: set[int]) -> list[Bracket]:
    """When it struck, each time: what the brackets of drops that died together have in common.

    Where no session was open: when attempts began to fail, if the kernel reported a change then.
    """
    bursts: list[Bracket] = []
    crowd = Crowd(named)
    while len(bursts) < _MOST_BURSTS:
        here, at = crowd.densest()
        if not here:
            break
        bursts.append(at)
        crowd.leave(here)
    bursts.sort()
    if not bursts and failed:
        first = min(case.failures[place].began_ns for place in failed)
        if any(first - _SHORTLY_NS <= one.t_ns <= first for one in case.evidence.path):
            bursts = [Bracket(first, first)]
    return bursts


def _pooled(
    free: list[DropFact], named: list[DropFact], egress: str, bursts: list[Bracket]
) -> list[DropFact]:
    """Those whose evidence names this host, and like endings at their moments."""
    numbers = {one.number for one in named}
    like = [
        one
        for one in free
        if one.fact.cohort.egress == egress
        and one.number not in numbers
        and one.fact.kind in BRACKETED
        and one.fact.initiator in {Initiator.UNKNOWN, Initiator.MIDDLEBOX}
        and any(one.drop.moment.meets(burst) for burst in bursts)
    ]
    # Where they are the larger part, the evidence of a few is no evidence for all.
    return named + (like if len(like) * _MOSTLY <= len(named) else [])


def _failing_then(case: CaseFile, claims: Claims, egress: str, bursts: list[Bracket]) -> set[int]:
    """Attempts through the egress from each time on until one opened."""
    opened = sorted(at for pair, times in case.opened.items() if pair[1] == egress for at in times)
    found = set()
    for burst in bursts:
        again = next((at for at in opened if at > burst.high), case.lives.now_ns)
        found |= {
            one.place
            for one in claims.free_failures(case)
            if one.ending.cohort.egress == egress
            and burst.low <= one.began_ns <= again
            and one.ending.kind in _LOST
        }
    return found


def _changes(case: CaseFile, bursts: list[Bracket]) -> str:
    """`link down ...`, as the kernel reported it shortly before the first or meanwhile."""
    first = bursts[0]
    told = [
        escaped(one.words, 60)
        for one in case.evidence.path
        if first.low - _SHORTLY_NS <= one.t_ns <= first.high + NS_PER_S
    ]
    return "; ".join(told[:2])


_TOOL_ASKS = {
    Initiator.HOST: "Give stresser a host that does not sleep or starve it, and a route for it.",
    Initiator.TOOL: "Raise the limits of stresser's process (open files, ports), or ask it less.",
}


def absences(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """What failed, or ended, for this host or stresser was absent, or had no means."""
    counts: Counter[Initiator] = Counter()
    for (_, who), number in case.evidence.absences.items():
        counts[who] += number
    for who, mechanism, where in (
        (Initiator.HOST, Mechanism.HOST_UNFIT, Where.HOST),
        (Initiator.TOOL, Mechanism.TOOL_UNFIT, Where.TOOL),
    ):
        failures = frozenset(
            one.place
            for one in claims.free_failures(case)
            if one.ending.initiator is who
            or (who is Initiator.TOOL and one.ending.kind is Kind.TOOL)
        )
        drops = frozenset(
            one.number
            for one in claims.free_drops(case)
            if who is Initiator.TOOL and one.fact.initiator is who
        )
        if failures or drops or counts[who]:
            ended = counted(counts[who], "session")
            died = case.evidence.workers_ended if who is Initiator.TOOL else []
            yield Candidate(
                mechanism=mechanism,
                drops=drops,
                failures=failures,
                event=f"{ended} ended so, which is no drop" if counts[who] else "",
                who=who,
                where=where,
                ask=Ask(whom=Whom.THIS_HOST, says=_of_workers(died) or _TOOL_ASKS[who]),
            )


def _of_workers(died: list[WorkerEnded]) -> str:
    """What to look for where sessions ended with the processes that held them."""
    if not died:
        return ""
    first = died[0]
    how = escaped(first.how, 60)
    return (
        f"Find out what ended worker {first.worker} of {first.workers} ({how}): where memory ran"
        " out, the kernel's log says so."
    )
