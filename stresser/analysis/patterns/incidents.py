"""Incidents as figures: how many drops, when, and what all of them have in common.

A shared factor is named when nearly all drops of the incident share it and sessions without it
were open at the time and lived: those are the incident's own controls. Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from stresser.analysis.patterns.causes import Causes, Common, Incident
from stresser.analysis.patterns.session_lives import Life, Lives
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


_FACTORS: dict[str, Callable[[Lives, Life], str]] = {
    "egress": lambda lives, life: lives.places[life.place].cohort.egress,
    "endpoint": lambda lives, life: lives.places[life.place].cohort.endpoint,
    "server": lambda lives, life: lives.places[life.place].server,
    "source": lambda lives, life: lives.places[life.place].source,
    "activity": lambda lives, life: lives.places[life.place].cohort.activity,
    "endpoint and egress": lambda lives, life: " through ".join(
        lives.places[life.place].cohort.pair
    ),
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
    factor, value, with_it, without_it = None, None, None, None
    if len(lives.lives) * MOST_INCIDENTS <= _MOST_LIVES_LOOKED_AT:
        dropped = [drop.life for drop in drops]
        factor, value, with_it, without_it = _factor(lives, dropped, _open_at(lives, begins_ns))
    return IncidentFigures(
        from_ns=span.low,
        until_ns=span.high,
        utc=utc(span.low),
        drops=len(drops),
        kinds=dict(Counter(drop.kind.value for drop in drops).most_common()),
        initiators=dict(Counter(drop.initiator.value for drop in drops).most_common()),
        is_certain=incident.common is Common.MOMENT,
        expected=min(incident.expected, 1.0),
        factor=factor,
        value=value,
        with_it=with_it,
        without_it=without_it,
        after_path_change_ns=_after_path_change(incident, lives),
    )


def _open_at(lives: Lives, at_ns: int) -> list[Life]:
    return [life for life in lives.lives if life.opened_ns <= at_ns <= life.ended_ns]


def _factor(
    lives: Lives, dropped: Sequence[Life], open_then: Sequence[Life]
) -> tuple[str | None, str | None, Share | None, Share | None]:
    """The factor whose sessions dropped most and whose others least; the broader one first."""
    best: tuple[float, str, str, Share, Share] | None = None
    for name, value, is_of_it in _candidates(lives, dropped):
        among, own = sum(map(is_of_it, open_then)), sum(map(is_of_it, dropped))
        others, foreign = len(open_then) - among, len(dropped) - own
        if others <= foreign:
            continue
        with_it = Share(of=value, dropped=own, open=max(among, own))
        other = _other(lives, name, open_then, value)
        without_it = Share(of=other, dropped=foreign, open=others)
        score = own / with_it.open - foreign / others
        if score >= _APART and (best is None or score > best[0] + _BETTER):
            best = score, name, value, with_it, without_it
    return (None, None, None, None) if best is None else best[1:]


def _candidates(
    lives: Lives, dropped: Sequence[Life]
) -> Iterator[tuple[str, str, Callable[[Life], bool]]]:
    """Each factor that nearly all drops share, with a test for it."""
    for name, of in _FACTORS.items():
        value, count = Counter(of(lives, life) for life in dropped).most_common(1)[0]
        if count >= _NEARLY_ALL * len(dropped):
            yield name, escaped(value, _LONGEST_NAME), _has(of, lives, value)
    first = min(life.opened_ns for life in dropped)
    last = max(life.opened_ns for life in dropped)
    if last - first <= (dropped[0].ended_ns - first) // 10:
        yield "start", "", lambda life: first <= life.opened_ns <= last


def _has(of: Callable[[Lives, Life], str], lives: Lives, value: str) -> Callable[[Life], bool]:
    return lambda life: of(lives, life) == value


def _other(lives: Lives, name: str, open_then: Sequence[Life], value: str) -> str:
    """The name of all the others, when they have one."""
    if name == "start":
        return ""
    values = {escaped(_FACTORS[name](lives, life), _LONGEST_NAME) for life in open_then}
    rest = values - {value}
    return rest.pop() if len(rest) == 1 else ""


def _after_path_change(incident: Incident, lives: Lives) -> int | None:
    until_ns = incident.span.high
    after = [until_ns - at for at in lives.path_changes if at <= until_ns]
    return min(after) if after and min(after) <= PATH_WINDOW_NS else None
