"""Which sessions of a cohort were open at a moment, and for how long sessions were held up to it.

Pure. A bounded number of sessions is looked at; beyond it nothing is known to have been open.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

from stresser.analysis.patterns.session_lives import Lives
from stresser.model.cohort import Cohort
from stresser.statistics.columns import in_order

_MOST_LOOKED_AT = 20_000_000
_MOST_SETS, _MOST_TIMES = 2, 256
"""Of cohorts: what was computed of more is computed again."""


class OpenLives:
    """Of one run. Times: nanoseconds since it began."""

    def __init__(self, lives: Lives) -> None:
        self.lives = lives.lives
        """What the rows are of."""
        opened, ended, proved = map(self.lives.column, ("opened_ns", "ended_ns", "proved_age_ns"))
        self._opened_ns, self._ended_ns, self._proved_ns = opened, ended, proved
        self._rows = lives.rows_of
        self._budget = _MOST_LOOKED_AT
        self._before: dict[Cohort, tuple[int, int, list[int]]] = {}
        """The last answer of `outlived`: who asks in the order of time is answered faster."""
        self._opened = lru_cache(_MOST_SETS)(self._when_opened)
        self._ended = lru_cache(_MOST_SETS)(self._when_ended)
        self._proved = lru_cache(_MOST_SETS)(self._when_proved)
        self.time_held = lru_cache(_MOST_TIMES)(self._time_held)
        """How long all sessions of some cohorts together were open, in nanoseconds."""

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
        return bisect_right(self._opened(cohorts), at_ns) - bisect_right(
            self._ended(cohorts), at_ns
        )

    def number_proved(self, cohorts: frozenset[Cohort], at_ns: int) -> int:
        """How many were open then and proved later that they lived."""
        return bisect_right(self._opened(cohorts), at_ns) - bisect_right(
            self._proved(cohorts), at_ns
        )

    def let_go(self) -> None:
        """What was asked of sets of cohorts is forgotten: it takes 24 bytes a session and set."""
        for known in (self._opened, self._ended, self._proved):
            known.cache_clear()
        self._before.clear()

    def _chosen(self, cohorts: frozenset[Cohort]) -> Iterator[int]:
        return chain.from_iterable(self._rows.get(one, ()) for one in cohorts)

    def _when_opened(self, cohorts: frozenset[Cohort]) -> Sequence[int]:
        """In the order of time, as the next two."""
        return in_order(map(self._opened_ns.__getitem__, self._chosen(cohorts)))

    def _when_ended(self, cohorts: frozenset[Cohort]) -> Sequence[int]:
        return in_order(map(self._ended_ns.__getitem__, self._chosen(cohorts)))

    def _when_proved(self, cohorts: frozenset[Cohort]) -> Sequence[int]:
        """When they last proved that they lived."""
        opened_ns, proved_ns = self._opened_ns, self._proved_ns
        return in_order(opened_ns[row] + proved_ns[row] for row in self._chosen(cohorts))

    def _time_held(self, cohorts: frozenset[Cohort]) -> int:
        opened_ns, ended_ns = self._opened_ns, self._ended_ns
        return sum(ended_ns[row] - opened_ns[row] for row in self._chosen(cohorts))
