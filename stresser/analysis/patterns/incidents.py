"""Incidents as figures: how many drops, when, and what all of them have in common.

A shared factor is named when nearly all drops of the incident share it and sessions without it
were open at the time and lived: those are the incident's own controls. Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from stresser.analysis.patterns.causes import Causes, Common, Incident
from stresser.analysis.patterns.session_lives import Life, Lives, Place
from stresser.model.units import NS_PER_S, escaped

FEWEST_DROPS = 3
"""Incidents of fewer drops are only counted: two drops may come close by chance."""
STANDS_OUT = 0.001
"""An incident is shown when this run would have fewer than so many like it by chance."""
MOST_INCIDENTS = 50
PATH_WINDOW_NS = 5 * NS_PER_S
"""So long after a path change an incident is said to follow it."""
_LONGEST_NAME = 80
_NEARLY_ALL = 0.9
"""One drop in ten may have fallen into the same moment by chance."""
_APART = 0.5
"""A factor is named where the shares that dropped with and without it are so far apart."""
_BETTER = 0.05
_MOST_LIVES_LOOKED_AT = 40_000_000


class Share(Struct, frozen=True, kw_only=True):
    """Of the sessions open at an incident's beginning: how many of them it ended."""

    of: str
    dropped: int
    open: int


class _Shared(NamedTuple):
    """What nearly all drops of an incident share."""

    factor: str
    with_it: Share
    without_it: Share


class IncidentFigures(Struct, frozen=True, kw_only=True):
    """Drops that share one moment. Nanoseconds since the run began."""

    from_ns: int
    until_ns: int
    """Dated drops: the first and the last. Others: what their brackets have in common."""
    utc: str
    drops: int
    kinds: dict[str, int]
    initiators: dict[str, int]
    is_certain: bool = field(name="told")
    """False: a timer would explain it as well; all of its sessions had started together."""
    expected: float
    """How many incidents like it chance would make in this run."""
    factor: str | None
    """What (nearly) all its drops share and what sets them apart: `egress`, `endpoint`, `activity`,
    `endpoint and egress`, `server`, `source`, `start`."""
    value: str | None
    with_it: Share | None
    without_it: Share | None
    after_path_change_ns: int | None
    """From the latest path change to its beginning, if that was at most `PATH_WINDOW_NS`."""


_FACTORS: dict[str, Callable[[Place], str]] = {
    "egress": lambda place: place.cohort.egress,
    "endpoint": lambda place: place.cohort.endpoint,
    "server": lambda place: place.server,
    "source": lambda place: place.source,
    "activity": lambda place: place.cohort.activity,
    "endpoint and egress": lambda place: " through ".join(place.cohort.pair),
}


def shown_incidents(causes: Causes) -> list[Incident]:
    """Those of several drops that chance does not explain, in the order of time; the largest."""
    worth = [incident for incident in causes.incidents if stands_out(incident)]
    largest = sorted(worth, key=lambda one: -len(one.drops))[:MOST_INCIDENTS]
    return sorted(largest, key=lambda one: one.span)


def stands_out(incident: Incident) -> bool:
    """Whether it is shown."""
    return len(incident.drops) >= FEWEST_DROPS and incident.expected <= STANDS_OUT


def incident_figures(
    incident: Incident, lives: Lives, utc: Callable[[int], str]
) -> IncidentFigures:
    """One of them. In a run of very many sessions no factor is looked for."""
    span, drops = incident.span, incident.drops
    begins_ns = min(span.low, *(drop.life.ended_ns for drop in drops))
    shared = None
    if len(lives.lives) * MOST_INCIDENTS <= _MOST_LIVES_LOOKED_AT:
        shared = _factor(lives, [drop.life for drop in drops], _open_at(lives, begins_ns))
    return IncidentFigures(
        from_ns=span.low,
        until_ns=span.high,
        utc=utc(span.low),
        drops=len(drops),
        kinds=dict(Counter(drop.kind.value for drop in drops).most_common()),
        initiators=dict(Counter(drop.initiator.value for drop in drops).most_common()),
        is_certain=incident.common is Common.MOMENT,
        expected=min(incident.expected, 1.0),
        factor=shared and shared.factor,
        value=shared and shared.with_it.of,
        with_it=shared and shared.with_it,
        without_it=shared and shared.without_it,
        after_path_change_ns=_after_path_change(incident, lives),
    )


def _open_at(lives: Lives, at_ns: int) -> list[Life]:
    spans = zip(lives.lives.column("opened_ns"), lives.lives.column("ended_ns"), strict=True)
    open_then = [row for row, (opened, ended) in enumerate(spans) if opened <= at_ns <= ended]
    return list(lives.lives.rows(open_then))


def _factor(lives: Lives, dropped: Sequence[Life], open_then: Sequence[Life]) -> _Shared | None:
    """The factor whose sessions dropped most and whose others least; the broader one first."""
    best: tuple[float, _Shared] | None = None
    for one in _shared(lives, dropped, open_then):
        with_it, without_it = one.with_it, one.without_it
        if without_it.open <= without_it.dropped:
            continue
        score = with_it.dropped / with_it.open - without_it.dropped / without_it.open
        if score >= _APART and (best is None or score > best[0] + _BETTER):
            best = score, one
    return None if best is None else best[1]


def _shared(lives: Lives, dropped: Sequence[Life], open_then: Sequence[Life]) -> Iterator[_Shared]:
    """Each factor that nearly all drops share, and how many of those open then had it."""
    places, open_places = (Counter(life.place for life in some) for some in (dropped, open_then))
    for name, of in _FACTORS.items():
        value, own = _counted(lives, of, places).most_common(1)[0]
        if own >= _NEARLY_ALL * len(dropped):
            among = _counted(lives, of, open_places)
            shown = escaped(value, _LONGEST_NAME)
            rest = {escaped(other, _LONGEST_NAME) for other in among} - {shown}
            other = rest.pop() if len(rest) == 1 else ""
            yield _share(name, (shown, other), (own, among[value]), (dropped, open_then))
    first = min(life.opened_ns for life in dropped)
    last = max(life.opened_ns for life in dropped)
    if last - first <= (dropped[0].ended_ns - first) // 10:
        among_them = sum(first <= life.opened_ns <= last for life in open_then)
        yield _share("start", ("", ""), (len(dropped), among_them), (dropped, open_then))


def _counted(lives: Lives, of: Callable[[Place], str], places: Counter[int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for number, count in places.items():
        counts[of(lives.places[number])] += count
    return counts


def _share(
    factor: str,
    names: tuple[str, str],
    having: tuple[int, int],
    of: tuple[Sequence[Life], Sequence[Life]],
) -> _Shared:
    own, among = having
    dropped, open_then = map(len, of)
    return _Shared(
        factor,
        Share(of=names[0], dropped=own, open=max(among, own)),
        Share(of=names[1], dropped=dropped - own, open=open_then - among),
    )


def _after_path_change(incident: Incident, lives: Lives) -> int | None:
    until_ns = incident.span.high
    after = [until_ns - at for at in lives.path_changes if at <= until_ns]
    return min(after) if after and min(after) <= PATH_WINDOW_NS else None
