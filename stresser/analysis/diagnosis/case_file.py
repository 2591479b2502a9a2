"""One run's drops and failed attempts beside all that lived: what every mechanism asks.

Pure. A drop is one fact here: what its life shows (brackets of moment, age and silence) and what
its own evidence says.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, compress
from operator import sub
from typing import overload

from msgspec import Struct

from stresser.analysis.counts.chain_tally import ChainTally
from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.diagnosis.ending_facts import (
    EndingFact,
    FailureFact,
    OwnDrops,
    OwnFact,
)
from stresser.analysis.diagnosis.run_evidence import RunEvidence
from stresser.analysis.patterns.causes import Causes
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.scopes import byte_floors
from stresser.analysis.patterns.session_lives import Drop, DropRows, Life, Lives
from stresser.model.cohort import Cohort, Pair
from stresser.statistics.columns import Chosen, in_order, is_in_order, sort_by


class DropFact(Struct, frozen=True, gc=False):
    """One drop: a look at what is known of it."""

    among: "DropFacts"
    number: int
    """Its place among the run's drops."""

    @property
    def drop(self) -> Drop:
        """What its life shows."""
        return self.among.drops[self.number]

    @property
    def own(self) -> OwnFact:
        """What is known of it alone."""
        return OwnFact(self.among.own, self.among.rows[self.number])

    @property
    def fact(self) -> EndingFact:
        """What its own evidence says."""
        return self.own.fact

    @property
    def pair(self) -> Pair:
        """Endpoint and egress."""
        return self.fact.pair

    @property
    def measured_ns(self) -> int:
        """The silence at its end, as measured: before we sent, where what we sent was answered."""
        return self.drop.life.last_silence_ns


class DropFacts(Sequence[DropFact]):
    """Drops whose own evidence is known, made when they are looked at."""

    def __init__(self, drops: DropRows, evidence: OwnDrops) -> None:
        self.drops, self.own = drops, evidence.among
        self.rows = evidence.rows(drops.session)
        """Of each of the run's drops among those; below 0: none."""
        self._numbers = array("i", (n for n, row in enumerate(self.rows) if row >= 0))

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[DropFact]:
        return (DropFact(self, number) for number in self._numbers)

    @overload
    def __getitem__(self, place: int) -> DropFact: ...

    @overload
    def __getitem__(self, place: slice) -> list[DropFact]: ...

    def __getitem__(self, place: int | slice) -> DropFact | list[DropFact]:
        if isinstance(place, slice):
            return [DropFact(self, number) for number in self._numbers[place]]
        return DropFact(self, self._numbers[place])


class CaseFile:
    """What is known of one run, indexed."""

    def __init__(
        self,
        *,
        plan: PlanFacts,
        lives: Lives,
        causes: Causes,
        evidence: RunEvidence,
        chains: ChainTally,
    ) -> None:
        self.plan, self.lives, self.evidence, self.chains = plan, lives, evidence, chains
        self.timers: list[FoundTimer] = causes.timers
        self.timer_of = {
            number: position
            for position, timer in enumerate(causes.timers)
            for number in timer.drops
        }
        """The place of the timer that explains a drop, where one does."""
        self.drops = DropFacts(lives.drops, evidence.drops)
        self.failures: list[FailureFact] = evidence.failures

    def drop(self, number: int) -> DropFact:
        """The drop with this number, which is among `drops`."""
        return DropFact(self.drops, number)

    def cohort_of(self, life: Life) -> Cohort:
        """The cohort that a session belonged to."""
        return self.lives.places[life.place].cohort

    @cached_property
    def floors(self) -> dict[int, int]:
        """Bytes of a handshake, by place."""
        return byte_floors(self.lives)

    @cached_property
    def lives_of(self) -> dict[Pair, Collection[Life]]:
        """All sessions, by endpoint and egress, those of a cohort as they opened."""
        return {pair: Chosen(self.lives.lives, *rows) for pair, rows in self._rows.items()}

    @cached_property
    def _rows(self) -> dict[Pair, "list[array[int]]"]:
        """Of the lives of each pair, by cohort, each in the order in which they opened."""
        rows: dict[Pair, list[array[int]]] = defaultdict(list)
        for cohort, own in self.lives.rows_of.items():
            rows[cohort.pair].append(own)
        return rows

    @cached_property
    def survivors(self) -> dict[Pair, Collection[Life]]:
        """Sessions that were not dropped, by endpoint and egress."""
        lived = bytearray(b"\1") * len(self.lives.lives)
        for one in self.drops:
            if one.drop.lives is self.lives.lives:
                lived[one.drop.row] = 0
        places, whole = self.lives.lives.column("place"), self.lives.lives
        pairs = [place.cohort.pair for place in self.lives.places]
        found: dict[Pair, array[int]] = {}
        for row in compress(range(len(lived)), lived):
            pair = pairs[places[row]]
            if pair not in found:
                found[pair] = array("i")
            found[pair].append(row)
        return {pair: Chosen(whole, own) for pair, own in found.items()}

    @cached_property
    def drops_of(self) -> dict[Pair, list[DropFact]]:
        """Drops by endpoint and egress."""
        found: dict[Pair, list[DropFact]] = defaultdict(list)
        for one in self.drops:
            found[one.pair].append(one)
        return found

    @cached_property
    def failures_of(self) -> dict[Pair, list[FailureFact]]:
        """Failed attempts by endpoint and egress, in the order in which they began."""
        found: dict[Pair, list[FailureFact]] = defaultdict(list)
        for one in self.failures:
            found[one.ending.pair].append(one)
        return {pair: sorted(some, key=lambda one: one.began_ns) for pair, some in found.items()}

    @cached_property
    def opened(self) -> dict[Pair, Sequence[int]]:
        """When sessions opened, sorted; nearly always they are recorded in that order."""
        every = self.evidence.opened.items()
        return {pair: times if is_in_order(times) else in_order(times) for pair, times in every}

    @cached_property
    def pairs(self) -> list[Pair]:
        """All endpoints through all egresses that were tried."""
        tried = [*self.survivors, *self.drops_of, *self.failures_of, *self.opened]
        return list(dict.fromkeys(tried))

    @cached_property
    def cohorts(self) -> list[Cohort]:
        """All cohorts that had a session."""
        return list(dict.fromkeys(place.cohort for place in self.lives.places))

    @cached_property
    def egresses(self) -> list[str]:
        """All egresses that were tried."""
        return list(dict.fromkeys(egress for _, egress in self.pairs))

    @cached_property
    def endpoints(self) -> list[str]:
        """All endpoints that were tried."""
        return list(dict.fromkeys(endpoint for endpoint, _ in self.pairs))

    @cached_property
    def _by_end(self) -> "dict[Pair, array[int]]":
        """The same in the order in which they ended."""
        by_end = {pair: array("i", chain.from_iterable(rows)) for pair, rows in self._rows.items()}
        for rows in by_end.values():
            sort_by(self.lives.lives.column("ended_ns"), rows)
        return by_end

    def _times(self, pairs: Iterable[Pair], name: str) -> Iterator[int]:
        rows = (own for pair in pairs for own in self._rows[pair])
        return map(self.lives.lives.column(name).__getitem__, chain.from_iterable(rows))

    def open_at(self, pairs: Iterable[Pair], at_ns: int) -> int:
        """Sessions of these pairs that were open at a moment, those that ended then included."""
        column, total = self.lives.lives.column, 0
        opened_ns, ended_ns = column("opened_ns").__getitem__, column("ended_ns").__getitem__
        for pair in pairs:
            total += sum(bisect_right(r, at_ns, key=opened_ns) for r in self._rows.get(pair, ()))
            total -= bisect_left(self._by_end.get(pair, ()), at_ns, key=ended_ns)
        return total

    def session_time_ns(self, pairs: Iterable[Pair]) -> int:
        """How long all sessions of these pairs lived, in all; who died in a bracket, to its middle.

        Where heartbeats are slow, the brackets are longer than many lives.
        """
        chosen = [pair for pair in pairs if pair in self._rows]
        held: int = sum(
            map(sub, *(self._times(chosen, name) for name in ("ended_ns", "opened_ns")))
        )
        doubt = sum(
            one.drop.life.ended_ns - (one.drop.moment.low + one.drop.moment.high) // 2
            for pair in chosen
            for one in self.drops_of.get(pair, [])
        )
        return max(held - doubt, 0)

    def opened_between(self, pair: Pair, low_ns: int, high_ns: int) -> int:
        """Sessions that opened after `low_ns` and not after `high_ns`."""
        times = self.opened.get(pair, [])
        return bisect_right(times, high_ns) - bisect_right(times, low_ns)

    def went_on_between(self, low_ns: int, high_ns: int) -> bool:
        """Whether the run went on then after a gap, of which nothing is known."""
        return any(low_ns < at <= high_ns for at in self.evidence.went_on)

    def failed_between(self, pair: Pair, low_ns: int, high_ns: int) -> Iterator[FailureFact]:
        """Attempts that began in this time and failed."""
        for one in self.failures_of.get(pair, []):
            if low_ns <= one.began_ns <= high_ns:
                yield one

    def number_through(
        self, pair: Pair, activity: str | None, through: Callable[[Life], bool]
    ) -> int:
        """How many sessions of a pair lived through what is asked."""
        return sum(
            (activity is None or self.cohort_of(life).activity == activity) and through(life)
            for life in self.survivors.get(pair, [])
        )

    def lab_rule(self, one: DropFact) -> str | None:
        """The rule by which the lab's own log says that it ended a session."""
        port = one.own.port
        return None if port is None else self.evidence.kills.get((one.fact.cohort.egress, port))

    def same_address(self, endpoint: str, egress: str, other: str) -> bool:
        """Whether two egresses are known to lead to one address: no proxy looked the name up."""
        ours, theirs = (self.evidence.pairing(endpoint, one) for one in (egress, other))
        return not (ours.by_proxy or theirs.by_proxy) and bool(ours.addresses & theirs.addresses)

    def same_machine(self, endpoint: str, egress: str, other: str) -> bool:
        """Whether two egresses are known to lead to the same machine.

        One address, and no other certificate.
        """
        ours, theirs = (self.evidence.pairing(endpoint, one) for one in (egress, other))
        if not self.same_address(endpoint, egress, other):
            return False
        return not ours.chains or not theirs.chains or bool(ours.chains & theirs.chains)
