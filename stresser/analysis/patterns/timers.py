"""The search for timers: the silence, age or number of bytes at which sessions are ended.

`statistics/concentration.py`, `silence_contrast.py` and `first_silence.py` find them in each
scope; here each is weighed. What else would fit the same drops is named beside it, or refuted by
the sessions that lived through it: an age by any older session of the same endpoint and egress, a
number of bytes by any that moved more, whatever its activity. Pure.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.patterns.first_silence import first_silence
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.scopes import Scope, Variable, bracket_of, by_pair, byte_floors
from stresser.analysis.patterns.session_lives import Drop, Lives
from stresser.analysis.patterns.silence_contrast import silence_contrast
from stresser.statistics.brackets import Bracket, agreement
from stresser.statistics.concentration import (
    FEWEST,
    GRAIN,
    MOST_SURVIVORS,
    Concentration,
    TimerLimit,
    are_one,
    concentration,
    timer_limit,
    tolerance,
)
from stresser.statistics.exposure import Exposure

_MOST_TIMERS = 3
"""Of one scope and one variable."""
_MEANT = 0.5
"""So much of one timer's drops are another's: they are one timer, counted in two ways."""
_NEARLY_ALL = 0.9
_AS_TIGHT = 1.2
_RARER = 0.8
"""A limit on bytes must explain a quarter more drops than one on age to come before it."""
_BYTE_GRAIN = 1
_FEWEST_BYTES = 10_000
"""Beyond the handshake: a limit below it would let no page load, and pings alone stay below it."""
_ENOUGH_SURVIVORS = 2
_EXACTER = 2
"""So much smaller are the ticks of timers that together are better than one."""


def find_timers(
    lives: Lives,
    plan: PlanFacts,
    scopes: Sequence[Scope],
    candidates: Collection[int],
    units: Collection[int],
) -> list[FoundTimer]:
    """All timers of a run, those with most drops first.

    `candidates`: drops that a timer may have made. `units`: those of them that count as
    witnesses, one of each shared moment.
    """
    if len(candidates) < FEWEST:
        return []
    search = _Search(lives, plan, scopes, set(candidates), set(units))
    found = [timer for scope in scopes for timer in search.of_scope(scope)]
    ones = [timer for timer in found if not _is_several(timer, found)]
    return sorted(_without_repeats(ones), key=lambda one: -len(one.drops))


class _Hit(NamedTuple):
    """Endings that one variable explains, and where that puts the timer."""

    variable: Variable
    limit: TimerLimit
    members: frozenset[int]
    here: Concentration


class _Search:
    """What all searches of one run share."""

    def __init__(
        self,
        lives: Lives,
        plan: PlanFacts,
        scopes: Sequence[Scope],
        candidates: set[int],
        units: set[int],
    ) -> None:
        self._lives, self._plan = lives, plan
        self._candidates, self._units = candidates, units
        self._searches = len(scopes) * len(Variable)
        self._floors = byte_floors(lives)
        self._by_pair = by_pair(scopes)

    def of_scope(self, scope: Scope) -> list[FoundTimer]:
        """The timers of one scope, separated as far as can be."""
        drops = [number for number in scope.drops if number in self._candidates]
        hits = [hit for variable in Variable for hit in self._scan(scope, variable, drops)]
        if not any(hit.variable is Variable.IDLE for hit in hits):
            hits += self._contrast(scope, drops) or self._first_silence(scope, drops)
        weighed = [timer for hit in hits if (timer := self._weighed(scope, hit)) is not None]
        return list(_without_repeats(weighed))

    def _scan(self, scope: Scope, variable: Variable, numbers: list[int]) -> list[_Hit]:
        exposure = scope.exposure(variable)
        rest, found = numbers, list[Concentration]()
        every = self._brackets(numbers, variable)
        members: list[frozenset[int]] = []
        for _ in range(_MOST_TIMERS):
            known = {number: every[number] for number in rest if number in every}
            here = self._concentration(scope, variable, known, exposure)
            if here is None:
                break
            order = list(known)
            members.append(frozenset(order[i] for i in here.members))
            found.append(here)
            rest = [number for number in rest if number not in members[-1]]
        return [
            self._hit(variable, every, own, here)
            for own, here in self._joined(every, members, found, exposure)
        ]

    def _hit(
        self,
        variable: Variable,
        known: Mapping[int, Bracket],
        members: frozenset[int],
        here: Concentration,
    ) -> _Hit:
        brackets = [known[number] for number in members]
        limit = timer_limit(brackets, self._moments(members), _grain(variable))
        return _Hit(variable, limit, members, here)

    def _joined(
        self,
        known: Mapping[int, Bracket],
        members: Sequence[frozenset[int]],
        found: Sequence[Concentration],
        exposure: Exposure,
    ) -> list[tuple[frozenset[int], Concentration]]:
        """Two that together are one coarse timer's become one.

        Whoever comes back from a tick is in step with the ticks from then on, and dies at one
        value; the first generation dies at all that a tick allows.
        """
        joined = list(zip(members, found, strict=True))
        order = list(known)
        units = [i for i, number in enumerate(order) if number in self._units]
        brackets = list(known.values())
        while len(joined) > 1:
            (own, here), (other, _) = joined[:2]
            both = own | other
            places = [i for i, number in enumerate(order) if number in both]
            if not are_one(brackets, places, units, exposure, self._searches):
                break
            joined[:2] = [(both, here)]
        return joined

    def _concentration(
        self,
        scope: Scope,
        variable: Variable,
        known: Mapping[int, Bracket],
        exposure: Exposure,
    ) -> Concentration | None:
        order = list(known)
        units = [i for i, number in enumerate(order) if number in self._units]
        answers = sum(self._drop(order[i]).is_answer for i in units)
        survivors = scope.survivors(variable, announced=2 * answers < len(units))
        brackets, grain = list(known.values()), _grain(variable)
        return concentration(brackets, units, exposure, survivors, self._searches, grain)

    def _contrast(self, scope: Scope, numbers: list[int]) -> list[_Hit]:
        drops = [self._drop(number) for number in numbers]
        units = [i for i, number in enumerate(numbers) if number in self._units]
        every = [self._plan.pings_every_ns(place.cohort) for place in self._lives.places]
        found = silence_contrast(drops, units, scope.lives, every.__getitem__, self._searches)
        if found is None:
            return []
        here, survived_ns = found
        silences = [silence for i in here.members if (silence := drops[i].silence) is not None]
        least = timer_limit(silences, len(silences)).bracket
        bracket = Bracket(max(survived_ns, least.low), max(survived_ns, least.high))
        members = frozenset(numbers[i] for i in here.members)
        return [_Hit(Variable.IDLE, TimerLimit(bracket, None), members, here)]

    def _first_silence(self, scope: Scope, numbers: list[int]) -> list[_Hit]:
        drops = [self._drop(number) for number in numbers]
        units = [i for i, number in enumerate(numbers) if number in self._units]
        pairs = scope.extent.pairs & self._by_pair.keys()
        every = {number for pair in pairs for number in self._by_pair[pair].drops}
        others = len(every - set(scope.drops))
        here = first_silence(drops, units, scope, others, self._searches)
        if here is None:
            return []
        members = frozenset(numbers[i] for i in here.members)
        return [_Hit(Variable.IDLE, TimerLimit(here.window, None), members, here)]

    def _weighed(self, scope: Scope, hit: _Hit) -> FoundTimer | None:
        """The timer, with what else it could be; None where sessions lived through all of it."""
        limits = {hit.variable: hit.limit}
        for variable in Variable:
            if variable is not hit.variable and (limit := self._fit(hit, variable)) is not None:
                limits[variable] = limit
        if Variable.BYTES in limits and limits[Variable.BYTES].bracket.high < _FEWEST_BYTES:
            del limits[Variable.BYTES]
        refuted = {
            variable: lived
            for variable, limit in limits.items()
            if (lived := self._refute(scope, variable, limit, hit.members))
        }
        left = [variable for variable in Variable if variable in limits and variable not in refuted]
        if not left:
            return None
        first = limits[left[0]]
        return FoundTimer(
            scope=scope.extent,
            variables=left,
            brackets={v: self._shown(scope, v, limits[v].bracket) for v in left},
            tick_ns=None if left[0] is Variable.BYTES else first.tick,
            drops=hit.members,
            witnesses=len(hit.members & self._units),
            survivors=round(hit.here.survivors),
            refuted=refuted,
            chance=min(hit.here.chance, 1.0),
        )

    def _shown(self, scope: Scope, variable: Variable, bracket: Bracket) -> Bracket:
        """A limit on bytes counts those of the handshake as well."""
        if variable is not Variable.BYTES:
            return bracket
        floor = min((self._floors[life.place] for life in scope.lives), default=0)
        return Bracket(bracket.low + floor, bracket.high + floor)

    def _fit(self, hit: _Hit, variable: Variable) -> TimerLimit | None:
        """Where the timer would lie if it counted this, if its drops agree on that as well."""
        own = agreement(list(self._brackets(hit.members, hit.variable).values()))
        known = list(self._brackets(hit.members, variable).values())
        agreed = agreement(known)
        if own is None or agreed is None or len(known) < _NEARLY_ALL * len(hit.members):
            return None
        as_tight = _AS_TIGHT * own.width / max(own.high, 1) * agreed.high
        if agreed.width > max(tolerance(agreed.high, _grain(variable)), as_tight):
            return None
        return timer_limit(known, self._moments(hit.members), _grain(variable))

    def _refute(
        self, scope: Scope, variable: Variable, limit: TimerLimit, members: frozenset[int]
    ) -> int:
        """How many lived through a timer, where they are enough to refute it; else 0.

        One session is enough against an age or a number of bytes. A silence may have been broken
        by something unrecorded: against that it takes more.
        """
        latest = max(bracket.high for bracket in self._brackets(members, variable).values())
        late = max(latest, limit.bracket.high)
        high = late + tolerance(late, _grain(variable))
        pairs = scope.extent.pairs & self._by_pair.keys()
        lived = round(sum(self._by_pair[pair].proved(variable).longer_than(high) for pair in pairs))
        few = lived < _ENOUGH_SURVIVORS or lived <= MOST_SURVIVORS * (lived + len(members))
        return 0 if variable is Variable.IDLE and few else lived

    def _brackets(self, numbers: Collection[int], variable: Variable) -> dict[int, Bracket]:
        return {
            number: bracket
            for number in sorted(numbers)
            if (bracket := bracket_of(self._drop(number), variable, self._floors)) is not None
        }

    def _moments(self, members: Collection[int]) -> int:
        """At how many moments they came."""
        return len({self._drop(number).moment.high // GRAIN for number in members})

    def _drop(self, number: int) -> Drop:
        return self._lives.drops[number]


def _grain(variable: Variable) -> int:
    return _BYTE_GRAIN if variable is Variable.BYTES else GRAIN


def _is_several(timer: FoundTimer, found: Sequence[FoundTimer]) -> bool:
    """Whether parts of its scope have exacter ones: two values side by side look like one tick."""
    if timer.tick_ns is None:
        return False
    exacter = [
        other.drops & timer.drops
        for other in found
        if other.scope.cohorts < timer.scope.cohorts
        and (other.tick_ns or 0) * _EXACTER <= timer.tick_ns
    ]
    return len(frozenset().union(*exacter)) >= _NEARLY_ALL * len(timer.drops)


def _without_repeats(found: Sequence[FoundTimer]) -> Iterator[FoundTimer]:
    """Of timers that explain the same drops, the one that explains most.

    Where two explain as many, silence comes before age and both before bytes, for that is how
    common such timers are; the narrower scope says more, and of two of one pair the one whose
    other sessions tell silence from age.
    """
    kept: list[FoundTimer] = []
    for timer in sorted(found, key=_rank):
        if not any(_is_same(one, timer) for one in kept):
            kept.append(timer)
            yield timer


def _rank(timer: FoundTimer) -> tuple[bool, float, int, int, int, int]:
    scope = timer.scope
    worth = len(timer.drops) * (_RARER if timer.variable is Variable.BYTES else 1)
    kind = list(Variable).index(timer.variable)
    return (
        timer.is_upper_bound,
        -worth,
        len(scope.pairs),
        len(timer.variables),
        len(scope.cohorts),
        kind,
    )


def _is_same(one: FoundTimer, other: FoundTimer) -> bool:
    shared = len(one.drops & other.drops)
    return shared > _MEANT * min(len(one.drops), len(other.drops))
