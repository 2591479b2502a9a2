"""What the sessions of one cohort of a search answered, and the limits that it shows. Pure.

One answer each: alive or dead, after which silence, at which age, with how many bytes moved.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stresser.classify.idle_answers import answer_of_age, answer_of_silence
from stresser.model.asked_value import AskedValue
from stresser.model.ending import Ending, Initiator, Kind
from stresser.model.events import SessionEnded
from stresser.model.units import NS_PER_US
from stresser.statistics.asked_limits import AskedLimit, is_repeated, limit_of_asked
from stresser.statistics.brackets import Bracket, agreement
from stresser.statistics.concentration import tolerance

_MOST_ANSWERS = 2_000
_MOST_AGAINST = 0.25
"""Of the deaths: more answers that do not fit, and there is no one limit."""
_FEWEST = 2
_NEARLY = 0.97
_BYTES_APART = 0.05
"""So much less had moved when the session was last known to live, or a beat before."""
_ROUND_TRIPS = 2
_CLEARLY_MORE = 1.1
_AGES_APART = 1.3
_CLEARLY_LONGER = 1.25
"""Than a limit: whoever was known to live so long had met it."""


class Moved(NamedTuple):
    """One session that carried bytes."""

    moved: int
    """As the socket took and gave them, TLS included, headers not; of who died in silence, at most
    so many when it died."""
    known: int
    """Of these, so many passed for certain."""
    age_ns: int
    lived: bool


@dataclass
class Answers:
    """Those of one cohort."""

    silences: list[AskedValue] = field(default_factory=list)
    ages: list[AskedValue] = field(default_factory=list)
    known_ages: list[AskedValue] = field(default_factory=list)
    """At which ages those that died lived for certain."""
    loads: list[Moved] = field(default_factory=list)
    forms: Counter[str] = field(default_factory=Counter)
    of_themselves: int = 0
    """Deaths that came so, and in answer to nothing."""
    by_host: list[int] = field(default_factory=list)
    """After which silences they died for this host's interface or route had gone."""

    def add(self, event: SessionEnded) -> None:
        """The end of one session."""
        ending = event.ending
        silence, age = answer_of_silence(ending), answer_of_age(ending)
        if age is None or len(self.ages) >= _MOST_ANSWERS:
            return
        alive_ns = max(ending.age_ns - (ending.dead_by_ns - ending.alive_at_ns), 0)
        self.ages.append(age)
        is_exact = age.lived or age.is_dated
        moved, known = _moved(event) if is_exact else _moved_at_death(event, alive_ns)
        self.loads.append(Moved(moved, known, ending.age_ns, age.lived))
        if not age.lived:
            self.known_ages.append(AskedValue(alive_ns, lived=True))
            self.forms[_form(ending)] += 1
            self.of_themselves += age.is_dated
        if silence is not None:
            self.silences.append(silence)
            if not silence.lived and ending.initiator is Initiator.HOST:
                self.by_host.append(silence.value)

    def outlived(self, limit: AskedLimit) -> bool | None:
        """Whether they lived beyond a limit of silence; None: both, or not known."""
        last_ns = (limit.high or 0) + (limit.tick or 0)
        lived = any(one.lived and one.value > last_ns for one in self.ages)
        dead = zip((one for one in self.ages if not one.lived), self.known_ages, strict=True)
        # What ended one sooner than the limit can, or long after it, was something else.
        died = any(
            one.value >= _NEARLY * limit.low
            and (one if one.is_dated else known).value <= _CLEARLY_LONGER * last_ns
            for one, known in dead
        )
        return lived if lived != died else None

    @property
    def oldest_ns(self) -> int | None:
        """The highest age of those that live; None: none was proved to."""
        return max((one.value for one in self.ages if one.lived), default=None)


def silence_limit(heard: Answers, busy: Answers, age: AskedLimit | None) -> AskedLimit | None:
    """Of sessions that were silent, where neither a limit on age nor one moment explains it."""
    found = limit_of_asked(heard.silences)
    if found.high is None or not _fits(found, heard.silences):
        return None
    if busy.outlived(found) is False and not comes_again(heard.ages):
        return None  # what ends busy ones with them, and none later, was one event
    is_age = age is not None and age.high is not None and age.low <= found.high + tolerance(age.low)
    return None if is_age else found


def age_limit(busy: Answers, silent: Answers) -> AskedLimit | None:
    """Of sessions that were never silent; silent ones that died as old met it, too."""
    known = [one for one in busy.known_ages if one.value]
    own = limit_of_asked([*busy.ages, *known])
    if own.high is None or not _fits(own, busy.ages):
        return None
    all_ = [*busy.ages, *silent.ages]
    both = limit_of_asked([*all_, *known])
    if both.high is not None and _meet(own, both) and _fits(both, all_):
        return both if comes_again(all_) else None
    return own if comes_again(busy.ages) else None


def comes_again(ages: Sequence[AskedValue]) -> bool:
    """It was no one event.

    One that opened after the first had died met it, too, or several died at one age at different
    moments.
    """
    dead = [one for one in ages if not one.lived]
    first = min((one.at for one in dead), default=0)
    return is_repeated(ages) or any(one.at - one.value > first for one in dead)


def _meet(one: AskedLimit, other: AskedLimit) -> bool:
    low, high = max(one.low, other.low), min(one.high or 0, other.high or 0)
    return low <= high + tolerance(high)


def byte_limit(heavy: Sequence[Moved], busy_ns: int | None) -> Bracket | None:
    """How many bytes a session may move; None: no such limit shows.

    All died with as many, and age does not explain it: busy ones that moved far less are older
    (`busy_ns`), or one that moves half as much in the same time grew clearly older.
    """
    dead = [one for one in heavy if not one.lived]
    agreed = agreement([Bracket(one.known, one.moved) for one in dead], share=1)
    if len(dead) < _FEWEST or agreed is None or agreed.width > _BYTES_APART * agreed.high:
        return None
    high = max([agreed.high, *(one.moved for one in dead if one.known == one.moved)])
    if any(one.lived and one.moved > _CLEARLY_MORE * high for one in heavy):
        return None
    ages = sorted(one.age_ns for one in dead)
    if (busy_ns or 0) <= ages[-1] and ages[-1] < _AGES_APART * ages[0]:
        return None
    return Bracket(round(agreed.low * (1 - _BYTES_APART)), high)


def _moved(event: SessionEnded) -> tuple[int, int]:
    moved = event.bytes_sent + event.bytes_received
    return moved, moved


def _moved_at_death(event: SessionEnded, alive_ns: int) -> tuple[int, int]:
    """At most, and for certain: what was sent into the silence afterwards moved nothing.

    What the other end's TCP acknowledged has passed, and little more was on its way then. Where the
    kernel does not tell: up to the last proof of life, at a steady rate.
    """
    moved, _ = _moved(event)
    info, age_ns = event.ending.evidence.tcp_info, max(event.ending.age_ns, 1)
    if info is None or not info.bytes_acked:
        return moved, moved * alive_ns // age_ns
    known = min(info.bytes_acked + event.bytes_received, moved)
    on_its_way = _BYTES_APART * known + _ROUND_TRIPS * moved * info.rtt_us * NS_PER_US / age_ns
    return min(moved, known + round(on_its_way)), known


def _form(ending: Ending) -> str:
    if ending.kind is Kind.KERNEL_TIMEOUT:
        return Kind.SILENCE
    if ending.kind is not Kind.FOUND_DEAD:
        return ending.kind
    # Its socket had failed: the goodbye was answered by a RST. Else nothing came.
    return Kind.TCP_RESET if ending.evidence.operation is not None else Kind.SILENCE


def _fits(found: AskedLimit, asked: Collection[AskedValue]) -> bool:
    dead = sum(not one.lived for one in asked)
    return dead > 1 and found.against <= _MOST_AGAINST * dead
