"""Parts of a run in which one timer may be at work: an egress, an endpoint, a cohort, ...

A scope knows its drops in brackets of age, silence and bytes, and what time its sessions spent
at each. A heartbeat session that has survived one silence of its schedule shows no timer of
silence with the next one that is as long: it leaves that search with its first silence. Pure.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from stresser.analysis.patterns.session_lives import Drop, Life, Lives
from stresser.model.cohort import Cohort
from stresser.statistics.brackets import Bracket
from stresser.statistics.exposure import Exposure


class Variable(StrEnum):
    """What a timer counts."""

    IDLE = "idle"
    """Nanoseconds in which nothing passed."""
    AGE = "age"
    """Nanoseconds since the session opened."""
    BYTES = "bytes"
    """Bytes in both directions."""


class Pair(NamedTuple):
    """One endpoint through one egress."""

    endpoint: str
    egress: str


class Scope:
    """Sessions of one or more cohorts."""

    def __init__(
        self,
        endpoint: str | None,
        egress: str | None,
        activity: str | None,
        cohorts: Collection[Cohort],
    ) -> None:
        self.endpoint = endpoint
        """None: all endpoints through this egress."""
        self.egress = egress
        """None: all egresses to this endpoint."""
        self.activity = activity
        """None: all activities."""
        self.cohorts = frozenset(cohorts)
        self.pairs = frozenset(Pair(cohort.endpoint, cohort.egress) for cohort in cohorts)
        self.lives: list[Life] = []
        self.drops: list[int] = []
        """Numbers of the run's drops that a timer may have made."""

    def exposure(self, variable: Variable, floors: Mapping[int, int]) -> Exposure:
        """What the sessions passed, in the sense of `Exposure`."""
        if variable is Variable.AGE:
            return Exposure((life.ended_ns - life.opened_ns, 1.0) for life in self.lives)
        if variable is Variable.IDLE:
            return Exposure(silence for life in self.lives for silence in _silences(life))
        return Exposure(_moved(life, floors) for life in self.lives if life.bytes)

    def survivors(
        self, variable: Variable, floors: Mapping[int, int], *, announced: bool
    ) -> Exposure:
        """What the sessions are known to have survived.

        `announced`: the endings looked at came by themselves, so a session that saw none had none.
        Else only what the other side proved counts.
        """
        return self._announced(variable, floors) if announced else self._proved(variable, floors)

    def _announced(self, variable: Variable, floors: Mapping[int, int]) -> Exposure:
        if variable is Variable.AGE:
            return Exposure((life.ended_ns - life.opened_ns, 1.0) for life in self.lives)
        if variable is Variable.IDLE:
            both = ((life.survived_ns, life.last_silence_ns) for life in self.lives)
            return Exposure((max(one), 1.0) for one in both)
        return Exposure((_moved(life, floors)[0], 1.0) for life in self.lives if life.bytes)

    def _proved(self, variable: Variable, floors: Mapping[int, int]) -> Exposure:
        if variable is Variable.AGE:
            return Exposure((life.proved_age_ns, 1.0) for life in self.lives)
        if variable is Variable.IDLE:
            return Exposure((life.survived_ns, 1.0) for life in self.lives)
        return self._announced(variable, floors)

    @cached_property
    def proved_ages(self) -> Exposure:
        """Ages that sessions are proved to have reached."""
        return self._proved(Variable.AGE, {})

    @cached_property
    def proved_silences(self) -> Exposure:
        """The longest silence that each session is proved to have survived."""
        return self._proved(Variable.IDLE, {})


def bracket_of(drop: Drop, variable: Variable, floors: Mapping[int, int]) -> Bracket | None:
    """Where the timer would lie that made this drop; None when it cannot have made it."""
    if variable is Variable.AGE:
        return drop.age
    if variable is Variable.IDLE:
        return drop.silence
    if not drop.life.bytes:
        return None
    moved, _ = _moved(drop.life, floors)
    age = drop.age
    before = moved * age.low // age.high if age.high else 0
    return Bracket(before, moved)


def byte_floors(lives: Lives) -> dict[int, int]:
    """By way: the bytes of a handshake, which pass in no time: the least of its cohort."""
    least: dict[object, int] = {}
    for life in lives.lives:
        if life.bytes:
            cohort = lives.places[life.place].cohort
            least[cohort] = min(least.get(cohort, life.bytes), life.bytes)
    return {index: least.get(way.cohort, 0) for index, way in enumerate(lives.places)}


def scopes_of(lives: Lives, most: int) -> list[Scope]:
    """Each pair; each cohort, endpoint and egress where that is something else; at most `most`."""
    cohorts = [way.cohort for way in lives.places]
    scopes = list(islice(_scopes(list(dict.fromkeys(cohorts))), most))
    by_cohort: dict[Cohort, list[Scope]] = {}
    for scope in scopes:
        for cohort in scope.cohorts:
            by_cohort.setdefault(cohort, []).append(scope)
    for life in lives.lives:
        for scope in by_cohort.get(cohorts[life.place], ()):
            scope.lives.append(life)
    for number, drop in enumerate(lives.drops):
        for scope in by_cohort.get(cohorts[drop.life.place], ()):
            scope.drops.append(number)
    return scopes


def _scopes(cohorts: list[Cohort]) -> Iterator[Scope]:
    pairs = list(dict.fromkeys(Pair(cohort.endpoint, cohort.egress) for cohort in cohorts))
    for pair in pairs:
        own = [cohort for cohort in cohorts if (cohort.endpoint, cohort.egress) == pair]
        yield Scope(pair.endpoint, pair.egress, None, own)
    for egress in dict.fromkeys(pair.egress for pair in pairs):
        if sum(pair.egress == egress for pair in pairs) > 1:
            own = [cohort for cohort in cohorts if cohort.egress == egress]
            yield Scope(None, egress, None, own)
    for endpoint in dict.fromkeys(pair.endpoint for pair in pairs):
        if sum(pair.endpoint == endpoint for pair in pairs) > 1:
            own = [cohort for cohort in cohorts if cohort.endpoint == endpoint]
            yield Scope(endpoint, None, None, own)
    for cohort in cohorts:
        if sum(cohort[:2] == other[:2] for other in cohorts) > 1:
            yield Scope(*cohort, [cohort])


def _silences(life: Life) -> Iterator[tuple[int, float]]:
    if life.survived_ns:
        yield life.survived_ns, 1.0
        if life.last_silence_ns > life.survived_ns:
            yield life.last_silence_ns, 1.0
    elif life.last_silence_ns:
        # What passed before is not recorded: as if it had been more silences of this length.
        rest = life.ended_ns - life.opened_ns - life.last_silence_ns
        yield life.last_silence_ns, 1.0 + max(rest, 0) / life.last_silence_ns


def _moved(life: Life, floors: Mapping[int, int]) -> tuple[int, float]:
    """Bytes since the handshake, and the time that passed with each."""
    moved = max(life.bytes - floors.get(life.place, 0), 1)
    return moved, max(life.ended_ns - life.opened_ns, 1) / moved
