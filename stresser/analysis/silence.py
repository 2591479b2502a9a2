"""The silence that most incidents of one side have in common: the mark of an idle timer.

Only announced drops tell it to a moment. An incident counts once, by its first drop: the others
are no further witnesses.
"""

from bisect import bisect_right
from typing import NamedTuple

from stresser.analysis.cohort_sessions import SideDrop
from stresser.analysis.sides import Side
from stresser.analysis.wording import BRACKETED, kind_words
from stresser.model.units import NS_PER_MS, NS_PER_S, format_duration

_FEWEST = 5
_SHARE = 2 / 3
_WIDTH = 0.02
"""Half of the window that counts as one value, as a share of it."""
_GRAIN_NS = 100 * NS_PER_MS
_LEAST_NS = NS_PER_S
"""A shorter silence is the common state of a session, not its mark."""


class SharedSilence(NamedTuple):
    """Most incidents followed this silence."""

    of: int
    incidents: int
    """All incidents of the side."""
    low_ns: int
    high_ns: int
    drops: tuple[SideDrop, ...]
    """The first drop of each incident that did."""

    @property
    def words(self) -> str:
        """`300 +/- 2 s`, or `4 s` where all are alike to what is shown."""
        low, high = format_duration(self.low_ns), format_duration(self.high_ns)
        if low == high:
            return low
        middle, half = (self.low_ns + self.high_ns) / 2, (self.high_ns - self.low_ns) / 2
        if middle < 600 * NS_PER_S:
            return f"{middle / NS_PER_S:.3g} +/- {half / NS_PER_S:.1g} s"
        return f"{low} to {high}"


def shared_silence(side: Side) -> SharedSilence | None:
    """The one silence that two in three incidents followed, five at least; None: there is none."""
    incidents = list(side.incident_drops().values())
    told = sorted(
        (drop.silence_ns, drop.session, drop)
        for drops in incidents
        if (drop := min(drops, key=lambda one: one.dead_by_ns)).silence_ns is not None
        and drop.kind not in BRACKETED
        and drop.silence_ns >= _LEAST_NS
    )
    values = [silence_ns for silence_ns, _, _ in told]
    first, count = _densest(values)
    if count < max(_FEWEST, _SHARE * len(incidents)):
        return None
    return SharedSilence(
        of=count,
        incidents=len(incidents),
        low_ns=values[first],
        high_ns=values[first + count - 1],
        drops=tuple(drop for _, _, drop in told[first : first + count]),
    )


def common_kind(drops: tuple[SideDrop, ...]) -> str | None:
    """What all of these drops were, in words; None where they differ."""
    kinds = {drop.kind for drop in drops}
    return f"a {kind_words(kinds.pop())}" if len(kinds) == 1 else None


def _densest(values: list[int]) -> tuple[int, int]:
    """Where in these ascending values most lie within one window, and how many."""
    best = (0, 0)
    for first, low in enumerate(values):
        width = max(2 * _WIDTH * low, 2 * _GRAIN_NS)
        count = bisect_right(values, low + width) - first
        if count > best[1]:
            best = first, count
    return best
