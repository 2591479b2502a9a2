"""Parts of a run in which one timer may be at work: an egress, an endpoint, a cohort, ...

A scope knows its drops in brackets of age, silence and bytes, and what time its sessions spent
at each. A heartbeat session that has survived one silence of its schedule shows no timer of
silence with the next one that is as long: it leaves that search with its first silence. Pure.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from operator import sub
from typing import NamedTuple

from stresser.analysis.patterns.session_lives import Drop, Life, Lives
from stresser.model.cohort import Cohort, Pair
from stresser.statistics.brackets import Bracket
from stresser.statistics.columns import Chosen
from stresser.statistics.exposure import Exposure, Survivors
from stresser.statistics.numerics import Numbers, np


class Variable(StrEnum):
    """What a timer counts."""

    IDLE = "idle"
    """Nanoseconds in which nothing passed."""
    AGE = "age"
    """Nanoseconds since the session opened."""
    BYTES = "bytes"
    """Bytes in both directions."""


class Extent(NamedTuple):
    """Which part of a run: some of its cohorts, by what they share."""

    endpoint: str | None
    """None: all endpoints through this egress."""
    egress: str | None
    """None: all egresses to this endpoint."""
    activity: str | None
    """None: all activities."""
    cohorts: frozenset[Cohort]

    @property
    def pairs(self) -> frozenset[Pair]:
        """Of its cohorts."""
        return frozenset(cohort.pair for cohort in self.cohorts)

    @property
    def is_pair(self) -> bool:
        """All of one endpoint through one egress."""
        return self.activity is None and len(self.pairs) == 1


class Scope:
    """The sessions of a part of the run."""

    def __init__(self, extent: Extent, lives: Lives, floors: Mapping[int, int]) -> None:
        self.extent = extent
        self.lives = Chosen(
            lives.lives, *(lives.rows_of[cohort] for cohort in sorted(extent.cohorts))
        )
        self.drops = array("i")
        """Numbers of the run's drops that a timer may have made."""
        self._floors = floors

    def exposure(self, variable: Variable) -> Exposure:
        """What the sessions passed, in the sense of `Exposure`."""
        if variable is Variable.AGE:
            return Exposure.of(
                map(sub, self.lives.column("ended_ns"), self.lives.column("opened_ns"))
            )
        if variable is Variable.IDLE:
            return Exposure.weighed(silence for life in self.lives for silence in _silences(life))
        return Exposure.weighed(_moved(life, self._floors) for life in self.lives if life.bytes)

    def survivors(self, variable: Variable, *, announced: bool) -> Survivors:
        """What the sessions are known to have survived.

        `announced`: the endings looked at came by themselves, so a session that saw none had none.
        Else only what the other side proved counts.
        """
        if not announced or variable is Variable.BYTES:
            return self.proved(variable)
        if variable is Variable.AGE:
            lived = self.lives.numbers("ended_ns")
            lived -= self.lives.numbers("opened_ns")
            return Survivors(lived)
        longest = self.lives.numbers("survived_ns")
        np.maximum(longest, self.lives.numbers("last_silence_ns"), out=longest)
        return Survivors(longest)

    def proved(self, variable: Variable) -> Survivors:
        """What each session is proved to have lived through, at the most."""
        if variable is Variable.AGE:
            return Survivors(self.lives.numbers("proved_age_ns"))
        if variable is Variable.IDLE:
            return Survivors(self.lives.numbers("survived_ns"))
        return Survivors(self._moved())

    def _moved(self) -> Numbers:
        """Bytes of each session since the handshake, as `_moved` has them; 0: it moved none."""
        places, moved = self.lives.numbers("place"), self.lives.numbers("bytes")
        known = range(int(places.max(initial=-1)) + 1)
        floors = np.array([self._floors.get(place, 0) for place in known], np.int64)
        return np.where(moved != 0, np.maximum(moved - floors[places], 1), 0)


def by_pair(scopes: Iterable[Scope]) -> dict[Pair, Scope]:
    """The scopes of one endpoint through one egress, all activities together."""
    return {next(iter(scope.extent.pairs)): scope for scope in scopes if scope.extent.is_pair}


def bracket_of(drop: Drop, variable: Variable, floors: Mapping[int, int]) -> Bracket | None:
    """Where the timer would lie that made this drop; None when it cannot have made it."""
    if variable is Variable.AGE:
        return drop.age
    if variable is Variable.IDLE:
        return drop.silence
    if not drop.life.beats:
        return None
    moved, _ = _moved(drop.life, floors)
    # The limit was met within the last beat, or by what we were sent and never got.
    beat = moved // drop.life.beats
    return Bracket(max(moved - beat, 0), moved + beat)


def byte_floors(lives: Lives) -> dict[int, int]:
    """By place: the bytes of a handshake, which pass in no time.

    Of a cohort's sessions with the fewest and the most beats: what is left when each beat moved
    as much; where all had as many beats, the fewest bytes. Of the cohorts of one endpoint through
    one egress, whose handshakes are alike, the least.
    """
    fewest: dict[Cohort, tuple[int, int]] = {}
    most: dict[Cohort, tuple[int, int]] = {}
    columns = map(lives.lives.column, ("place", "beats", "bytes"))
    for place, beats, moved in zip(*columns, strict=True):
        if moved:
            cohort = lives.places[place].cohort
            fewest[cohort] = min(fewest.get(cohort, (beats, moved)), (beats, moved))
            most[cohort] = max(most.get(cohort, (beats, -moved)), (beats, -moved))
    floors: dict[Pair, int] = {}
    for cohort, least in fewest.items():
        beats, moved = most[cohort]
        floor = _floor(least, (beats, -moved))
        floors[cohort.pair] = min(floors.get(cohort.pair, floor), floor)
    return {index: floors.get(place.cohort.pair, 0) for index, place in enumerate(lives.places)}


def _floor(fewest: tuple[int, int], most: tuple[int, int]) -> int:
    """Both: beats and bytes."""
    beats, moved = fewest
    if most[0] == beats:
        return moved
    beat = (most[1] - moved) / (most[0] - beats)
    return max(min(round(moved - beats * beat), moved), 0)


def scopes_of(lives: Lives, most: int) -> list[Scope]:
    """Each pair; each cohort, endpoint and egress where that is something else; at most `most`."""
    cohorts = [way.cohort for way in lives.places]
    floors = byte_floors(lives)
    scopes = [
        Scope(extent, lives, floors)
        for extent in islice(_extents(list(dict.fromkeys(cohorts))), most)
    ]
    by_cohort: dict[Cohort, list[Scope]] = {}
    for scope in scopes:
        for cohort in scope.extent.cohorts:
            by_cohort.setdefault(cohort, []).append(scope)
    for number, drop in enumerate(lives.drops):
        for scope in by_cohort.get(cohorts[drop.life.place], ()):
            scope.drops.append(number)
    return scopes


def _extents(cohorts: list[Cohort]) -> Iterator[Extent]:
    pairs = list(dict.fromkeys(cohort.pair for cohort in cohorts))
    for pair in pairs:
        own = [cohort for cohort in cohorts if cohort.pair == pair]
        yield Extent(pair.endpoint, pair.egress, None, frozenset(own))
    for egress in dict.fromkeys(pair.egress for pair in pairs):
        if sum(pair.egress == egress for pair in pairs) > 1:
            own = [cohort for cohort in cohorts if cohort.egress == egress]
            yield Extent(None, egress, None, frozenset(own))
    for endpoint in dict.fromkeys(pair.endpoint for pair in pairs):
        if sum(pair.endpoint == endpoint for pair in pairs) > 1:
            own = [cohort for cohort in cohorts if cohort.endpoint == endpoint]
            yield Extent(endpoint, None, None, frozenset(own))
    for cohort in cohorts:
        if sum(cohort.pair == other.pair for other in cohorts) > 1:
            yield Extent(*cohort, frozenset([cohort]))


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
