"""Moments at which (nearly) all that was open in a part of the run dropped, however it showed.

Twenty heartbeat sessions of one egress that drop in one moment are found dead one by one over a
heartbeat's interval, and in a run of a minute no rate distinguishes that from chance. But then no
session lived on, and the drops fill a small share of the time that sessions were held: were they
independent, so many would fall there with the binomial chance that is computed here. Endings
that one change of this host's path brought about are one moment by that evidence alone. Pure.
"""

from collections.abc import Collection, Iterator, Sequence

from stresser.analysis.patterns.moments import Moment, common_points
from stresser.analysis.patterns.open_lives import OpenLives
from stresser.analysis.patterns.scopes import Scope
from stresser.analysis.patterns.session_lives import Drop
from stresser.model.units import NS_PER_MS
from stresser.statistics.brackets import Bracket, Brackets
from stresser.statistics.chance import binomial_tail

FEWEST_DROPS = 3
CHANCE = 0.001
"""That a run of independent drops shows a loss like it."""
_MOST_LIVED_ON = 0.2
"""For each that died: one may open while the others die."""
_HALF = 0.5
_TOGETHER_NS = 500 * NS_PER_MS
"""How far from the common moment a dated ending may be: a box needs its time to end hundreds."""


def whole_losses(
    drops: Sequence[Drop],
    scopes: Sequence[Scope],
    sessions: OpenLives,
    numbers: Collection[int],
) -> list[Moment]:
    """The losses among these drops; what one change of the path ended comes first."""
    found = list(_by_cause(drops, numbers))
    taken = {number for moment in found for number in moment.members}
    for scope in sorted(scopes, key=lambda scope: -len(scope.drops)):
        rest = [n for n in scope.drops if n in numbers and n not in taken]
        if len(rest) < FEWEST_DROPS:
            continue
        for moment in _of_scope(scope, rest, drops, sessions, len(scopes)):
            taken.update(moment.members)
            found.append(moment)
    return found


def _by_cause(drops: Sequence[Drop], numbers: Collection[int]) -> Iterator[Moment]:
    causes: dict[int, list[int]] = {}
    for number in sorted(numbers):
        cause_ns = drops[number].cause_ns
        if cause_ns is not None:
            causes.setdefault(cause_ns // _TOGETHER_NS, []).append(number)
    for members in causes.values():
        times = [cause for i in members if (cause := drops[i].cause_ns) is not None]
        yield Moment(members, Bracket(min(times), max(times)), 0.0)


def _of_scope(
    scope: Scope,
    numbers: Sequence[int],
    drops: Sequence[Drop],
    sessions: OpenLives,
    searches: int,
) -> Iterator[Moment]:
    spans = Brackets.of(_widened(drops[number].moment) for number in numbers)

    def chance(group: Sequence[int]) -> float:
        """Of so many among the drops of this scope, were they independent."""
        # Each would have died at any other time of its life just as well as in its own bracket.
        here = sum(spans[i].high - spans[i].low for i in group)
        share = min(here / max(sessions.time_held(scope.extent.cohorts), 1), 1.0)
        if len(group) == len(scope.drops):
            # All there ever were: of independent ones every second would have lived so long.
            share = min(share, _HALF)
        return searches * len(drops) * binomial_tail(len(numbers) - 1, share, len(group) - 1)

    def is_whole(group: Sequence[int], point: int) -> bool:
        if len(group) < FEWEST_DROPS or chance(group) > CHANCE:
            return False
        members = [drops[numbers[i]] for i in group]
        return _lived_on(members, point, scope, sessions) <= _MOST_LIVED_ON * len(group)

    def may_be_whole(count: int, point: int) -> bool:
        """Whether so many are all that lived then: nobody is counted as alive but by proof."""
        proved = sessions.number_proved(scope.extent.cohorts, point)
        return count >= FEWEST_DROPS and proved - count <= _MOST_LIVED_ON * count

    for group, point in common_points(spans, is_whole, may_be_whole):
        members = [numbers[i] for i in group]
        yield Moment(members, _span([drops[i].moment for i in members], point), chance(group))


def _lived_on(members: Sequence[Drop], point: int, scope: Scope, sessions: OpenLives) -> int:
    """How many lived on; where that matters, only those of which it is proved."""
    later = sum(drop.life.ended_ns > point for drop in members)
    number = sessions.number(scope.extent.cohorts, point) - later
    if number <= _MOST_LIVED_ON * len(members):
        return number
    own = sum(drop.life.opened_ns + drop.life.proved_age_ns > point for drop in members)
    return sessions.number_proved(scope.extent.cohorts, point) - own


def _widened(moment: Bracket) -> Bracket:
    half = max((_TOGETHER_NS - (moment.high - moment.low)) // 2, 0)
    return Bracket(moment.low - half, moment.high + half)


def _span(moments: Sequence[Bracket], point: int) -> Bracket:
    """What all have in common; else from the first to the last of the dated ones near the point."""
    low, high = max(one.low for one in moments), min(one.high for one in moments)
    if low <= high:
        return Bracket(low, high)
    dated = [one.high for one in moments if one.high - one.low <= _TOGETHER_NS]
    return Bracket(min(dated), max(dated)) if dated else Bracket(point, point)
