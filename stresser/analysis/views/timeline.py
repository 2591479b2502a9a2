"""What a report draws along the time of a run: open sessions by egress, what else happened when.

Bounded: of thousands of changes as many are kept as a picture can show, and dips stay visible.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from stresser.analysis.words.endings import worker_end_words
from stresser.analysis.words.hop_words import change_words
from stresser.analysis.words.proxy_choices import change_of_proxy_words
from stresser.model.events import (
    AnyEvent,
    ClockStepped,
    HopsSeen,
    HostSlept,
    PathChanged,
    RunResumed,
    SessionEnded,
    SessionOpened,
    TesterLate,
    WitnessGap,
    WorkerEnded,
)
from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.units import escaped, format_duration
from stresser.statistics.numerics import Numbers, np

_MOST_EGRESSES = 40
_MOST_STEPS = 1_000_000
_MOST_MARKS = 500
_BINS = 300
"""Stretches of the run's time; of each its first, least, largest and last number is kept."""
_LONGEST_NAME = 80
_LONGEST_WORDS = 200


class OpenSessions(Struct, frozen=True, kw_only=True):
    """How many sessions through one egress were open; a step at each time."""

    egress: str
    t_us: list[int]
    """Microseconds since the run began."""
    open: list[int]


class Mark(Struct, frozen=True, array_like=True):
    """Something that happened beside the sessions."""

    what: str
    """`path`, `proxy`, `sleep`, `gap`, `worker`, `late`, `clock` or `witness`."""
    from_us: int
    until_us: int
    words: str


class TimelineFigures(Struct, frozen=True, kw_only=True):
    """All of it."""

    sessions: list[OpenSessions]
    marks: list[Mark]
    more: int
    """Changes and marks that there was no room for."""


class Timeline:
    """Collects it, event by event."""

    def __init__(self) -> None:
        self._steps: dict[str, array[int]] = {}
        self._kept = 0
        self._open: Counter[str] = Counter()
        self._marks: list[Mark] = []
        self._more = 0

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        if isinstance(event, SessionOpened):
            self._step(event.egress, event.t_ns, 1)
        elif isinstance(event, SessionEnded):
            self._step(event.egress, event.ending.dead_by_ns, -1)
        elif isinstance(event, RunResumed):
            for egress in [*self._open.elements()]:
                self._step(egress, event.since_ns, -1)
        if (mark := _mark(event)) is not None:
            if len(self._marks) < _MOST_MARKS:
                self._marks.append(mark)
            else:
                self._more += 1

    def figures(self, now_ns: int) -> TimelineFigures:
        """What was collected, once; the run lasted until `now_ns`."""
        return TimelineFigures(
            sessions=[_open_sessions(egress, steps, now_ns) for egress, steps in self._let_go()],
            marks=self._marks,
            more=self._more,
        )

    def _let_go(self) -> Iterator[tuple[str, "array[int]"]]:
        """Of a night they take megabytes."""
        while self._steps:
            egress = next(iter(self._steps))
            yield egress, self._steps.pop(egress)

    def _step(self, egress: str, t_ns: int, by: int) -> None:
        steps = self._steps.get(egress)
        if steps is None and len(self._steps) < _MOST_EGRESSES:
            steps = self._steps[egress] = array("q")
        if steps is None or self._kept >= _MOST_STEPS:
            self._more += 1
            return
        self._kept += 1
        self._open[egress] += by
        # The sign is the direction: one number a step. Time 0 is told from its negative by + 1.
        steps.append(by * (max(t_ns, 0) // 1000 + 1))


def _open_sessions(egress: str, steps: "array[int]", now_ns: int) -> OpenSessions:
    # A night has a million steps: they are put in order where they stand.
    walk = np.asarray(steps)
    is_opening = walk > 0
    np.abs(walk, out=walk)
    order = np.argsort(walk, kind="stable")
    walk[:] = walk[order]
    by = 2 * is_opening[order].view(np.int8) - 1
    del order
    # The first number is the run's beginning, the last its end.
    times = np.zeros(len(steps) + 2, np.int64)
    np.subtract(walk, 1, out=times[1:-1])
    times[-1] = max(now_ns // 1000, int(times[-2]))
    numbers = np.zeros(len(steps) + 2, np.int32)
    number = numbers[1:-1]
    np.cumsum(by, dtype=np.int32, out=number)
    # Who ends without having opened is not counted: the walk never goes below 0.
    least = np.minimum.accumulate(number)
    number -= np.minimum(least, 0, out=least)
    numbers[-1] = numbers[-2]
    if len(times) > 4 * _BINS:
        kept = _thinned(times, numbers)
        times, numbers = times[kept], numbers[kept]
    name = escaped(egress, _LONGEST_NAME)
    return OpenSessions(egress=name, t_us=times.tolist(), open=numbers.tolist())


def _thinned(times: Numbers, numbers: Numbers) -> list[int]:
    """Places of the first, least, largest and last of each stretch."""
    width = times[-1] // _BINS + 1
    firsts = np.searchsorted(times, np.arange(1, times[-1] // width + 1) * width)
    bounds = [0, *np.unique(firsts).tolist(), len(times)]
    kept: list[int] = []
    for start, end in pairwise(bounds):
        inside = numbers[start:end]
        kept += sorted({start, start + int(inside.argmin()), start + int(inside.argmax()), end - 1})
    return kept


def _mark(event: AnyEvent) -> Mark | None:
    match event:
        case PathChanged():
            on = "" if event.interface is None else f" {event.interface}"
            more = f": {event.detail}" if event.detail else ""
            words = f"{event.change.value.replace('_', ' ')}{on}{more}"
            since = event.t_ns if event.since_ns is None else event.since_ns
            mark = "path", since, event.t_ns, words
        case HopsSeen() if event.before:
            words = f"path of session {event.session} through {event.egress}"
            mark = "path", event.t_ns, event.t_ns, f"{words}: {change_words(event)}"
        case HostSlept():
            slept = f"this host slept {format_duration(max(event.slept_ns, 0))}"
            mark = "sleep", event.t_ns - event.slept_ns, event.t_ns, slept
        case RunResumed():
            mark = "gap", event.since_ns, event.t_ns, f"the run did not run ({event.why})"
        case WorkerEnded():
            mark = "worker", event.t_ns, event.t_ns, worker_end_words(event)
        case TesterLate():
            late = f"stresser was late by {format_duration(max(event.late_ns, 0))}"
            mark = "late", event.t_ns - event.late_ns, event.t_ns, f"{late}: {event.cause}"
        case ClockStepped():
            stepped = f"the wall clock was set by {format_duration(event.step_ns)}"
            mark = "clock", event.t_ns, event.t_ns, stepped
        case WitnessGap():
            mark = "witness", event.t_ns, event.t_ns, f"{event.witness}: {event.detail}"
        case ProxyChosen() if event.attempt is not None:
            words = f"{event.endpoint} through {event.egress}: {change_of_proxy_words(event)}"
            mark = "proxy", event.t_ns, event.t_ns, words
        case _:
            return None
    return _made(*mark)


def _made(what: str, from_ns: int, until_ns: int, words: str) -> Mark:
    until_us = max(until_ns, 0) // 1000
    from_us = min(max(from_ns, 0) // 1000, until_us)
    return Mark(what, from_us, until_us, escaped(words, _LONGEST_WORDS))
