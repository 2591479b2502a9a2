"""What the drops of a run have in common: one moment, one timer, or nothing.

Drops that share a moment are one incident, unless their ages or silences agree more closely than
their moments do: then a timer made them, and they died together because they had started
together. A moment that spared all but the oldest is a box's look at its timers. Where both agree
equally well, other sessions decide; where none can, it stays unclear. Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.moments import Moment, moments
from stresser.analysis.patterns.open_lives import OpenLives
from stresser.analysis.patterns.scopes import Variable, by_pair, scopes_of
from stresser.analysis.patterns.session_lives import Drop, Lives
from stresser.analysis.patterns.some_drops import some_drops
from stresser.analysis.patterns.sweeps import sweeps
from stresser.analysis.patterns.timers import find_timers
from stresser.analysis.patterns.whole_losses import whole_losses
from stresser.model.cohort import Cohort
from stresser.model.units import NS_PER_MS
from stresser.statistics.brackets import Agreement, Bracket, agreement
from stresser.statistics.concentration import MOST_SURVIVORS, tolerance

_MOST_SCOPES = 200
_TIGHTER = 2
"""Times closer together than the other: then it is clear which of them made the drops."""
_GRAIN_NS = 10 * NS_PER_MS
"""Widths below this are all the same: endings are not dated better."""
_MOST_NOT_IDLE = 0.2
_FEWEST_SURVIVORS = 2
_SPARED = 0.5
"""For each that died so many of another activity lived on: then the moment chose by activity."""

_OWN = 0.5
"""A moment of whose drops so many are of one loss is a part of it."""


class Common(StrEnum):
    """What the drops of one incident have in common."""

    ALONE = "alone"
    """One drop, or several that are one by one explained by a timer."""
    MOMENT = "moment"
    TIMER = "timer"
    UNCLEAR = "unclear"
    """A moment or a timer: they all started together, and nothing else decides."""


class Incident(NamedTuple):
    """Drops of one run with one cause."""

    common: Common
    span: Bracket
    """When. Dated drops: from the first to the last; others: what their brackets share."""
    drops: Sequence[Drop]
    expected: float
    """How many such incidents a run like this would show by chance."""
    timer: FoundTimer | None
    """The timer that explains its drops, where one does."""


class Causes(Struct, frozen=True, kw_only=True):
    """All of a run's drops, sorted out."""

    incidents: list[Incident]
    """In the order of time; each drop is in one."""
    timers: list[FoundTimer]

    def by_cohort(self) -> Counter[Cohort]:
        """How many incidents had drops of each cohort."""
        return Counter(
            cohort
            for incident in self.incidents
            for cohort in {drop.cohort for drop in incident.drops}
        )


def find_causes(lives: Lives, plan: PlanFacts) -> Causes:
    """Sort out the drops of a run. `lives` has been closed.

    Timers are looked for first, where drops that share a moment count as one witness; then
    moments, among the drops that no timer explains.
    """
    if not lives.drops:
        return Causes(incidents=[], timers=[])
    search = _Search(lives)
    candidates, units = search.candidates()
    search.let_go()
    timers = find_timers(lives, plan, search.scopes, candidates, units)
    timed = {
        number: timer for number in sorted(candidates)
        if (timer := _timer_of(number, lives.drops[number], timers)) is not None
    }  # fmt: skip
    for timer in timers:
        timer.drops = frozenset(number for number, own in timed.items() if own is timer)
    incidents = [
        Incident(Common.ALONE, (drop := lives.drops[number]).moment, (drop,), 0.0, timer)
        for number, timer in timed.items()
    ]
    rest = [number for number in range(len(lives.drops)) if number not in timed]
    incidents += [one for moment in search.moments(rest) for one in search.incidents(moment)]
    return Causes(incidents=sorted(incidents, key=_when), timers=timers)


def _when(incident: Incident) -> tuple[Bracket, int]:
    return incident.span, incident.drops[0].session


def _timer_of(number: int, drop: Drop, timers: Sequence[FoundTimer]) -> FoundTimer | None:
    for timer in timers:
        if number in timer.drops or timer.explains(drop):
            return timer
    return None


class _Search:
    """What is asked of one run's sessions again and again."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives
        self.scopes = scopes_of(lives, _MOST_SCOPES)
        self._sessions = OpenLives(lives)
        self._by_pair = by_pair(self.scopes)

    def let_go(self) -> None:
        """Forget what can be computed again: timers are about to need the memory."""
        self._sessions.let_go()

    def moments(self, numbers: Sequence[int]) -> list[Moment]:
        """These drops by the moments they share, in the order of time."""
        drops = self._lives.drops
        found = [
            moment._replace(members=[numbers[i] for i in moment.members])
            for moment in moments(drops.moments(numbers), self._lives.now_ns)
        ]
        among = numbers if isinstance(numbers, range) else set(numbers)
        lost = whole_losses(drops, self.scopes, self._sessions, among)
        return sorted(_joined(lost, found), key=lambda moment: moment.span)

    def candidates(self) -> tuple[set[int], set[int]]:
        """Drops that a timer may have made, and those of them that count as witnesses.

        Drops of one moment are none: whoever comes back from each of several outages is as old
        at the next one as the outages are apart. Unless the moment spared the young, or another
        activity.
        """
        found = self.moments(range(len(self._lives.drops)))
        swept = sweeps(found, self._lives.drops, self._sessions)
        candidates: set[int] = set()
        units: set[int] = set()
        for position, moment in enumerate(found):
            look = self._look(moment)
            is_sweep = position in swept
            if look is Common.MOMENT and not is_sweep and not self._spares(moment):
                continue
            candidates.update(moment.members)
            one = moment.members[len(moment.members) // 2]
            is_one = look in {Common.UNCLEAR, Common.MOMENT} and not is_sweep
            units.update([one] if is_one else moment.members)
        return candidates, units

    def _spares(self, moment: Moment) -> bool:
        """Whether sessions of the same endpoints and egresses, held otherwise, lived on."""
        dead = self._drops(moment)
        struck = {drop.cohort for drop in dead}
        pairs = {cohort.pair for cohort in struck}
        others = {
            cohort
            for pair in pairs & self._by_pair.keys()
            for cohort in self._by_pair[pair].extent.cohorts - struck
        }
        at_ns = moment.span.high
        return self._sessions.number(frozenset(others), at_ns) >= _SPARED * len(dead)

    def _drops(self, moment: Moment) -> list[Drop]:
        return [self._lives.drops[number] for number in moment.members]

    def _look(self, moment: Moment) -> Common:
        """What the drops of a moment alone show."""
        members = self._drops(moment)
        if len(members) == 1:
            return Common.ALONE
        if all(drop.cause_ns is not None for drop in members):
            return Common.MOMENT
        together = _width(agreement([drop.moment for drop in members]))
        silences = [drop.silence for drop in members if drop.silence is not None]
        is_idle = len(silences) >= (1 - _MOST_NOT_IDLE) * len(members)
        timed = _width(agreement([drop.age for drop in members]))
        if is_idle:
            timed = min(timed, _width(agreement(silences)))
        if timed * _TIGHTER <= together:
            return Common.TIMER
        return Common.MOMENT if together * _TIGHTER <= timed else Common.UNCLEAR

    def incidents(self, moment: Moment) -> Iterator[Incident]:
        """A moment's drops as one incident, or as one each where a timer made them."""
        members, look = self._drops(moment), self._look(moment)
        if look is Common.UNCLEAR and self._speak_against_a_timer(members):
            look = Common.MOMENT
        if look in {Common.MOMENT, Common.UNCLEAR}:
            span = moment.span if len(members) > 1 else members[0].moment
            yield Incident(look, span, some_drops(members), moment.expected, None)
            return
        for drop in members:
            yield Incident(Common.ALONE, drop.moment, (drop,), moment.expected, None)

    def _speak_against_a_timer(self, members: Sequence[Drop]) -> bool:
        """Whether sessions of the same pairs outlived both the ages and the silences."""
        ages = max(drop.age.high for drop in members)
        silences = [drop.silence.high for drop in members if drop.silence is not None]
        few = len(silences) < (1 - _MOST_NOT_IDLE) * len(members)
        return self._outlived(members, ages, Variable.AGE) and (
            few or self._outlived(members, max(silences), Variable.IDLE)
        )

    def _outlived(self, members: Collection[Drop], limit: int, variable: Variable) -> bool:
        pairs = {drop.cohort.pair for drop in members}
        lived = sum(
            self._by_pair[pair].proved(variable).longer_than(limit + tolerance(limit))
            for pair in pairs & self._by_pair.keys()
        )
        return lived >= _FEWEST_SURVIVORS and lived > MOST_SURVIVORS * (lived + len(members))


def _joined(lost: Sequence[Moment], found: Sequence[Moment]) -> list[Moment]:
    """Each loss with the moments that are mostly its own; of the others, what no loss has."""
    owner = {number: i for i, moment in enumerate(lost) for number in moment.members}
    members = [set(moment.members) for moment in lost]
    others = []
    for moment in found:
        owners = Counter(owner[number] for number in moment.members if number in owner)
        whose, count = owners.most_common(1)[0] if owners else (0, 0)
        if count >= _OWN * len(moment.members):
            members[whose].update(n for n in moment.members if n not in owner)
        elif left := [number for number in moment.members if number not in owner]:
            others.append(moment._replace(members=left))
    joined = [
        moment._replace(members=sorted(own)) for moment, own in zip(lost, members, strict=True)
    ]
    return joined + others


def _width(agreed: Agreement | None) -> int:
    return _GRAIN_NS if agreed is None else max(agreed.width, _GRAIN_NS)
