"""Which sessions of a cohort were open at a moment, and for how long sessions were held up to it.

Pure. A bounded number of sessions is looked at; beyond it nothing is known to have been open.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import NamedTuple

from stresser.analysis.patterns.session_lives import Life, Lives
from stresser.model.cohort import Cohort

_MOST_LOOKED_AT = 20_000_000


class _Held(NamedTuple):
    """When sessions opened, ended and last proved that they lived, each in the order of time."""

    opened: Sequence[int]
    ended: Sequence[int]
    proved: Sequence[int]
    time_ns: int


class OpenLives:
    """Of one run. Times: nanoseconds since it began."""

    def __init__(self, lives: Lives) -> None:
        self._lives: dict[Cohort, list[Life]] = {}
        for life in lives.lives:
            self._lives.setdefault(lives.places[life.place].cohort, []).append(life)
        for own in self._lives.values():
            own.sort(key=lambda life: life.opened_ns)
        self._budget = _MOST_LOOKED_AT
        self._before: dict[Cohort, tuple[int, int, list[Life]]] = {}
        """The last answer of `outlived`: who asks in the order of time is answered faster."""
        self._held = cache(self._held_of)

    def outlived(self, cohort: Cohort, at_ns: int) -> list[Life] | None:
        """Those that were open then and ended later, in the order of their opening.

        None: too many sessions have been looked at.
        """
        own = self._lives.get(cohort, [])
        until = bisect_right(own, at_ns, key=lambda life: life.opened_ns)
        self._budget -= until
        if self._budget < 0:
            return None
        before_ns, seen, open_then = self._before.get(cohort, (at_ns, 0, []))
        if at_ns < before_ns:
            seen, open_then = 0, []
        open_then = [one for one in chain(open_then, own[seen:until]) if one.ended_ns > at_ns]
        self._before[cohort] = at_ns, until, open_then
        return open_then

    def number(self, cohorts: frozenset[Cohort], at_ns: int) -> int:
        """How many were open then and ended later."""
        held = self._held(cohorts)
        return bisect_right(held.opened, at_ns) - bisect_right(held.ended, at_ns)

    def number_proved(self, cohorts: frozenset[Cohort], at_ns: int) -> int:
        """How many were open then and proved later that they lived."""
        held = self._held(cohorts)
        return bisect_right(held.opened, at_ns) - bisect_right(held.proved, at_ns)

    def time_held(self, cohorts: frozenset[Cohort]) -> int:
        """How long all their sessions together were open, in nanoseconds."""
        return self._held(cohorts).time_ns

    def _held_of(self, cohorts: frozenset[Cohort]) -> _Held:
        lives = [life for cohort in cohorts for life in self._lives.get(cohort, [])]
        return _Held(
            opened=array("q", sorted(life.opened_ns for life in lives)),
            ended=array("q", sorted(life.ended_ns for life in lives)),
            proved=array("q", sorted(life.opened_ns + life.proved_age_ns for life in lives)),
            time_ns=sum(life.ended_ns - life.opened_ns for life in lives),
        )
