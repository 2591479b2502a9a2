"""One cohort's sessions, one by one, as a comparison needs them. Bounded.

A `CohortTally` counts; here stand the lifetimes, the moments and the values themselves. What a
table has no room for is counted in `left_out`.
"""

import random
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stresser.analysis.counts.cohort_tally import OTHER
from stresser.model.events import SessionEnded, SessionOpened
from stresser.statistics.columns import NumberBlocks
from stresser.statistics.numerics import Numbers, np

_MOST_SESSIONS = 500_000
_MOST_VALUES = 100_000
_MOST_PHASES = 16
_MOST_KEYS = 64
_LARGEST = 2**62
_FOUR = array("I").itemsize
_FOUR_BYTES = 2 ** (8 * _FOUR) - 1
HANDSHAKE = "handshake"
"""Stands for all phases of a handshake together."""


class Sample:
    """At most 100,000 of many values, each equally likely to be kept (Vitter's algorithm R)."""

    __slots__ = ("_random", "seen", "values")

    def __init__(self, values: Iterable[int] = ()) -> None:
        self.values = NumberBlocks("I")
        self.seen = 0
        self._random = random.Random(0)  # noqa: S311 - the same run gives the same figures
        for value in values:
            self.add(value)

    def add(self, value: int) -> None:
        """Keep the value, or leave it to chance."""
        value = _held(value)
        self.seen += 1
        if len(self.values) < _MOST_VALUES:
            self._room_for(value).append(value)
        elif (place := self._random.randrange(self.seen)) < _MOST_VALUES:
            self._room_for(value).replace(place, value)

    def _room_for(self, value: int) -> NumberBlocks:
        """Four bytes are enough for 4 s: most handshakes take less."""
        if value > _FOUR_BYTES and self.values.itemsize == _FOUR:
            self.values = self.values.wider("q")
        return self.values


class CohortSessions:
    """The sessions of one cohort."""

    def __init__(self) -> None:
        self.opened_ns = NumberBlocks("q")
        self.ended_ns = NumberBlocks("q")
        self.died = bytearray()
        """1: by a drop. 0: censored, by the plan, this host, stresser, or the record's end."""
        self.drops = 0
        self.phases: dict[str, Sample] = {}
        self.tls_versions: Counter[str] = Counter()
        self.addresses: Counter[str] = Counter()
        self.chains: Counter[str] = Counter()
        """Sessions by id of the chain they were served."""
        self.problems: Counter[str] = Counter()
        """Sessions by what is wrong with their chain; the empty text is: nothing."""
        self.left_out = 0
        self._open: dict[int, int] = {}

    def session_opened(self, event: SessionOpened) -> None:
        """Keep what the opening says."""
        if len(self._open) + len(self.died) >= _MOST_SESSIONS:
            self.left_out += 1
            return
        self._open[event.session] = _held(event.t_ns)
        for name, took_ns in event.phases_ns.items():
            self._phase(name, took_ns)
        self._phase(HANDSHAKE, sum(event.phases_ns.values()))
        _count(self.addresses, event.remote.rpartition(":")[0])
        tls = event.tls
        if tls is not None:
            _count(self.tls_versions, tls.version)
            _count(self.chains, tls.chain)
            _count(self.problems, "" if tls.verified else tls.problem or "not verified")

    def session_ended(self, event: SessionEnded) -> None:
        """Keep what the ending says; a session whose opening is not recorded opened by its age."""
        opened_ns = self._open.pop(event.session, None)
        if opened_ns is None:
            opened_ns = max(event.ending.dead_by_ns - event.ending.age_ns, 0)
        is_drop = event.ending.is_drop
        if len(self.died) >= _MOST_SESSIONS:
            self.left_out += 1
            return
        ended_ns = max(_held(event.ending.dead_by_ns), opened_ns)
        self._add(opened_ns, ended_ns, died=is_drop)
        self.drops += is_drop

    def record_ends(self, at_ns: int) -> None:
        """Sessions that are still open are censored now."""
        for opened_ns in self._open.values():
            self._add(opened_ns, max(at_ns, opened_ns), died=False)
        self._open.clear()

    def _add(self, opened_ns: int, ended_ns: int, *, died: bool) -> None:
        self.opened_ns.append(opened_ns)
        self.ended_ns.append(ended_ns)
        self.died.append(died)

    def _phase(self, name: str, took_ns: int) -> None:
        sample = self.phases.get(name)
        if sample is None:
            if len(self.phases) >= _MOST_PHASES:
                return
            sample = self.phases[name] = Sample()
        sample.add(took_ns)


class Lifetimes(NamedTuple):
    """The sessions of several cohorts as arrays, in seconds."""

    durations: Numbers
    """From the opening to the ending or the first proof of the end."""
    died: Numbers


def lifetimes(sessions: Sequence[CohortSessions]) -> Lifetimes:
    """All sessions of these cohorts."""
    durations = np.concatenate([np.zeros(0), *map(_durations, sessions)])
    died = np.frombuffer(b"".join(bytes(one.died) for one in sessions), dtype=np.uint8) > 0
    return Lifetimes(durations, died)


def _durations(one: CohortSessions) -> Numbers:
    """In seconds. In one array: of a night each has megabytes."""
    lived = np.asarray(one.ended_ns, dtype=float)
    lived -= np.asarray(one.opened_ns, dtype=float)
    lived /= 1e9
    return lived


def session_time_until(sessions: Sequence[CohortSessions], moments_ns: Numbers) -> Numbers:
    """Nanoseconds that all these sessions together were held up to each moment of the run."""
    held = np.zeros(len(moments_ns))
    for one in sessions:
        held += _passed(one.opened_ns, moments_ns) - _passed(one.ended_ns, moments_ns)
    return held


def _passed(starts: NumberBlocks, moments_ns: Numbers) -> Numbers:
    """The sum over all starts of the time since then, none before it."""
    ordered = np.asarray(starts, dtype=float)  # made for us alone
    ordered.sort()
    sums = np.zeros(len(ordered) + 1)
    np.cumsum(ordered, out=sums[1:])
    begun = np.searchsorted(ordered, moments_ns, side="right")
    passed: Numbers = begun * moments_ns - sums[begun]
    return passed


def _held(value: int) -> int:
    """A moment or duration as an array can hold it."""
    return min(max(value, 0), _LARGEST)


def _count(counts: Counter[str], key: str) -> None:
    counts[key if key in counts or len(counts) < _MOST_KEYS else OTHER] += 1
