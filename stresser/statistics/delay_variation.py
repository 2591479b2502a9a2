"""How much the delays of a path vary, each way alone, by two clocks that need not agree. Pure.

Packet delay variation as RFC 5481 section 4.2 has it (RFC 3393 with the smallest delay as the one
to compare with): each delay less the smallest of its stream. That difference does not contain the
offset of the two clocks. They drift, too: so the smallest is sought in windows of 20 seconds, in
which two clocks drift apart by `UNSURE_NS` at most. Of few delays the smallest is not the path's
own: what is said is rather too small than too large.
"""

from collections.abc import Iterator
from typing import Final, Generic, NamedTuple, TypeVar

from stresser.model.units import NS_PER_S
from stresser.statistics.clock_alignment import MOST_DRIFT

WINDOW_NS: Final = 20 * NS_PER_S
UNSURE_NS: Final = round(WINDOW_NS * MOST_DRIFT)
"""So much of a variation may be the clocks' own."""
LEAST: Final = 5
"""Delays in a window; of fewer nothing is said."""
_MOST: Final = 10_000
"""Delays in a window; with more it is shorter."""
W = TypeVar("W")


class Delays(NamedTuple, Generic[W]):
    """Of one exchange, in nanoseconds: one way and the other.

    Each with the clocks' offset in it or, once the smallest is taken off, without.
    """

    whose: W
    there_ns: int
    back_ns: int


class DelayVariation(Generic[W]):
    """Of one stream: what goes between the same two hosts by one egress."""

    def __init__(self) -> None:
        self._began_ns = 0
        self._window: list[Delays[W]] = []

    def add(self, at_ns: int, delays: Delays[W]) -> list[Delays[W]]:
        """One more exchange, at a moment of one clock.

        Returns how those of the window varied, where this one is the first of the next: else none.
        """
        is_over = self._window and at_ns - self._began_ns >= WINDOW_NS
        varied = self.rest() if is_over or len(self._window) >= _MOST else []
        if not self._window:
            self._began_ns = at_ns
        self._window.append(delays)
        return varied

    def rest(self) -> list[Delays[W]]:
        """The variation of those in the window that is open; another begins."""
        window, self._window = self._window, []
        return list(_varied(window)) if len(window) >= LEAST else []


def _varied(window: list[Delays[W]]) -> Iterator[Delays[W]]:
    there_ns = min(one.there_ns for one in window)
    back_ns = min(one.back_ns for one in window)
    for one in window:
        yield Delays(one.whose, one.there_ns - there_ns, one.back_ns - back_ns)
