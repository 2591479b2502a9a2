"""What the reflectors of a run tell of its sessions while it goes on.

An observer that hears of openings and endings, has them asked for over the control sessions
(`far_link.py`), and tells a `FarEndSeen` for each ended session of which an account came: at once
where the far end met an end as well; where it still holds the session, then too, and once more
when that has ended.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import trio

from stresser.model.cohort import Cohort, Pair
from stresser.model.events import (
    AnyEvent,
    AttemptFailed,
    Observer,
    SessionEnded,
    SessionOpened,
    WitnessGap,
)
from stresser.model.far_account import MOST_ASKED, FarAccount
from stresser.model.far_end import FarEnd
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.record.far_record import FarRecord
from stresser.run.far_link import FarLink
from stresser.run.way_counts import WayCounts
from stresser.session.held import HeldSession
from stresser.session.internal_errors import Bugs
from stresser.session.route import Route
from stresser.statistics.clock_alignment import OffsetBound
from stresser.witness.clock import RunClock

_LAST_WORD_S: Final = 3.0
"""How long a run waits, when all has ended, for the accounts of it."""
_ASK_FOR_NS: Final = 120 * NS_PER_S
"""An ended session is asked for no longer than that; what is told later is taken all the same."""
_MOST_AWAITED: Final = 100_000
_MOST_RECORDS: Final = 16
"""Reflectors: restarted ones, or several behind one name."""
_DRIFT: Final = 10_000
"""Two clocks drift apart by less than a ten-thousandth."""


class FarAccounts:
    """One for a run with reflectors. An Observer; tells another one what it learns."""

    def __init__(
        self,
        routes: Iterable[Route],
        clock: RunClock,
        observer: Observer,
        bugs: Bugs,
        is_ours: Callable[[int], bool] = lambda _: True,
    ) -> None:
        """`is_ours`: of which attempts this process tells. A reflector tells of all the run's."""
        self._is_ours = is_ours
        self._clock = clock
        self._observer = observer
        self._run_id = ""
        self._links: dict[Pair, FarLink] = {}
        self._records: dict[str, FarRecord] = {}
        self._last: dict[str, int] = {}
        self._opened: dict[int, SessionOpened] = {}
        self._ended: dict[int, SessionEnded] = {}
        self._to_ask: dict[int, None] = {}
        self._told: set[int] = set()
        self._counts = WayCounts(clock, observer)
        for route in routes:
            pair = route.cohort.pair
            if route.introducer is not None and pair not in self._links:
                self._run_id = route.introducer.run
                self._links[pair] = FarLink(route, clock, bugs, self)

    @property
    def sessions(self) -> dict[int, HeldSession]:
        """Those that are held, by attempt: who opens one adds it."""
        return self._counts.sessions

    @property
    def has_any(self) -> bool:
        """An endpoint of the run is a reflector."""
        return bool(self._links)

    async def run(self) -> None:
        """Keep the control sessions open, for ever."""
        async with trio.open_nursery() as nursery:
            for link in self._links.values():
                nursery.start_soon(link.run)

    # What happens here.

    def event(self, event: AnyEvent) -> None:
        """Something happened."""
        if not isinstance(event, SessionOpened | SessionEnded | AttemptFailed):
            return
        if Pair(event.endpoint, event.egress) not in self._links:
            return
        if isinstance(event, SessionOpened):
            if event.proxy is not None:
                self.sessions.pop(event.attempt, None)  # TCP ends at the proxy
            self._opened[event.attempt] = event
            for record in self._records.values():
                record.opened_here(event)
        elif isinstance(event, SessionEnded):
            self._has_ended(event)
        else:
            self._forget(event.attempt)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """Durations tell nothing here."""

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        """Nor do many."""

    def _has_ended(self, event: SessionEnded) -> None:
        if len(self._ended) >= _MOST_AWAITED:
            self._forget(next(iter(self._ended)))
        self._opened.pop(event.attempt, None)
        self.sessions.pop(event.attempt, None)
        self._ended[event.attempt] = event
        self._tell(event.attempt)
        if event.attempt in self._ended:
            self._to_ask[event.attempt] = None
            self._wake()

    def _wake(self) -> None:
        for link in self._links.values():
            link.wake()

    # What the control sessions ask and hear.

    def after(self) -> dict[str, int]:
        """The last event heard of each record."""
        return dict(self._last)

    def wanted(self) -> list[int]:
        """The next to be asked for; those of which no account came come again, behind others."""
        now, wanted = self._clock.now_ns(), list(self._to_ask)[:MOST_ASKED]
        for attempt in wanted:
            del self._to_ask[attempt]
            event = self._ended.get(attempt)
            if event is not None and now - event.t_ns < _ASK_FOR_NS:
                self._to_ask[attempt] = None
        return wanted + self._counts.asked(MOST_ASKED - len(wanted))

    def heard(self, account: FarAccount, at_ns: int) -> None:
        """An account came."""
        record = self._record(account.record)
        known = self._last[account.record]
        self._last[account.record] = max(known, account.last)
        if (bound := _bound_in(account, at_ns)) is not None:
            record.bound(bound)
        events = [
            event
            for number, event in zip(account.numbers, account.events, strict=False)
            if number > known and self._is_ours(event.attempt)
            # The rest came by another control session, or is another worker's.
        ]
        for held in account.held:
            self._counts.heard(held, account.record)
        for event in (*events, *account.held):
            record.event(event)
        for event in (*events, *account.held):
            self._tell(event.attempt)
        if len(self._to_ask) > MOST_ASKED:
            self._wake()

    def _record(self, name: str) -> FarRecord:
        if name not in self._records:
            if len(self._records) >= _MOST_RECORDS:
                oldest = next(iter(self._records))
                del self._records[oldest], self._last[oldest]
            self._last[name] = 0
            record = self._records[name] = FarRecord(self._run_id)
            for event in self._opened.values():
                record.opened_here(event)
        return self._records[name]

    def _tell(self, attempt: int) -> None:
        event = self._ended.get(attempt)
        if event is None:
            return
        for record in self._records.values():
            if attempt not in record.ended and attempt not in record.held:
                continue
            seen = record.seen(event)
            if seen is not None and _is_of_the_end(seen.far_end, event):
                self._observer.event(self._counts.added_to(seen, attempt))
                self._told.add(attempt)
                self._to_ask.pop(attempt, None)
                if attempt in record.ended:
                    self._forget(attempt)
                return

    def _forget(self, attempt: int) -> None:
        self._opened.pop(attempt, None)
        self._ended.pop(attempt, None)
        self._to_ask.pop(attempt, None)
        self._told.discard(attempt)
        self._counts.forget(attempt)
        for record in self._records.values():
            record.forget(attempt)

    # The end.

    async def settle(self) -> None:
        """Every session has ended: wait for the last accounts, and tell which did not come."""
        with trio.move_on_after(_LAST_WORD_S):
            while self._untold and any(  # noqa: ASYNC110 - a link that closes sets no event
                link.is_open for link in self._links.values()
            ):
                await trio.sleep(0.02)
        self._counts.settle()
        for egress, number in Counter(event.egress for event in self._untold).items():
            self._tell_gap(egress, number)

    @property
    def _untold(self) -> list[SessionEnded]:
        """Sessions that have ended here and of which no account came."""
        return [event for attempt, event in self._ended.items() if attempt not in self._told]

    def _tell_gap(self, egress: str, number: int) -> None:
        failures = (link.failure for pair, link in self._links.items() if pair.egress == egress)
        reason = next((f" ({one})" for one in failures if one is not None), "")
        sessions = "1 session" if number == 1 else f"{number:,} sessions"
        now = self._clock.now_ns()
        self._observer.event(
            WitnessGap(
                t_ns=now,
                utc=self._clock.utc(now),
                witness="far end",
                detail=f"no account came of {sessions} through {egress}{reason}",
            )
        )


def _is_of_the_end(far: FarEnd, event: SessionEnded) -> bool:
    """A session that was asked for while it lived may have ended before the answer came."""
    return far.kind is not None or far.known_until_ns + far.within_ns >= event.ending.dead_by_ns


def _bound_in(account: FarAccount, at_ns: int) -> OffsetBound | None:
    """It was said before it was heard, and the question asked before that was heard there."""
    sent_ns, heard_ns = account.question_sent_ns, account.question_heard_ns
    if sent_ns is None or heard_ns is None:
        return None
    low_ns = account.now_ns - at_ns
    high_ns = heard_ns - sent_ns + abs(at_ns - sent_ns) // _DRIFT
    return OffsetBound(at_ns, min(low_ns, high_ns), max(low_ns, high_ns))
