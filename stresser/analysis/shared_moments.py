"""Drops that share a moment, as incidents.

Each drop happened within a bracket. Brackets that have a moment in common may have one cause:
the fewest moments are sought that touch every bracket (the greedy choice, earliest end first, is
the least there is), and the drops of one moment are one incident. A drop that shares its moment
with no other is an incident of one. Pure.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stresser.analysis.cohort_sessions import SideDrop
from stresser.analysis.wording import BRACKETED
from stresser.model.units import NS_PER_MS, NS_PER_S

_GRAIN_NS = 200 * NS_PER_MS
"""Announced drops this close are of one moment: packets queue, and a busy loop reads in turn."""
_WIDEST_NS = 20 * NS_PER_S
"""A wider bracket is no sign of a shared cause: too many others would fall into it."""


class Incident(NamedTuple):
    """Drops with one cause, as far as their times tell."""

    at_ns: int
    """A moment that lies in the bracket of every one of them."""
    drops: tuple[SideDrop, ...]


def incidents_of(drops: Sequence[SideDrop]) -> list[Incident]:
    """The incidents of one run, in order; every drop is in exactly one."""
    found: list[Incident] = []
    together: list[SideDrop] = []
    moment = -1
    for drop in sorted(drops, key=lambda drop: drop.dead_by_ns):
        if together and _earliest_ns(drop) > moment:
            found.append(Incident(moment, tuple(together)))
            together = []
        if not together:
            moment = drop.dead_by_ns
        together.append(drop)
    return [*found, Incident(moment, tuple(together))] if together else found


def _earliest_ns(drop: SideDrop) -> int:
    if drop.kind not in BRACKETED:
        return drop.dead_by_ns - _GRAIN_NS
    return max(drop.alive_at_ns, drop.dead_by_ns - _WIDEST_NS)
