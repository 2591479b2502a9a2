"""What all sessions of a run share, and what a session asks of the run."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

import trio

from stresser.model.clock import Hangups
from stresser.model.cohort import Cohort
from stresser.model.events import HostSlept, Observer
from stresser.session.attempt import Attempt
from stresser.session.bugs import Bugs
from stresser.session.chain_book import ChainBook
from stresser.session.heartbeat import Heartbeats
from stresser.witness.clock import RunClock, SleepWitness

_ENDINGS_A_PASS = 4
"""So many endings are worked up in one pass of the loop: when hundreds die at once, the loop
comes back to its sockets in between and dates the next deaths well."""


class Gate(Protocol):
    """Who lets attempts begin: rates and handshakes in flight."""

    def admit(self, cohort: Cohort) -> AbstractAsyncContextManager[None]:
        """Wait for one's turn; held while the attempt goes on."""


@dataclass(kw_only=True)
class Surroundings:
    """One for a run."""

    clock: RunClock
    observer: Observer
    gate: Gate
    heartbeats: Heartbeats
    hangups: Hangups | None = None
    bugs: Bugs = field(default_factory=Bugs)
    sleeps: SleepWitness = field(default_factory=SleepWitness)
    chains: ChainBook = field(default_factory=ChainBook)
    attempt_numbers: "count[int]" = field(default_factory=lambda: count(1))
    session_numbers: "count[int]" = field(default_factory=lambda: count(1))
    after_death: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(_ENDINGS_A_PASS))
    stop_at_s: float | None = None
    """Trio time at which the run began to stop."""

    def notice_sleep(self) -> None:
        """Tell that the host was suspended, if it was; UTC goes on from the waking."""
        now = self.clock.now_ns()
        slept = self.sleeps.check(now)
        if slept:
            # The monotonic clock stood still meanwhile.
            self.clock.anchor_unix_ns += slept
            told = HostSlept(t_ns=now, utc=self.clock.utc(now), slept_ns=slept)
            self.observer.event(told)

    def slept_since(self, t_ns: int, now_ns: int) -> int:
        """Nanoseconds suspended after a moment of the run.

        The first who asks after a waking is often a session that did not survive it.
        """
        self.notice_sleep()
        return self.sleeps.slept_since(t_ns, now_ns)

    def tell_chain(self, attempt: Attempt) -> None:
        """Record a chain that this cohort meets for the first time."""
        now = self.clock.now_ns()
        news = self.chains.news_of(attempt, now, self.clock.utc(now))
        if news is not None:
            self.observer.event(news)
