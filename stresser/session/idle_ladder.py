"""The search for an idle limit: how long to be silent before asking, and when it is known. Pure.

The sessions of the first ladder begin within some seconds and are silent for different times; each
is then asked once. Up to half a minute its rungs are a second apart: there the first that are dead
show the limit, and busy sessions that live beside them that no one moment ended them; where none
can be kept busy, silent ones that began late and live on do. Beyond, or without such a control, a
second ladder follows within the bracket. What ends sessions of itself is
seen at its own time: where all were equally silent at different moments, it is a timer. Where they
shared a moment, a second ladder confirms it.
"""

import math
from collections.abc import Callable

from stresser.model.asked_value import AskedValue
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.statistics.asked_limits import (
    AskedLimit,
    is_repeated,
    limit_of_asked,
    outlasts_one_moment,
)
from stresser.statistics.concentration import GRAIN

_EXACT_SHARE = 0.01
_EXACT_NS = NS_PER_S
_STEP_NS = 960 * NS_PER_MS
"""Somewhat less than a second: a session's silence begins a little after its opening."""
_GROWS_FROM_NS = 31 * NS_PER_S
_GROWS_BY = 0.2
"""Of what a rung is longer than that: so much longer is the next one, but a step at least."""
_ALL_DENSE_NS = 72 * NS_PER_S
_BEGIN_SHARE, _BEGIN_NS, _BEGIN_SLOWLY, _BEGIN_LAST_NS = 0.1, 2 * NS_PER_S, 0.01, 10 * NS_PER_S
_LAST_RUNGS, _LAST_NS = 6, 350 * NS_PER_MS
"""Closer together at the end: there, too, several meet a limit."""
_LATE_FROM_NS, _LATE_GROWS, _LATE_SHARE = 3 * NS_PER_S, 1.15, 0.6
_GOLDEN = 0.618_034
_DENSER = 0.9
_MOST_REFINING = 40
_CONFIRMING = 6
_EVERY_AGE = 16
_SPREAD_SHARE, _SPREAD_NS = 0.1, 3 * NS_PER_S // 2
"""Over so long those begin that confirm: whoever begins at a tick of the box is in step with it."""
_FEWEST_DEATHS = 2
"""So many of the second ladder."""
_FEWEST_WITH_CONTROL = 3
_MOST_ROUNDS = 4
_BEYOND = 1.05


def exact_enough_ns(value_ns: int) -> int:
    """How wide a bracket may be: 1 % or 1 s."""
    return max(round(value_ns * _EXACT_SHARE), _EXACT_NS)


def first_ladder(up_to_ns: int) -> list[int]:
    """Silences up to a limit: each second to half a minute, then by shares that grow to a fifth.

    Up to a minute or so all of them are a second apart.
    """
    rungs, at = list[int](), _EXACT_NS
    grows_by = _GROWS_BY if up_to_ns > _ALL_DENSE_NS else 0
    while at < up_to_ns:
        rungs.append(at)
        at += max(_STEP_NS, round(grows_by * (at - _GROWS_FROM_NS)))
    last = (up_to_ns - number * _LAST_NS for number in range(_LAST_RUNGS + 1))
    return sorted({*rungs, *(one for one in last if one > _EXACT_NS)})


def beginnings(silences: list[int]) -> list[int]:
    """When each of the first ladder begins: early, but no two at one moment.

    What a timer ends comes at as many moments, what one event ends at one.
    """
    return [
        round(number * _GOLDEN % 1 * min(_latest(one), silences[-1] - one))
        for number, one in enumerate(silences)
    ]


def late_ladder(up_to_ns: int) -> list[int]:
    """Silences of sessions that begin when the others have sat for a while (`late_beginnings`).

    For where nothing can be kept busy: those that have not reached a limit when the first that have
    are found dead, and live on, show that no one moment ended these. Each limit meets two or so.
    """
    rungs, at = list[int](), float(_LATE_FROM_NS)
    longest = up_to_ns if up_to_ns <= _ALL_DENSE_NS else _GROWS_FROM_NS
    while at < longest:
        rungs.append(round(at))
        at *= _LATE_GROWS
    return rungs


def late_beginnings(silences: list[int], up_to_ns: int) -> list[int]:
    """When each of the late ladder begins: it is asked by the end of the first at the latest."""
    return [min(round(_LATE_SHARE * one), up_to_ns - one) for one in silences]


def _latest(silence_ns: int) -> float:
    return min(_BEGIN_SHARE * silence_ns, _BEGIN_NS + _BEGIN_SLOWLY * silence_ns, _BEGIN_LAST_NS)


def refining_ladder(low_ns: int, high_ns: int) -> list[int]:
    """Silences within a bracket, its upper end and one beyond it."""
    step = _DENSER * exact_enough_ns(low_ns)
    number = min(max(math.ceil((high_ns - low_ns) / step), 1), _MOST_REFINING)
    inside = [low_ns + (high_ns - low_ns) * i // number for i in range(1, number + 1)]
    return [*inside, high_ns + (high_ns - low_ns) // number, high_ns + round(2 * step)]


class IdleSearch:
    """What one endpoint through one egress has answered so far."""

    def __init__(self, up_to_ns: int) -> None:
        self.asked: list[AskedValue] = []
        self.has_control = False
        """There are busy sessions beside these, and none has died."""
        self.control_lives: Callable[[int], bool] = lambda _: False
        """Whether one of them was answered after a moment: nothing ended all sessions then."""
        self.is_done = False
        """The limit is known well enough, or nothing more is to come."""
        self._up_to_ns = up_to_ns
        self._first = first_ladder(up_to_ns)
        self._sitting = len(self._first)
        self._rounds = 0
        self._round_open = 0
        self._round_deaths = 0
        self._tried_high = 0
        self.spacing_ns = 0
        """How far apart the sessions of the latest ladder begin."""

    @property
    def first(self) -> list[int]:
        """The silences to begin with."""
        return self._first

    def begin_late(self) -> list[int]:
        """Besides, where nothing is busy beside them: the silences of the late ladder."""
        late = late_ladder(self._up_to_ns)
        self._sitting += len(late)
        return late

    @property
    def limit(self) -> AskedLimit:
        """As far as is known."""
        return limit_of_asked(self.asked)

    def saw(self, asked: AskedValue | None, ladder: int) -> list[int]:
        """Take the answer of one session, None where it gave none.

        `ladder`: 0 for the first, then as they came. Returns the silences of the next ladder.
        """
        self._sitting -= 1
        if ladder and ladder == self._rounds:
            self._round_open -= 1
        if asked is not None:
            self.asked.append(asked)
            self._round_deaths += not asked.lived and ladder == self._rounds > 0
        more = self._next()
        self._sitting += len(more)
        if not more:
            self.is_done = self.is_done or self._sitting == 0 or self._is_known()
        return more

    @property
    def ladder(self) -> int:
        """The number of the latest ladder."""
        return self._rounds

    def look(self) -> None:
        """Ask the control again: it may have been answered meanwhile."""
        self.is_done = self.is_done or self._is_known()

    def _is_known(self) -> bool:
        limit = self.limit
        if limit.high is None:
            return False
        if limit.tick is None and limit.high - limit.low > exact_enough_ns(limit.high):
            return False
        first = min(one.at for one in self.asked if not one.lived and one.value > limit.low)
        is_controlled = self.has_control and self.control_lives(first)
        if is_repeated(self.asked, has_control=is_controlled):
            return True
        dead = [one for one in self.asked if not one.lived]
        if is_controlled and len(dead) >= _FEWEST_WITH_CONTROL and not _is_dated(dead):
            return True
        if outlasts_one_moment(self.asked):
            return True
        return self._round_deaths >= _FEWEST_DEATHS and not (self.spacing_ns and self._round_open)

    def _next(self) -> list[int]:
        limit = self.limit
        if limit.high is None or self._round_open > 0 or self._rounds >= _MOST_ROUNDS:
            return []
        if self._is_known() or not self._is_news(limit.high):
            return []
        dead = [one for one in self.asked if not one.lived]
        is_dated = dead[-1].is_dated
        if is_dated and len(dead) == 1 and self._sitting:
            return []  # if a timer ended it, others will follow at once
        is_exact = limit.high - limit.low <= exact_enough_ns(limit.high)
        if self.has_control and is_exact and not is_dated and self._sitting:
            return []  # the next rungs will confirm it
        self._tried_high = limit.high
        self._rounds += 1
        self._round_deaths = 0
        self.spacing_ns = 0
        ages = refining_ladder(limit.low, limit.high)
        if is_dated:
            ages = self._confirming(limit.high, limit.tick or 0, dead)
        self._round_open = len(ages)
        return ages

    def _confirming(self, high_ns: int, tick_ns: int, dead: list[AskedValue]) -> list[int]:
        """A ladder whose sessions all wait for the limit, and begin at different moments.

        Where the first deaths shared one, the box may look only so seldom: when it looks again,
        sessions of every age are to be there.
        """
        if max(one.at for one in dead) - min(one.at for one in dead) < GRAIN:
            self.spacing_ns = high_ns // _EVERY_AGE
            return [2 * high_ns + self.spacing_ns * (_EVERY_AGE - one) for one in range(_EVERY_AGE)]
        self.spacing_ns = max(round(high_ns * _SPREAD_SHARE), _SPREAD_NS) // _CONFIRMING
        return [round(high_ns * _BEYOND) + tick_ns] * _CONFIRMING

    def _is_news(self, high_ns: int) -> bool:
        """A ladder that has been climbed is climbed again only for another bracket."""
        return abs(high_ns - self._tried_high) > exact_enough_ns(high_ns) // 2


def _is_dated(dead: list[AskedValue]) -> bool:
    return any(one.is_dated for one in dead)
