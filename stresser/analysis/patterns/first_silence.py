"""A heartbeat slower than the timer: every session is dead at its first ping.

Then the timer is at most as long as that first silence, and nothing shows how short it is, unless
sessions of the same scope broke shorter silences and lived. Alone, one round of it may be one
event; at three rounds or more it would take sessions that live for less than that silence whatever
they do. Pure.
"""

from collections.abc import Iterable, Sequence
from heapq import nlargest

from stresser.analysis.patterns.scopes import Scope, Variable
from stresser.analysis.patterns.session_lives import Drop, Life
from stresser.statistics.brackets import Bracket
from stresser.statistics.concentration import CHANCE, Concentration, tolerance

_FEWEST_DEAD = 10
_FEWEST_ROUNDS = 3
_SURVIVORS = 2
"""Of one alone something unrecorded may have broken the silence."""
_HALF = 0.5
"""Were it a matter of chance, at least every second session would have lived so long."""


def first_silence(
    drops: Sequence[Drop], units: Sequence[int], scope: Scope, others: int, searches: int
) -> Concentration | None:
    """The drops of sessions that were all dead at their first ping.

    The window begins at the silence that others of the scope survived, at 0 where none did.

    `units`: indices of the drops that count as witnesses, one of each shared moment. `others`:
    drops of the same endpoints and egresses outside the scope; where there are any, it is
    `silence_contrast` that tells a timer from sessions that live for a short while.
    """
    dead = [
        i for i, drop in enumerate(drops)
        if drop.is_answer and drop.silence is not None and drop.silence.low == 0
    ]  # fmt: skip
    rounds = len(set(dead) & set(units))
    if len(dead) < _FEWEST_DEAD or rounds < _FEWEST_ROUNDS or len(dead) < len(scope.drops) + others:
        return None
    silences = sorted(silence.high for i in dead if (silence := drops[i].silence) is not None)
    least = silences[len(silences) // 20]
    survivors = scope.proved(Variable.IDLE)
    if survivors.longer_than(least - tolerance(least)):
        return None
    chance = searches * _HALF ** len(dead)
    window = Bracket(survived_below(scope.lives, least), least)
    return Concentration(window, dead, chance, 0.0) if chance <= CHANCE else None


def survived_below(lives: Iterable[Life], limit_ns: int) -> int:
    """The longest silence under a limit that more than one session survived; 0: none did."""
    below = (life.survived_ns for life in lives if life.survived_ns < limit_ns)
    survived = nlargest(_SURVIVORS, below)
    return survived[-1] if len(survived) == _SURVIVORS else 0
