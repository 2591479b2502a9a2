"""Which sessions of a cohort were open at a moment, and for how long sessions were held up to it.

Pure. A bounded number of sessions is looked at; beyond it nothing is known to have been open.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import add
from typing import NamedTuple

from stresser.analysis.patterns.session_lives import Lives
from stresser.model.cohort import Cohort
from stresser.statistics.columns import in_order

_MOST_LOOKED_AT = 20_000_000
_MOST_SETS = 4
"""Of cohorts: what was computed of more is computed again."""


class _Held(NamedTuple):
    """When sessions opened, ended and last proved that they lived, each in the order of time."""

    opened: Sequence[int]
    ended: Sequence[int]
    proved: Sequence[int]
    time_ns: int


class OpenLives:
    """Of one run. Times: nanoseconds since it began."""

    def __init__(self, lives: Lives) -> None:
        self.lives = lives.lives
        """What the rows are of."""
        opened, ended, proved = map(self.lives.column, ("opened_ns", "ended_ns", "proved_age_ns"))
        self._opened_ns, self._ended_ns, self._proved_ns = opened, ended, proved
        cohorts = [place.cohort for place in lives.places]
        rows = {cohort: array("i") for cohort in cohorts}
        for row, place in enumerate(self.lives.column("place")):
            rows[cohorts[place]].append(row)
        self._rows = {
            cohort: array("i", sorted(own, key=opened.__getitem__)) for cohort, own in rows.items()
        }
        self._budget = _MOST_LOOKED_AT
        self._before: dict[Cohort, tuple[int, int, list[int]]] = {}
        """The last answer of `outlived`: who asks in the order of time is answered faster."""
        self._held = lru_cache(_MOST_SETS)(self._held_of)

    def outlived(self, cohort: Cohort, at_ns: int) -> list[int] | None:
        """Rows of those that were open then and ended later, in the order of their opening.

        None: too many sessions have been looked at.
        """
        own = self._rows.get(cohort, array("i"))
        until = bisect_right(own, at_ns, key=self._opened_ns.__getitem__)
        self._budget -= until
        if self._budget < 0:
            return None
        before_ns, seen, open_then = self._before.get(cohort, (at_ns, 0, []))
        if at_ns < before_ns:
            seen, open_then = 0, []
        ended_ns = self._ended_ns
        open_then = [row for row in chain(open_then, own[seen:until]) if ended_ns[row] > at_ns]
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
        rows = array("i", chain.from_iterable(self._rows.get(one, ()) for one in cohorts))

        def of(column: "array[int]") -> Iterator[int]:
            return map(column.__getitem__, rows)

        return _Held(
            opened=in_order(of(self._opened_ns)),
            ended=in_order(of(self._ended_ns)),
            proved=in_order(map(add, of(self._opened_ns), of(self._proved_ns))),
            time_ns=sum(of(self._ended_ns)) - sum(of(self._opened_ns)),
        )
