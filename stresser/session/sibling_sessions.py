"""Sessions beside one another: one that lives on shows that only a flow was lost.

A host that answers our ping with a RST because it knows no such connection has either lost all of
them (it was started anew) or never saw this flow under these addresses (a box in between forgot
or changed it). A flow that is dropped is dropped by something on its path if an older session to
the same endpoint lives on through another egress, else perhaps by the endpoint itself. And where
others are still answered through an egress, its path is not dead.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import trio

from stresser.model.cohort import Cohort, Pair
from stresser.model.evidence import SiblingAlive
from stresser.model.units import NS_PER_MS, NS_PER_S

_OLDEST_KEPT = 16
"""So many sessions of each group are remembered with their last answer: the oldest."""
_GAP_NS = 500 * NS_PER_MS
_GAPS_KEPT = 256
_SECONDS_KEPT = 64
_LATE_NS = 180 * NS_PER_MS
"""Later than the soonest: of TCP's retransmissions the first comes after 200 ms (TCP_RTO_MIN)."""
_NEVER_NS = 2**62
_FEWEST_LATE = 3
_LATE_SHARE = 0.1
OUTAGE_NS = 1200 * NS_PER_MS
"""A silence of an egress that is longer may have been an outage, in which an endpoint gave its
sessions up without our hearing of it: no endpoint does so sooner."""


@dataclass(slots=True, eq=False)
class _Question:
    older_than_ns: int
    alive_after_ns: int
    answer: SiblingAlive | None = None
    answered: trio.Event = field(default_factory=trio.Event)


class _Egress:
    """When something was last heard through an egress, and when nothing was; how often late."""

    __slots__ = ("_first_ns", "_gaps", "_heard_ns", "_second", "_seconds", "asked_ns")

    def __init__(self) -> None:
        self._first_ns = self._heard_ns = -1
        self._gaps: deque[tuple[int, int]] = deque(maxlen=_GAPS_KEPT)
        self._seconds: deque[list[int]] = deque(maxlen=_SECONDS_KEPT)
        """Each: when it began, pongs, late ones."""
        self._second = [-NS_PER_S, 0, 0]
        """The last of them."""
        self.asked_ns = -1
        """When the latest ping was sent that was answered."""

    def heard(self, now_ns: int) -> None:
        if self._first_ns < 0:
            self._first_ns = now_ns
        elif now_ns - self._heard_ns >= _GAP_NS:
            self._gaps.append((self._heard_ns, now_ns))
        self._heard_ns = now_ns

    def ponged(self, sent_ns: int, now_ns: int, *, is_late: bool) -> None:
        if now_ns - self._heard_ns >= _GAP_NS or self._first_ns < 0:
            self.heard(now_ns)
        else:
            self._heard_ns = now_ns
        self.asked_ns = max(self.asked_ns, sent_ns)
        second = self._second
        if now_ns - second[0] >= NS_PER_S:
            second = self._second = [now_ns, 0, 0]
            self._seconds.append(second)
        second[1] += 1
        if is_late:
            second[2] += 1

    def longest_silence(self, from_ns: int, until_ns: int) -> int | None:
        """Of those that touch a window; None: too much has happened since to say."""
        if len(self._gaps) == _GAPS_KEPT and self._gaps[0][0] > from_ns:
            return None
        silences = [b - a for a, b in self._gaps if b > from_ns and a < until_ns]
        silences.append(self._first_ns - from_ns if self._first_ns >= 0 else until_ns - from_ns)
        return max([*silences, max(0, until_ns - self._heard_ns)])

    def is_lossy(self, from_ns: int) -> bool:
        """Many pongs came so late that something had been sent again before them."""
        recent = [one for one in self._seconds if one[0] >= from_ns - NS_PER_S]
        pongs, late = sum(one[1] for one in recent), sum(one[2] for one in recent)
        return late >= _FEWEST_LATE and late >= _LATE_SHARE * pongs


class SiblingGroup:
    """The sessions of one endpoint through one egress to one address, by one peer."""

    __slots__ = (
        "_all", "_egress", "_oldest", "_open", "_questions", "_soonest_ns", "egress", "endpoint",
        "peer", "remote",
    )  # fmt: skip

    def __init__(self, key: "_Key", all_: "SiblingSessions") -> None:
        self.endpoint, self.egress, self.remote, self.peer = key
        self._all = all_
        self._egress = all_.egress(self.egress)
        self._oldest: dict[int, tuple[int, int]] = {}
        self._open: dict[str, dict[int, int]] = {}
        """By activity: the oldest sessions that are open, and when each was connected."""
        self._questions: dict[_Question, None] = {}
        self._soonest_ns = _NEVER_NS

    def answered(self, session: int, connected_ns: int, ping_sent_ns: int, now_ns: int) -> None:
        """A session's ping was answered. Called for each pong: about half a microsecond."""
        took_ns = now_ns - ping_sent_ns
        self._soonest_ns = min(self._soonest_ns, took_ns)
        is_late = took_ns >= self._soonest_ns + _LATE_NS
        self._egress.ponged(ping_sent_ns, now_ns, is_late=is_late)
        if session in self._oldest or len(self._oldest) < _OLDEST_KEPT:
            self._oldest[session] = connected_ns, ping_sent_ns
        if self._questions:
            self._tell(session, connected_ns, ping_sent_ns)

    def _tell(self, session: int, connected_ns: int, ping_sent_ns: int) -> None:
        for question in list(self._questions):
            if connected_ns <= question.older_than_ns and ping_sent_ns >= question.alive_after_ns:
                question.answer = self._alive(session, ping_sent_ns)
                question.answered.set()
                del self._questions[question]

    def ended(self, session: int, heard_ns: int | None) -> None:
        """A session is no more; `heard_ns`: when its end was heard, if it was announced."""
        self._oldest.pop(session, None)
        for own in self._open.values():
            own.pop(session, None)
        if heard_ns is not None:
            self._egress.heard(heard_ns)

    def was_heard(self, from_ns: int, until_ns: int) -> bool:
        """Through this egress nothing hides an outage in a window."""
        longest = self._egress.longest_silence(from_ns, until_ns)
        return longest is not None and longest < OUTAGE_NS

    def opened(self, session: int, activity: str, connected_ns: int, now_ns: int) -> None:
        """One more has opened."""
        self._egress.heard(now_ns)
        own = self._open.setdefault(activity, {})
        if len(own) < _OLDEST_KEPT:
            own[session] = connected_ns

    def egress_is_lossy(self, from_ns: int) -> bool:
        """Through this egress many pings or pongs had to be sent again since a moment."""
        return self._egress.is_lossy(from_ns)

    def egress_answered_since(self, t_ns: int) -> bool:
        """Any session through this egress was answered that was asked at a moment or later."""
        return self._egress.asked_ns >= t_ns

    async def sibling(
        self, older_than_ns: int, after_ns: int, within_s: float
    ) -> SiblingAlive | None:
        """A session with the same peer that is older than one moment and lives after another."""
        others = [one for one in self._all if one.peer == self.peer]
        return await _ask(others, _Question(older_than_ns, after_ns), within_s)

    async def control(
        self, older_than_ns: int, after_ns: int, within_s: float
    ) -> SiblingAlive | None:
        """Such a session to the same endpoint through another egress, at the same address.

        Behind a proxy the address is the proxy's choice: there any will do.
        """
        return await _ask(self._elsewhere(), _Question(older_than_ns, after_ns), within_s)

    def _elsewhere(self) -> list["SiblingGroup"]:
        by_proxy = self.peer not in self.remote
        return [
            one
            for one in self._all
            if one.endpoint == self.endpoint
            and one.egress != self.egress
            and (by_proxy or one.remote == self.remote)
        ]

    @property
    def has_control(self) -> bool:
        """Whether another egress was ever tried to the same endpoint at the same address."""
        return bool(self._elsewhere())

    def as_old_is_open(self, activity: str, connected_ns: int) -> bool:
        """Whether one of the activity through another egress, connected by then, is open.

        Its goodbye would have been heard.
        """
        return any(one.has_open(activity, connected_ns) for one in self._elsewhere())

    def has_open(self, activity: str, connected_ns: int) -> bool:
        """Whether one of the activity that was connected by then is open here."""
        return any(own_ns <= connected_ns for own_ns in self._open.get(activity, {}).values())

    def find(self, question: _Question) -> SiblingAlive | None:
        """What is known already."""
        for session, (connected_ns, ping_sent_ns) in self._oldest.items():
            if connected_ns <= question.older_than_ns and ping_sent_ns >= question.alive_after_ns:
                return self._alive(session, ping_sent_ns)
        return None

    def _alive(self, session: int, ping_sent_ns: int) -> SiblingAlive:
        return SiblingAlive(session=session, egress=self.egress, answered_ns=ping_sent_ns)

    @contextmanager
    def asking(self, question: _Question) -> Iterator[None]:
        """Answer a question with the next pong that fits."""
        self._questions[question] = None
        try:
            yield
        finally:
            self._questions.pop(question, None)


class _Key(NamedTuple):
    endpoint: str
    egress: str
    remote: str
    peer: str


class SiblingSessions:
    """All groups of a run: a handful."""

    def __init__(self) -> None:
        self._groups: dict[_Key, SiblingGroup] = {}
        self._egresses: dict[str, _Egress] = {}

    def __iter__(self) -> Iterator[SiblingGroup]:
        return iter(list(self._groups.values()))

    def of(self, cohort: Cohort, remote: str, peer: str) -> SiblingGroup:
        """The sessions of a cohort, whatever their activity, to `remote`.

        `peer` is the host that TCP ends at: the same, or a proxy.
        """
        key = _Key(cohort.endpoint, cohort.egress, remote, peer)
        if key not in self._groups:
            self._groups[key] = SiblingGroup(key, self)
        return self._groups[key]

    def lives(self, pair: Pair, after_ns: int) -> bool:
        """Whether a session that was connected by a moment was answered what it asked after it."""
        question = _Question(after_ns, after_ns)
        return any(
            one.find(question) is not None for one in self if Pair(one.endpoint, one.egress) == pair
        )

    def egress(self, name: str) -> _Egress:
        """What was heard through an egress."""
        return self._egresses.setdefault(name, _Egress())


async def _ask(
    others: Iterable[SiblingGroup], question: _Question, within_s: float
) -> SiblingAlive | None:
    groups = list(others)
    known = next(filter(None, (one.find(question) for one in groups)), None)
    if known is not None or not groups:
        return known
    with ExitStack() as asking, trio.move_on_after(within_s):
        for one in groups:
            asking.enter_context(one.asking(question))
        await question.answered.wait()
    return question.answer
