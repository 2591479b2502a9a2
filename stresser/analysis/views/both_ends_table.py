"""The sessions of a run as both ends saw them, one row each: for a report.

Bounded: drops that the two ends saw differently come first, then other drops, then other sessions
whose ends differ, then the rest; in each of these the earliest. Of what has no room the number is
kept.
"""

from typing import Final

from msgspec import Struct, field

from stresser.model.ending import BRACKETED, Ending, Kind
from stresser.model.events import AnyEvent, SessionEnded
from stresser.model.far_end import FarEnd
from stresser.model.units import NS_PER_S, escaped

MOST_SESSIONS: Final = 1000
_LONGEST_NAME = 128
_LONGEST_ADDRESS = 80
_APART_NS = 2 * NS_PER_S
"""Closing many sessions takes the reflector a while: so much later is the same end."""
_GOODBYES = frozenset({Kind.WS_CLOSE, Kind.TLS_CLOSE_NOTIFY, Kind.TCP_FIN})
"""What one end meets when the other closes; of several, which one it read last before it stopped
is a matter of moments."""


class BothEndsRow(Struct, frozen=True, kw_only=True):
    """One session. Times are microseconds since the run began, those there within `within_us`."""

    session: int
    endpoint: str
    egress: str
    is_drop: bool
    differ: bool
    """The two ends met ends of different kinds, or one held it for longer."""
    here: Kind
    here_us: int
    there: Kind | None
    """`planned`: the reflector closed it itself; None: it still held it."""
    there_us: int
    """When it ended there; until when it is known to have been held, where it had not."""
    within_us: int
    held_longer_us: int
    """For so long at least the far end held what had ended here; below 0: this end did what had
    ended there; 0: the clocks cannot tell them apart."""
    local: str
    """This host's address and port."""
    seen_as: str
    """The same as the far end saw it."""


class BothEndsRows(Struct, frozen=True, kw_only=True):
    """What is shown of them."""

    rows: list[BothEndsRow] = field(default_factory=list)
    more: int = 0
    """Sessions of which an account came, without a row."""
    differ: int = 0
    """Of all of them, those whose two ends differ."""


class BothEndsTable:
    """Collects the sessions of which a far end gave an account, event by event."""

    def __init__(self, most: int = MOST_SESSIONS) -> None:
        self._most = most
        self._ranks: tuple[list[BothEndsRow], ...] = ([], [], [], [])
        self._sessions = self._differ = 0

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        if not isinstance(event, SessionEnded):
            return
        far = event.ending.evidence.far_end
        if far is None:
            return
        self._sessions += 1
        differ = _differ(event.ending, far)
        self._differ += differ
        rank = self._ranks[(not event.ending.is_drop) * 2 + (not differ)]
        if len(rank) < self._most:
            rank.append(_row(event, far, differ=differ))

    def figures(self) -> BothEndsRows:
        """The rows that have room."""
        rows = [row for rank in self._ranks for row in rank][: self._most]
        return BothEndsRows(rows=rows, more=self._sessions - len(rows), differ=self._differ)


def _differ(ending: Ending, far: FarEnd) -> bool:
    longer_ns = far.held_longer_ns(ending.dead_by_ns)
    if longer_ns > _APART_NS or (longer_ns < -_APART_NS and ending.kind not in BRACKETED):
        return True
    return far.kind is not None and not _are_one(ending, far.kind)


def _are_one(ending: Ending, there: Kind) -> bool:
    """Whether one event brings these two about, one at each end."""
    here = ending.kind
    if Kind.PLANNED in {here, there}:
        return (there if here is Kind.PLANNED else here) in {*_GOODBYES, Kind.PLANNED}
    return here is there or {here, there} <= BRACKETED


def _row(event: SessionEnded, far: FarEnd, *, differ: bool) -> BothEndsRow:
    ending = event.ending
    there_ns = far.known_until_ns if far.at_ns is None else far.at_ns
    return BothEndsRow(
        session=event.session,
        endpoint=escaped(event.endpoint, _LONGEST_NAME),
        egress=escaped(event.egress, _LONGEST_NAME),
        is_drop=ending.is_drop,
        differ=differ,
        here=ending.kind,
        here_us=ending.dead_by_ns // 1000,
        there=far.kind,
        there_us=there_ns // 1000,
        within_us=far.within_ns // 1000,
        held_longer_us=far.held_longer_ns(ending.dead_by_ns) // 1000,
        local=escaped(event.local or "", _LONGEST_ADDRESS),
        seen_as=escaped(far.peer, _LONGEST_ADDRESS),
    )
