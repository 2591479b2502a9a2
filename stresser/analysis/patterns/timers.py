"""Timers: the silence, age or number of bytes at which sessions are ended, with its bracket.

`concentration.py` and `contrast.py` find them in each scope; here they are told apart and
joined. Silence, age and bytes that fit the same drops equally well are all named: what the data
cannot tell is said. Pure.
"""

from collections.abc import Collection, Sequence

from msgspec import Struct

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.patterns.scopes import Scope, Variable, bracket_of, byte_floors, scopes_of
from stresser.analysis.patterns.session_lives import Drop, Lives
from stresser.analysis.patterns.silence_contrast import silence_contrast
from stresser.statistics.brackets import Bracket
from stresser.statistics.concentration import (
    GRAIN,
    Concentration,
    concentration,
    timer_bracket,
    tolerance,
)
from stresser.statistics.exposure import Exposure

MOST_SCOPES = 200
_MOST_TIMERS = 3
"""Of one scope and one variable."""
_MEANT = 0.5
"""So much of one timer's drops are another's: they are one timer, counted in two ways."""
_BYTE_GRAIN = 1
_ENOUGH_SURVIVORS = 2


class FoundTimer(Struct, kw_only=True):
    """A timer, and the drops that it explains."""

    scope: Scope
    variables: list[Variable]
    """The likeliest first; more than one where the drops do not tell them apart."""
    brackets: dict[Variable, Bracket]
    """Where the timer lies, for each of `variables`."""
    drops: frozenset[int]
    """Numbers of the drops it explains."""
    witnesses: int
    """Of those, how many count: of drops that share a moment, one."""
    survivors: int
    """Sessions (of silence: sessions or silences) that lived through it all the same."""
    refuted: dict[Variable, int]
    """What would fit the drops as well, but for so many sessions that lived through it."""
    chance: float
    """That a run without any timer shows one like it."""

    @property
    def variable(self) -> Variable:
        """The likeliest."""
        return self.variables[0]

    @property
    def bracket(self) -> Bracket:
        """Of the likeliest variable."""
        return self.brackets[self.variable]


def find_timers(
    lives: Lives, plan: PlanFacts, candidates: Collection[int], units: Collection[int]
) -> list[FoundTimer]:
    """All timers of a run, those with most drops first.

    `candidates`: drops that a timer may have made. `units`: those of them that count as
    witnesses, one of each shared moment.
    """
    if not candidates:
        return []
    scopes = scopes_of(lives, MOST_SCOPES)
    search = _Search(lives, plan, set(candidates), set(units), len(scopes) * len(Variable))
    found = [timer for scope in scopes for timer in search.of_scope(scope)]
    return _without_repeats(found)


class _Search:
    """What all searches of one run share."""

    def __init__(
        self,
        lives: Lives,
        plan: PlanFacts,
        candidates: set[int],
        units: set[int],
        searches: int,
    ) -> None:
        self._lives, self._plan = lives, plan
        self._candidates, self._units, self._searches = candidates, units, searches
        self._floors = byte_floors(lives)

    def of_scope(self, scope: Scope) -> list[FoundTimer]:
        """The timers of one scope, told apart as far as can be."""
        drops = [number for number in scope.drops if number in self._candidates]
        idle = self._scan(scope, Variable.IDLE, drops) or self._contrast(scope, drops)
        age = self._scan(scope, Variable.AGE, drops)
        byte = self._scan(scope, Variable.BYTES, drops)
        return _told_apart(idle, age, byte)

    def _scan(self, scope: Scope, variable: Variable, numbers: list[int]) -> list[FoundTimer]:
        exposure = scope.exposure(variable, self._floors)
        grain = GRAIN if variable is not Variable.BYTES else _BYTE_GRAIN
        rest, found = numbers, []
        for _ in range(_MOST_TIMERS):
            known = {
                number: bracket
                for number in rest
                if (bracket := bracket_of(self._drop(number), variable, self._floors)) is not None
            }
            here = self._concentration(scope, variable, known, exposure, grain)
            if here is None:
                break
            order = list(known)
            members = frozenset(order[i] for i in here.members)
            bracket = timer_bracket([known[number] for number in members], grain)
            found.append(self._timer(scope, variable, bracket, members, here))
            rest = [number for number in rest if number not in members]
        return found

    def _concentration(
        self,
        scope: Scope,
        variable: Variable,
        known: dict[int, Bracket],
        exposure: Exposure,
        grain: int,
    ) -> Concentration | None:
        order = list(known)
        units = [i for i, number in enumerate(order) if number in self._units]
        answers = sum(self._drop(order[i]).is_answer for i in units)
        survivors = scope.survivors(variable, self._floors, announced=2 * answers < len(units))
        return concentration(
            list(known.values()), units, exposure, survivors, self._searches, grain
        )

    def _contrast(self, scope: Scope, numbers: list[int]) -> list[FoundTimer]:
        drops = [self._drop(number) for number in numbers]
        units = [i for i, number in enumerate(numbers) if number in self._units]
        every = [self._plan.pings_every_ns(way.cohort) for way in self._lives.ways]
        found = silence_contrast(drops, units, scope.lives, every.__getitem__, self._searches)
        if found is None:
            return []
        here, survived_ns = found
        silences = [silence for i in here.members if (silence := drops[i].silence) is not None]
        least = timer_bracket(silences)
        bracket = Bracket(max(survived_ns, least.low), max(survived_ns, least.high))
        members = frozenset(numbers[i] for i in here.members)
        return [self._timer(scope, Variable.IDLE, bracket, members, here)]

    def _timer(
        self,
        scope: Scope,
        variable: Variable,
        bracket: Bracket,
        members: frozenset[int],
        here: Concentration,
    ) -> FoundTimer:
        return FoundTimer(
            scope=scope,
            variables=[variable],
            brackets={variable: bracket},
            drops=members,
            witnesses=len(members & self._units),
            survivors=round(here.survivors),
            refuted={},
            chance=min(here.chance, 1.0),
        )

    def _drop(self, number: int) -> Drop:
        return self._lives.drops[number]


def _told_apart(
    idle: list[FoundTimer], age: list[FoundTimer], byte: list[FoundTimer]
) -> list[FoundTimer]:
    """Timers of different variables that explain the same drops become one.

    The one that explains more drops comes first; where they explain as many, silence before age,
    and both before bytes: that is how common such timers are.
    """
    kept: list[FoundTimer] = []
    likely = sorted([*idle, *age], key=lambda one: -len(one.drops))
    # Bytes and age go together wherever sessions are alike: bytes alone are the rarer timer.
    for timer in [*likely, *byte]:
        same = next((one for one in kept if _is_same(one, timer)), None)
        if same is None:
            kept.append(timer)
        elif _explains_as_much(same, timer) and timer.variable not in same.brackets:
            _join(kept, same, timer)
    return kept


def _join(kept: list[FoundTimer], same: FoundTimer, timer: FoundTimer) -> None:
    """Two that explain as much: both stay, unless survivors speak against one of them alone."""
    fewer, more = sorted([same, timer], key=lambda one: one.survivors)
    if fewer.survivors == 0 and more.survivors >= _ENOUGH_SURVIVORS:
        fewer.refuted = same.refuted | timer.refuted | {more.variable: more.survivors}
        kept[kept.index(same)] = fewer
        return
    same.variables.append(timer.variable)
    same.brackets |= timer.brackets


def _is_same(one: FoundTimer, other: FoundTimer) -> bool:
    shared = len(one.drops & other.drops)
    return shared > _MEANT * min(len(one.drops), len(other.drops))


def _explains_as_much(one: FoundTimer, other: FoundTimer) -> bool:
    return len(other.drops) >= 0.9 * len(one.drops)


def _without_repeats(found: Sequence[FoundTimer]) -> list[FoundTimer]:
    """Of timers that explain the same drops, the one of the scope that explains most.

    Where two scopes explain as many, the narrower one says more, and of two of one pair the one
    whose other sessions tell silence from age.
    """
    kept: list[FoundTimer] = []
    for timer in sorted(found, key=_rank):
        if not any(_is_same(one, timer) for one in kept):
            kept.append(timer)
    return sorted(kept, key=lambda one: -len(one.drops))


def _rank(timer: FoundTimer) -> tuple[bool, int, int, int, int]:
    is_rare, scope = timer.variable is Variable.BYTES, timer.scope
    told = len(timer.variables)
    return is_rare, -len(timer.drops), len(scope.pairs), told, len(scope.cohorts)


def explains(timer: FoundTimer, drop: Drop, lives: Lives) -> bool:
    """Whether the timer's bracket and the drop's have a value in common, in the timer's scope."""
    cohort = lives.ways[drop.life.way].cohort
    if (cohort.endpoint, cohort.egress) not in timer.scope.pairs:
        return False
    if timer.variable is Variable.BYTES:
        return False  # known of the drops that were searched, of no others
    own = bracket_of(drop, timer.variable, {})
    if own is None:
        return False
    pad = tolerance(timer.bracket.high)
    return own.low <= timer.bracket.high + pad and timer.bracket.low - pad <= own.high
