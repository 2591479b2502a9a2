"""A timer of silence shown by contrast: sessions that ping often live, those that ping seldom die.

A heartbeat session that an idle timer ends is found dead at its first ping, whatever the timer:
alone it shows only that the timer is not longer than the heartbeat. Beside sessions of the same
way with a shorter heartbeat the timer lies between the two. The test is the conditional one of
two Poisson rates (Przyborowski and Wilenski, Biometrika 31, 1940): were silence of no matter,
drops would fall on both in proportion to their session time. Pure.
"""

from array import array
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from stresser.analysis.patterns.session_lives import Drop, Life
from stresser.statistics.brackets import Bracket
from stresser.statistics.chance import binomial_tail
from stresser.statistics.concentration import (
    CHANCE,
    FEWEST,
    MOST_SURVIVORS,
    Concentration,
    tolerance,
)

_FEWEST_CONTROLS = 5
"""So many sessions must have survived the silence that is shorter than the timer."""


class _Side(NamedTuple):
    """Sessions that ping at most, or at least, so often."""

    survived_ns: Sequence[int]
    """The longest silence of each."""
    time_ns: int
    """How long all together were held."""
    drops: list[int]


def silence_contrast(
    drops: Sequence[Drop],
    units: Sequence[int],
    lives: Collection[Life],
    every_ns: Callable[[int], int | None],
    searches: int,
) -> tuple[Concentration, int] | None:
    """The drops that contrast shows to be of a timer, and the silence that others survived.

    `units`: drops that count as witnesses, one of each shared moment. `every_ns`: the heartbeat's
    interval at a place, None where there is none; it sorts the sessions, and their silences are
    taken as measured.
    """
    intervals = sorted({every for life in lives if (every := every_ns(life.place))})
    for longest_ns in reversed(intervals[:-1]):

        def is_long(place: int, limit: int = longest_ns) -> bool:
            return (every_ns(place) or 0) > limit

        def is_short(place: int, limit: int = longest_ns) -> bool:
            return 0 < (every_ns(place) or 0) <= limit

        seldom = _side(is_long, drops, units, lives)
        often = _side(is_short, drops, units, lives)
        survived = sorted(often.survived_ns, reverse=True)
        survived_ns = survived[_FEWEST_CONTROLS - 1] if len(survived) >= _FEWEST_CONTROLS else 0
        found = _contrast(drops, seldom, often, survived_ns, searches * len(intervals))
        if found is not None:
            return found, survived_ns
    return None


def _side(
    is_of_it: Callable[[int], bool],
    drops: Sequence[Drop],
    units: Sequence[int],
    lives: Collection[Life],
) -> _Side:
    survived_ns, time_ns = array("q"), 0
    for life in lives:
        if is_of_it(life.place):
            survived_ns.append(life.survived_ns)
            time_ns += life.ended_ns - life.opened_ns
    return _Side(survived_ns, time_ns, [i for i in units if is_of_it(drops[i].life.place)])


def _contrast(
    drops: Sequence[Drop], seldom: _Side, often: _Side, survived_ns: int, tests: int
) -> Concentration | None:
    least = survived_ns + tolerance(survived_ns)
    killed = [
        i for i in seldom.drops if (silence := drops[i].silence) is not None
        and silence.high > least
    ]  # fmt: skip
    if len(killed) < FEWEST or not survived_ns:
        return None
    lived = sum(survived > least for survived in seldom.survived_ns)
    if lived > MOST_SURVIVORS * (lived + len(killed)):
        return None
    time_ns = seldom.time_ns + often.time_ns
    share = seldom.time_ns / time_ns if time_ns else 1.0
    chance = tests * binomial_tail(len(killed) + len(often.drops), share, len(killed))
    if chance > CHANCE:
        return None
    high = max(silence.high for i in killed if (silence := drops[i].silence) is not None)
    return Concentration(Bracket(survived_ns, high), killed, chance, lived)
