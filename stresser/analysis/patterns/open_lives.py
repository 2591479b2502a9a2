"""Which sessions of a cohort were open at a moment, and for how long sessions were held up to it.

Pure. A bounded number of sessions is looked at; beyond it nothing is known to have been open.
"""

from bisect import bisect_right
from collections.abc import Iterable
from functools import cache

from stresser.analysis.patterns.session_lives import Life, Lives
from stresser.model.cohort import Cohort
from stresser.statistics.exposure import Exposure

_MOST_LOOKED_AT = 20_000_000


class OpenLives:
    """Of one run. Times: nanoseconds since it began."""

    def __init__(self, lives: Lives) -> None:
        self._lives: dict[Cohort, list[Life]] = {}
        for life in lives.lives:
            self._lives.setdefault(lives.places[life.place].cohort, []).append(life)
        for own in self._lives.values():
            own.sort(key=lambda life: life.opened_ns)
        self._budget = _MOST_LOOKED_AT
        self._held = cache(self._held_of)
        self._proved = cache(self._proved_of)

    def outlived(self, cohorts: Iterable[Cohort], at_ns: int) -> list[Life] | None:
        """Those that were open then and ended later, in the order of their opening.

        None: too many sessions have been looked at.
        """
        open_then = []
        for cohort in cohorts:
            own = self._lives.get(cohort, [])
            until = bisect_right(own, at_ns, key=lambda life: life.opened_ns)
            self._budget -= until
            if self._budget < 0:
                return None
            open_then += [life for life in own[:until] if life.ended_ns > at_ns]
        return sorted(open_then, key=lambda life: life.opened_ns)

    def number(self, cohorts: frozenset[Cohort], at_ns: int) -> int:
        """How many were open then and ended later."""
        opened, ended = self._held(cohorts)
        return round(ended.longer_than(at_ns) - opened.longer_than(at_ns))

    def number_proved(self, cohorts: frozenset[Cohort], at_ns: int) -> int:
        """How many were open then and proved later that they lived."""
        opened, _ = self._held(cohorts)
        return round(self._proved(cohorts).longer_than(at_ns) - opened.longer_than(at_ns))

    def time_held(self, cohorts: frozenset[Cohort]) -> float:
        """How long all their sessions together were open."""
        opened, ended = self._held(cohorts)
        return ended.total - opened.total

    def _held_of(self, cohorts: frozenset[Cohort]) -> tuple[Exposure, Exposure]:
        lives = [life for cohort in cohorts for life in self._lives.get(cohort, [])]
        return (
            Exposure((life.opened_ns, 1.0) for life in lives),
            Exposure((life.ended_ns, 1.0) for life in lives),
        )

    def _proved_of(self, cohorts: frozenset[Cohort]) -> Exposure:
        lives = (life for cohort in cohorts for life in self._lives.get(cohort, []))
        return Exposure((life.opened_ns + life.proved_age_ns, 1.0) for life in lives)
