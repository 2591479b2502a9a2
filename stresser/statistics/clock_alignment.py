"""Two clocks that need not agree, aligned by moments that both saw. Pure.

Each shared moment bounds the offset: a connection was accepted after it had been asked for and
before its answer was here (the idea of Cristian's algorithm, Distributed Computing 3, 1989). Many
such bounds, taken at many times, narrow each other; between them the clocks may drift apart.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

MOST_DRIFT = 1e-4
"""Seconds a second: twice what NTP's daemon corrects for at most on a sound clock (500 ppm is its
own limit, 50 ppm a usual crystal)."""
_BUCKET_NS = 10_000_000_000
_NEAREST = 61
"""Buckets that are looked at for one moment: five minutes on either side, where sessions opened
all the time."""


class OffsetBound(NamedTuple):
    """At `at_ns` of our clock the other clock was between `low_ns` and `high_ns` ahead."""

    at_ns: int
    low_ns: int
    high_ns: int


class Offset(NamedTuple):
    """How far the other clock is ahead, and how far that may be wrong either way."""

    ns: int
    within_ns: int


class ClockAlignment:
    """What all bounds together say."""

    def __init__(self, bounds: Iterable[OffsetBound] = ()) -> None:
        self._buckets: dict[int, OffsetBound] = {}
        self._places: list[int] = []
        for bound in bounds:
            self.add(bound)

    def add(self, bound: OffsetBound) -> None:
        """One more moment that both saw."""
        place = bound.at_ns // _BUCKET_NS
        moved = _widened(bound, _middle(place))
        known = self._buckets.get(place)
        if known is None:
            insort(self._places, place)
        self._buckets[place] = moved if known is None else _narrowed(known, moved)

    def at(self, t_ns: int) -> Offset | None:
        """The offset at a moment of our clock; None: no moment was shared."""
        if not self._places:
            return None
        place = bisect_left(self._places, t_ns // _BUCKET_NS)
        near = self._places[max(0, place - _NEAREST // 2) : place + _NEAREST // 2 + 1]
        widened = [_widened(self._buckets[one], t_ns) for one in near]
        whole = widened[0]
        for bound in widened[1:]:
            whole = _narrowed(whole, bound)
        return Offset(
            ns=(whole.low_ns + whole.high_ns) // 2,
            within_ns=(whole.high_ns - whole.low_ns + 1) // 2,
        )


def _middle(place: int) -> int:
    return place * _BUCKET_NS + _BUCKET_NS // 2


def _narrowed(one: OffsetBound, other: OffsetBound) -> OffsetBound:
    """What both allow; where they contradict, all that lies between them."""
    low, high = max(one.low_ns, other.low_ns), min(one.high_ns, other.high_ns)
    return OffsetBound(one.at_ns, min(low, high), max(low, high))


def _widened(bound: OffsetBound, t_ns: int) -> OffsetBound:
    drift = round(abs(t_ns - bound.at_ns) * MOST_DRIFT)
    return OffsetBound(t_ns, bound.low_ns - drift, bound.high_ns + drift)
