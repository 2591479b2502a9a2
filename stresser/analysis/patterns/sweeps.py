"""Moments at which a box looked at its timers: the oldest died together and the others lived on.

squid looks once a second, ocserv each 30 to 40 s: whoever is past the timer by then dies in the
same millisecond. Such a moment looks like an outage. But an outage does not ask for the age: that
the dead were older than nearly all that lived on, at three moments or more, is no chance. Pure.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from stresser.analysis.patterns.moments import Moment
from stresser.analysis.patterns.open_lives import OpenLives
from stresser.analysis.patterns.session_lives import Drop
from stresser.model.cohort import Cohort
from stresser.statistics.brackets import Bracket

_FEWEST_MOMENTS = 3
_IN_ORDER = 0.9
"""Of all pairs of one that died and one that lived on, so many have the dead one older."""
_LIVED_ON = 0.3
"""For each that died: else the moment spared no one who could show it."""
_SEVERAL = 2
_MOST_MOMENTS = 0.6
"""Of the moments that spared enough: a box that looks at ages looks at them each time."""


def sweeps(found: Sequence[Moment], drops: Sequence[Drop], sessions: OpenLives) -> set[int]:
    """Positions of the moments that are sweeps of a timer."""
    ordered: dict[Cohort, list[int]] = {}
    spared: Counter[Cohort] = Counter()
    for position, moment in enumerate(found):
        dead = [drops[number] for number in moment.members]
        by_age = _by_age(dead, moment.span, sessions) if len(dead) >= _SEVERAL else {}
        spared.update(by_age.keys())
        if by_age and all(by_age.values()):
            for cohort in by_age:
                ordered.setdefault(cohort, []).append(position)
    return {
        position
        for cohort, positions in ordered.items()
        if len(positions) >= max(_FEWEST_MOMENTS, _MOST_MOMENTS * spared[cohort])
        for position in positions
    }


def _by_age(dead: Sequence[Drop], span: Bracket, sessions: OpenLives) -> dict[Cohort, bool]:
    """For each cohort struck, whether the oldest died; nothing where one had too few that lived on.

    What opened while the others died was not spared: it may have come back from that moment.
    """
    rows = {drop.row for drop in dead if drop.lives is sessions.lives}
    opened = sessions.lives.column("opened_ns")
    by_age = {}
    for cohort in {drop.cohort for drop in dead}:
        own = [drop for drop in dead if drop.cohort == cohort]
        # What is found dead later was open until then, and lived on no longer.
        lived = [
            opened[row]
            for row in sessions.outlived(cohort, span.high) or ()
            if opened[row] < span.low and row not in rows
        ]
        if not lived or len(lived) < _LIVED_ON * len(own):
            return {}
        by_age[cohort] = _share_in_order(own, lived) >= _IN_ORDER
    return by_age


def _share_in_order(dead: Sequence[Drop], opened: Sequence[int]) -> float:
    """The share of pairs in which the dead one had opened no later. `opened`: by who lived on."""
    younger = sum(len(opened) - bisect_left(opened, drop.life.opened_ns) for drop in dead)
    return younger / (len(dead) * len(opened))
