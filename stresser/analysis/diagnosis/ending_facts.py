"""What one unplanned ending says, and what is known of it alone: a drop, or a failed attempt.

What an ending says is kept once, whatever the number of those that say the same; the rest of each
is a row of numbers. A run may have hundreds of thousands.
"""

from array import array
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from stresser.analysis.words.obstacles import Obstacle
from stresser.model.cohort import Cohort, Pair
from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.events import Ended, SessionEnded
from stresser.model.fresh_connection import FreshResult
from stresser.model.hops import HopWalk
from stresser.model.proxy_login import ProxyLogin
from stresser.statistics.numerics import np

_LONGEST_PORT = 5
_BY_VERIFIED_END = frozenset({"endpoint-said-so", "verified-end-closed-one-egress"})
"""One session's comparison is outdone by the whole run's."""


class EndingFact(NamedTuple):
    """What an unplanned ending's evidence says. One for all endings that say the same."""

    cohort: Cohort
    phase: Phase
    kind: Kind
    failure: str
    initiator: Initiator
    grade: Grade
    rules: frozenset[str]
    """The rules that decided the initiator."""
    remote: str
    proxy: str | None
    code: int | None
    reason: str
    """Of a WebSocket close or an HTTP refusal; escaped where it is shown."""
    status: int | None
    alert: int | None
    raw: str
    seen: str
    """What came in the place of the protocol, or of the answer to the first messages, from its
    beginning; escaped already."""
    headers: tuple[tuple[str, str], ...]
    login: ProxyLogin | None
    """What became of the login that a proxy asked for."""
    met: frozenset[FreshResult]
    """What fresh connections to its endpoint through its egress met while it ended."""
    is_strangers: bool
    """The RST of a host that knows no such connection, from as far away as the flow's own peer."""
    was_reset_before: bool
    """A reset that TCP does not accept came before: who holds the connection had aborted it."""
    is_gateways: bool
    """The first router sent the packet that ended it, while the flow's own peer is behind one."""
    ttl: int | None
    """With which the packet came that ended it."""
    is_owners: bool
    """The RST of who held the connection: its ACK and window are its own."""
    obstacle: Obstacle | None
    """What a failed attempt has met; None: it was none."""
    alpn: str | None
    """What a failed attempt's handshake agreed on."""
    other_family_opens: bool
    """A fresh connection to the endpoint's address of the other family was answered."""
    intercepted: bool
    chain: str
    """That a failed attempt was shown."""

    @property
    def pair(self) -> Pair:
        """Endpoint and egress."""
        return self.cohort.pair

    @property
    def is_said(self) -> bool:
        """The endpoint's own TLS end said it: its chain verifies."""
        return bool(self.rules & _BY_VERIFIED_END)


class OwnRows:
    """Unplanned endings as columns: a run may have hundreds of thousands, and few say much."""

    def __init__(self) -> None:
        self.facts: list[EndingFact] = []
        """What they say, once each."""
        self.fact, self.port = array("i"), array("i")
        """Where what it says stands among those, and our own port: below 0 it is not known."""
        self.attempt, self.t_ns = array("q"), array("q")
        self.pings, self.pongs = array("q"), array("q")
        self.hops: dict[int, HopWalk] = {}
        self._places: dict[EndingFact, int] = {}

    def add(self, event: Ended, fact: EndingFact) -> "OwnFact":
        """Keep one ending and what it says."""
        row, hops = len(self.fact), event.ending.evidence.hops
        place = self._places.setdefault(fact, len(self.facts))
        if place == len(self.facts):
            self.facts.append(fact)
        if hops is not None:
            self.hops[row] = hops
        beats = (event.pings, event.pongs) if isinstance(event, SessionEnded) else (0, 0)
        self.fact.append(place)
        self.port.append(_port(event.local))
        self.attempt.append(event.attempt)
        self.t_ns.append(event.t_ns)
        self.pings.append(beats[0])
        self.pongs.append(beats[1])
        return OwnFact(self, row)


class OwnFact(Struct, frozen=True, gc=False):
    """One unplanned ending, what is known of it alone and what it says: a look at its row."""

    among: OwnRows
    row: int

    @property
    def fact(self) -> EndingFact:
        """What it says."""
        return self.among.facts[self.among.fact[self.row]]

    @property
    def attempt(self) -> int:
        """The attempt that ended, or that had opened the session."""
        return self.among.attempt[self.row]

    @property
    def t_ns(self) -> int:
        """When it was noticed."""
        return self.among.t_ns[self.row]

    @property
    def port(self) -> int | None:
        """Our own; None where it is not known."""
        port = self.among.port[self.row]
        return None if port < 0 else port

    @property
    def hops(self) -> HopWalk | None:
        """Where it stops, where that was walked."""
        return self.among.hops.get(self.row)

    @property
    def pings(self) -> int:
        """How many were sent."""
        return self.among.pings[self.row]

    @property
    def pongs(self) -> int:
        """How many came back."""
        return self.among.pongs[self.row]


class OwnDrops(Mapping[int, OwnFact]):
    """What is known of each drop, by its session; of one that ended twice, the later."""

    def __init__(self, among: OwnRows) -> None:
        self.among = among
        self._session, self._row = array("q"), array("i")

    def add(self, session: int, own: OwnFact) -> None:
        """Keep one, which is among those."""
        self._session.append(session)
        self._row.append(own.row)

    def rows(self, sessions: "array[int]") -> "array[int]":
        """The row of each of these sessions; -1: it is not known."""
        found = array("i", (-1 for _ in sessions))
        if self._session and found:
            known, asked = np.asarray(self._session), np.asarray(sessions)
            order = np.argsort(known, kind="stable")
            places = order[np.searchsorted(known, asked, side="right", sorter=order) - 1]
            rows = np.asarray(self._row)[places]
            np.copyto(np.asarray(found), rows, where=known[places] == asked)
        return found

    def __getitem__(self, session: int) -> OwnFact:
        (row,) = self.rows(array("q", [session]))
        if row < 0:
            raise KeyError(session)
        return OwnFact(self.among, row)

    def __iter__(self) -> Iterator[int]:
        return iter(dict.fromkeys(self._session))

    def __len__(self) -> int:
        return len(self._session)


class FailureFact(NamedTuple):
    """A failed attempt."""

    place: int
    """Its place among the run's failed attempts."""
    began_ns: int
    own: OwnFact

    @property
    def ending(self) -> EndingFact:
        """What it says."""
        return self.own.fact


def _port(local: str | None) -> int:
    port = (local or "").rpartition(":")[2]
    return int(port) if port.isdecimal() and len(port) <= _LONGEST_PORT else -1
