"""What all sessions of a run share, and what a session asks of the run."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Protocol

import trio

from stresser.model.clocks import Hangups
from stresser.model.cohort import Cohort, Pair
from stresser.model.events import (
    AddressesSeen,
    HostSlept,
    Observer,
    PathChanged,
)
from stresser.model.packet import Packets
from stresser.model.unfit import Unfit
from stresser.net.fair_share import Turns
from stresser.session.attempt import Attempt
from stresser.session.chains_seen import ChainsSeen
from stresser.session.fresh_connections import FreshConnections
from stresser.session.heartbeat import Heartbeats
from stresser.session.held import HeldSession
from stresser.session.hop_walks import HopWalks
from stresser.session.internal_errors import Bugs
from stresser.session.local_route import LocalRoutes
from stresser.session.quiet_sessions import QuietSessions
from stresser.session.sibling_sessions import SiblingSessions
from stresser.witness.clock import RunClock, SleepWitness
from stresser.witness.fitness import Fitness
from stresser.witness.path import PathWitness

_ENDINGS_A_PASS = 4
"""So many endings are worked up in one pass of the loop: when hundreds die at once, the loop
comes back to its sockets in between and dates the next endings well."""
_ADDRESSES_REMEMBERED = 256
_ADDRESSES_OF_A_LOOK_UP = 64


class Gate(Protocol):
    """Who lets attempts begin: rates and handshakes in flight."""

    def admit(self, cohort: Cohort) -> AbstractAsyncContextManager[None]:
        """Wait for one's turn; held while the attempt goes on."""


class AddressBook:
    """Which addresses each endpoint's name has had through each egress. Bounded."""

    def __init__(self) -> None:
        self._seen: dict[Pair, set[str]] = {}

    def has_new(self, cohort: Cohort, addresses: Sequence[str]) -> bool:
        """Whether one is there for the first time; the first 256 of an egress are distinguished."""
        seen = self._seen.setdefault(cohort.pair, set())
        new = set(addresses) - seen
        if not new or len(seen) >= _ADDRESSES_REMEMBERED:
            return False
        seen |= new
        return True


@dataclass(kw_only=True)
class RunContext:
    """One for a run."""

    clock: RunClock
    observer: Observer
    gate: Gate
    heartbeats: Heartbeats
    quiet: QuietSessions | None = None
    """Where sessions wait in which nothing happens but pongs. None: each waits for itself."""
    hangups: Hangups | None = None
    packets: Packets | None = None
    """None: no packets are captured."""
    looks: FreshConnections | None = None
    """None: no one is asked."""
    walks: HopWalks | None = None
    """None: no hops are walked."""
    siblings: SiblingSessions = field(default_factory=SiblingSessions)
    bugs: Bugs = field(default_factory=Bugs)
    sleeps: SleepWitness = field(default_factory=SleepWitness)
    path: PathWitness | None = None
    fitness: Fitness | None = None
    local_routes: LocalRoutes = field(default_factory=LocalRoutes)
    chains: ChainsSeen = field(default_factory=ChainsSeen)
    addresses: AddressBook = field(default_factory=AddressBook)
    attempt_numbers: "count[int]" = field(default_factory=lambda: count(1))
    session_numbers: "count[int]" = field(default_factory=lambda: count(1))
    turns: Turns = field(default_factory=Turns)
    after_ending: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(_ENDINGS_A_PASS))
    beside: trio.Nursery | None = None
    """Where evidence is awaited while a place is filled again. None: the place waits, too."""
    reflected: dict[int, HeldSession] | None = None
    """The sessions to reflectors that are held, by attempt; None: there are no reflectors."""
    room_beside: int = 0
    """So many ended sessions and attempts, with their sockets, may be in it at once."""
    stop_at_s: float | None = None
    """Trio time at which the run began to stop."""
    _awake_ns: int = 0
    """When a look last found that the host had not slept, or what it had slept."""

    def without_packets(self) -> "RunContext":
        """The same, as where no packets are captured."""
        return replace(self, packets=None)

    def notice_sleep(self) -> None:
        """Tell that the host was suspended, if it was; UTC goes on from the waking."""
        now = self.clock.now_ns()
        slept = self.sleeps.check(now)
        if slept:
            # The monotonic clock stood still meanwhile.
            self.clock.anchor_unix_ns += slept
            told = HostSlept(t_ns=now, utc=self.clock.utc(now), slept_ns=slept)
            self.observer.event(told)
            if self.fitness is not None:
                self.fitness.slept(self._awake_ns, now, slept)
        self._awake_ns = now

    def slept_since(self, t_ns: int, now_ns: int) -> int:
        """Nanoseconds suspended after a moment of the run.

        The first who asks after a waking is often a session that did not survive it.
        """
        self.notice_sleep()
        return self.sleeps.slept_since(t_ns, now_ns)

    def unfit_between(self, from_ns: int, until_ns: int) -> list[Unfit]:
        """Windows in which host or tool were not fit to judge sessions, touching this one."""
        self.notice_sleep()
        return [] if self.fitness is None else self.fitness.unfit_between(from_ns, until_ns)

    def path_changes_near(self, alive_at_ns: int, dead_by_ns: int) -> list[PathChanged]:
        """Path changes that an ending with this bracket is reported together with."""
        return [] if self.path is None else self.path.changes_near(alive_at_ns, dead_by_ns)

    async def do_beside(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it beside what the caller does next; where there is no room, or no next, first."""
        is_stopping = self.stop_at_s is not None
        if self.beside is None or self.room_beside <= 0 or is_stopping:
            await work()
            return
        self.room_beside -= 1
        self.beside.start_soon(self._done_beside, work)

    async def _done_beside(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as exc:  # noqa: BLE001 - a bug here is nobody else's
            self.bugs.note(exc)
        finally:
            self.room_beside += 1

    def tell_chain(self, attempt: Attempt) -> None:
        """Record a chain that this cohort meets for the first time."""
        now = self.clock.now_ns()
        news = self.chains.news_of(attempt, now, self.clock.utc(now))
        if news is not None:
            self.observer.event(news)

    def tell_addresses(self, attempt: Attempt) -> None:
        """Record a look-up of ours that gave an address new to this endpoint and egress."""
        cohort = attempt.route.cohort
        if not attempt.found:
            return
        addresses = sorted({str(found.sockaddr[0]) for found in attempt.found})
        addresses = addresses[:_ADDRESSES_OF_A_LOOK_UP]
        if not self.addresses.has_new(cohort, addresses):
            return
        now = self.clock.now_ns()
        self.observer.event(
            AddressesSeen(
                t_ns=now,
                utc=self.clock.utc(now),
                endpoint=cohort.endpoint,
                egress=cohort.egress,
                activity=cohort.activity,
                name=attempt.route.host,
                addresses=addresses,
            )
        )
