"""Moments at which a box looked at its timers: the oldest died together and the others lived on.

squid looks once a second, ocserv each 30 to 40 s: whoever is past the timer by then dies in the
same millisecond. Such a moment looks like an outage. But an outage does not ask for the age: that
the dead were older than nearly all that lived on, at three moments or more, is no chance. Pure.
"""

from bisect import bisect_left
from collections.abc import Sequence

from stresser.analysis.patterns.moments import Moment
from stresser.analysis.patterns.open_lives import OpenLives
from stresser.analysis.patterns.session_lives import Drop, Life
from stresser.model.cohort import Cohort

_FEWEST_MOMENTS = 3
_IN_ORDER = 0.9
"""Of all pairs of one that died and one that lived on, so many have the dead one older."""
_LIVED_ON = 0.5
"""For each that died: else the moment spared nobody who could tell."""
_SEVERAL = 2


def sweeps(found: Sequence[Moment], drops: Sequence[Drop], sessions: OpenLives) -> set[int]:
    """Positions of the moments that are sweeps of a timer."""
    ordered: dict[Cohort, list[int]] = {}
    for position, moment in enumerate(found):
        dead = [drops[number] for number in moment.members]
        if len(dead) < _SEVERAL or not _is_by_age(dead, moment.span.high, sessions):
            continue
        for cohort in {drop.cohort for drop in dead}:
            ordered.setdefault(cohort, []).append(position)
    return {
        position
        for positions in ordered.values()
        if len(positions) >= _FEWEST_MOMENTS
        for position in positions
    }


def _is_by_age(dead: Sequence[Drop], at_ns: int, sessions: OpenLives) -> bool:
    """Whether of each cohort the oldest died, and enough younger ones lived on."""
    lives = {drop.life for drop in dead}
    for cohort in {drop.cohort for drop in dead}:
        own = [drop for drop in dead if drop.cohort == cohort]
        # What is found dead later was open until then, and lived on no longer.
        lived = [one for one in sessions.outlived([cohort], at_ns) or () if one not in lives]
        enough = lived and len(lived) >= _LIVED_ON * len(own)
        if not enough or _share_in_order(own, lived) < _IN_ORDER:
            return False
    return True


def _share_in_order(dead: Sequence[Drop], lived: Sequence[Life]) -> float:
    """The share of pairs in which the dead one had opened no later."""
    opened = [life.opened_ns for life in lived]
    younger = sum(len(opened) - bisect_left(opened, drop.life.opened_ns) for drop in dead)
    return younger / (len(dead) * len(opened))
