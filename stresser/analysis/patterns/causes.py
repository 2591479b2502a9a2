"""What the drops of a run have in common: one moment, one timer, or nothing.

Drops that share a moment are an incident, unless their ages or silences agree more closely than
their moments do: then a timer made them, and they died together because they had started
together. Where both agree equally well, other sessions decide; where none can, it is said.
Pure.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.patterns.moments import Moment, moments
from stresser.analysis.patterns.scopes import Pair, Scope, scopes_of
from stresser.analysis.patterns.session_lives import Drop, Lives
from stresser.analysis.patterns.timers import MOST_SCOPES, FoundTimer, explains, find_timers
from stresser.model.cohort import Cohort
from stresser.model.units import NS_PER_MS
from stresser.statistics.brackets import Agreement, Bracket, agreement
from stresser.statistics.concentration import MOST_SURVIVORS, tolerance

_TIGHTER = 2
"""Times closer together than the other: then it is told."""
_GRAIN_NS = 10 * NS_PER_MS
"""Widths below this are all the same: endings are not dated better."""
_MOST_NOT_IDLE = 0.2
_FEWEST_SURVIVORS = 2


class Common(StrEnum):
    """What the drops of one moment have in common."""

    ALONE = "alone"
    """One drop, or several that are one by one explained by a timer."""
    MOMENT = "moment"
    TIMER = "timer"
    UNTOLD = "untold"
    """A moment or a timer: they all started together, and nothing else tells."""


class Cluster(Struct, frozen=True, kw_only=True):
    """Drops that are one incident."""

    common: Common
    drops: list[int]
    span: Bracket
    expected: float
    """How many such a run would show by chance."""
    timer: int | None
    """The number of the timer that explains its drops, where one does."""


class Causes(Struct, frozen=True, kw_only=True):
    """All of a run's drops, sorted out."""

    clusters: list[Cluster]
    """In the order of time; each drop is in one."""
    timers: list[FoundTimer]

    def by_cohort(self, lives: Lives) -> Counter[Cohort]:
        """How many incidents had drops of each cohort."""
        return Counter(
            cohort
            for cluster in self.clusters
            for cohort in {lives.places[lives.drops[i].life.place].cohort for i in cluster.drops}
        )


def find_causes(lives: Lives, plan: PlanFacts) -> Causes:
    """Sort out the drops of a run. `lives` has been closed.

    Timers are looked for first, where drops that share a moment count as one witness; then
    moments, among the drops that no timer explains.
    """
    everything = range(len(lives.drops))
    found = _moments(everything, lives)
    candidates, units = _candidates(found, [_look(moment, lives.drops) for moment in found])
    timers = find_timers(lives, plan, candidates, units)
    timed = {
        number: timer for number in sorted(candidates) if (timer := _timer(number, lives, timers))
    }
    controls = _Controls(lives)
    clusters = [
        Cluster(common=Common.ALONE, drops=[number], span=lives.drops[number].moment,
                expected=0.0, timer=timer - 1)
        for number, timer in timed.items()
    ]  # fmt: skip
    for moment in _moments([number for number in everything if number not in timed], lives):
        clusters += _clusters(moment, lives.drops, controls)
    return Causes(clusters=sorted(clusters, key=lambda cluster: cluster.span), timers=timers)


def _moments(numbers: Sequence[int], lives: Lives) -> list[Moment]:
    found = moments([lives.drops[number].moment for number in numbers], lives.now_ns)
    return [moment._replace(members=[numbers[i] for i in moment.members]) for moment in found]


def _timer(number: int, lives: Lives, timers: Sequence[FoundTimer]) -> int:
    """The timer that explains a drop, counted from 1; 0: none."""
    for position, timer in enumerate(timers, 1):
        if number in timer.drops or explains(timer, lives.drops[number], lives):
            return position
    return 0


def _look(moment: Moment, drops: Sequence[Drop]) -> Common:
    """What the drops of a moment alone tell."""
    members = [drops[i] for i in moment.members]
    if len(members) == 1:
        return Common.ALONE
    together = _width(agreement([drop.moment for drop in members]))
    silences = [drop.silence for drop in members if drop.silence is not None]
    is_idle = len(silences) >= (1 - _MOST_NOT_IDLE) * len(members)
    timed = _width(agreement([drop.age for drop in members]))
    if is_idle:
        timed = min(timed, _width(agreement(silences)))
    if timed * _TIGHTER <= together:
        return Common.TIMER
    return Common.MOMENT if together * _TIGHTER <= timed else Common.UNTOLD


def _width(agreed: Agreement | None) -> int:
    return _GRAIN_NS if agreed is None else max(agreed.width, _GRAIN_NS)


def _candidates(found: list[Moment], looks: list[Common]) -> tuple[set[int], set[int]]:
    """Drops that a timer may have made, and those of them that count as witnesses.

    Drops of one moment are none: whoever comes back from each of several outages is as old at
    the next one as the outages are apart.
    """
    candidates: set[int] = set()
    units: set[int] = set()
    for moment, look in zip(found, looks, strict=True):
        if look is Common.MOMENT:
            continue
        candidates.update(moment.members)
        one = moment.members[len(moment.members) // 2]
        units.update([one] if look is Common.UNTOLD else moment.members)
    return candidates, units


class _Controls:
    """Sessions that lived through what a timer would have ended them by."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives
        self._scopes: dict[Pair, Scope] = {
            next(iter(scope.pairs)): scope
            for scope in scopes_of(lives, MOST_SCOPES)
            if len(scope.pairs) == 1 and scope.activity is None
        }

    def speak_against_a_timer(self, members: Sequence[Drop]) -> bool:
        """Whether sessions of the same pairs outlived both the ages and the silences."""
        ages = max(drop.age.high for drop in members)
        silences = [drop.silence.high for drop in members if drop.silence is not None]
        few = len(silences) < (1 - _MOST_NOT_IDLE) * len(members)
        return self._outlived(members, ages, is_age=True) and (
            few or self._outlived(members, max(silences), is_age=False)
        )

    def _outlived(self, members: Sequence[Drop], limit: int, *, is_age: bool) -> bool:
        pairs = {self._pair(drop) for drop in members}
        scopes = [self._scopes[pair] for pair in pairs if pair in self._scopes]
        lived = sum(
            (scope.proved_ages if is_age else scope.proved_silences).longer_than(
                limit + tolerance(limit)
            )
            for scope in scopes
        )
        return lived >= _FEWEST_SURVIVORS and lived > MOST_SURVIVORS * (lived + len(members))

    def _pair(self, drop: Drop) -> Pair:
        cohort = self._lives.places[drop.life.place].cohort
        return Pair(cohort.endpoint, cohort.egress)


def _clusters(moment: Moment, drops: Sequence[Drop], controls: _Controls) -> list[Cluster]:
    look = _look(moment, drops)
    if look is Common.UNTOLD:
        members = [drops[i] for i in moment.members]
        look = Common.MOMENT if controls.speak_against_a_timer(members) else look
    if look in {Common.MOMENT, Common.UNTOLD}:
        groups = [moment.members]
    else:
        look, groups = Common.ALONE, [[i] for i in moment.members]
    return [
        Cluster(
            common=look,
            drops=group,
            span=moment.span if len(group) > 1 else drops[group[0]].moment,
            expected=moment.expected,
            timer=None,
        )
        for group in groups
    ]
