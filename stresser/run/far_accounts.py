"""What the reflectors of a run tell of its sessions while it goes on.

An observer that hears of openings and endings, has them asked for over the control sessions
(`far_link.py`), and tells a `FarEndSeen` for each ended session of which an account came: at once
where the far end met an end as well; where it still holds the session, then too, and once more
when that has ended.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import trio

from stresser.model.cohort import Cohort, Pair
from stresser.model.events import (
    AnyEvent,
    AttemptFailed,
    Observer,
    ReflectionOpened,
    SessionEnded,
    SessionOpened,
    WitnessGap,
)
from stresser.model.far_account import MOST_ASKED, FarAccount
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.record.far_record import FarRecord
from stresser.run.far_link import FarLink
from stresser.session.internal_errors import Bugs
from stresser.session.route import Route
from stresser.statistics.clock_alignment import OffsetBound
from stresser.witness.clock import RunClock

_LAST_WORD_S: Final = 3.0
"""How long a run waits, when all has ended, for the accounts of it."""
_ASK_FOR_NS: Final = 120 * NS_PER_S
"""An ended session is asked for no longer than that; what is told later is taken all the same."""
_MOST_AWAITED: Final = 100_000
_MOST_RECORDS: Final = 8
"""Reflectors of one endpoint: restarted ones, or several behind one name."""
_DRIFT: Final = 10_000


class _Endpoint:
    """One endpoint that is a reflector: what is known and what is awaited."""

    def __init__(self, run_id: str, clock: RunClock, observer: Observer) -> None:
        self._run_id = run_id
        self._clock = clock
        self._observer = observer
        self._records: dict[str, FarRecord] = {}
        self._last: dict[str, int] = {}
        self._opened: dict[int, SessionOpened] = {}
        self._ended: dict[int, SessionEnded] = {}
        self._to_ask: dict[int, None] = {}
        self._told: set[int] = set()
        self.links: list[FarLink] = []

    def opened(self, event: SessionOpened) -> None:
        self._opened[event.attempt] = event
        for record in self._records.values():
            record.opened_here(event)

    def failed(self, attempt: int) -> None:
        for record in self._records.values():
            record.forget(attempt)

    def ended(self, event: SessionEnded) -> None:
        self._opened.pop(event.attempt, None)
        if len(self._ended) >= _MOST_AWAITED:
            self._drop(next(iter(self._ended)))
        self._ended[event.attempt] = event
        self._tell(event.attempt)
        if event.attempt in self._ended:
            self._to_ask[event.attempt] = None
            for link in self.links:
                link.wake()

    def after(self) -> dict[str, int]:
        return dict(self._last)

    def wanted(self) -> list[int]:
        """The next to be asked for; those of which no account came come again, behind others."""
        now, wanted = self._clock.now_ns(), list(self._to_ask)[:MOST_ASKED]
        for attempt in wanted:
            del self._to_ask[attempt]
            event = self._ended.get(attempt)
            if event is not None and now - event.t_ns < _ASK_FOR_NS:
                self._to_ask[attempt] = None
        return wanted

    def heard(self, account: FarAccount, at_ns: int) -> None:
        record = self._record(account.record)
        self._last[account.record] = max(self._last[account.record], account.last)
        sent_ns, heard_ns = account.question_sent_ns, account.question_heard_ns
        if sent_ns is not None and heard_ns is not None:
            drift_ns = abs(at_ns - sent_ns) // _DRIFT
            low_ns, high_ns = account.now_ns - at_ns, heard_ns - sent_ns + drift_ns
            record.bound(OffsetBound(at_ns, min(low_ns, high_ns), max(low_ns, high_ns)))
        for event in account.events:
            record.event(event)
        for event in account.events:
            if not isinstance(event, ReflectionOpened):
                self._tell(event.attempt)
        if self._to_ask:
            for link in self.links:
                link.wake()

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
            if seen is None:
                continue
            self._observer.event(seen)
            self._told.add(attempt)
            self._to_ask.pop(attempt, None)
            if attempt in record.ended:
                self._drop(attempt)
            return

    def _drop(self, attempt: int) -> None:
        self._ended.pop(attempt, None)
        self._to_ask.pop(attempt, None)
        self._told.discard(attempt)
        self.failed(attempt)

    @property
    def untold(self) -> list[SessionEnded]:
        """Sessions that have ended here and of which no account came."""
        return [event for attempt, event in self._ended.items() if attempt not in self._told]


class FarAccounts:
    """One for a run with reflectors. An Observer; tells another one what it learns."""

    def __init__(
        self, routes: Iterable[Route], clock: RunClock, observer: Observer, bugs: Bugs
    ) -> None:
        self._clock = clock
        self._observer = observer
        self._endpoints: dict[str, _Endpoint] = {}
        self._links: dict[Pair, FarLink] = {}
        for route in routes:
            pair = route.cohort.pair
            if route.introducer is None or pair in self._links:
                continue
            endpoint = self._endpoints.setdefault(
                pair.endpoint, _Endpoint(route.introducer.run, clock, observer)
            )
            link = self._links[pair] = FarLink(route, clock, bugs, endpoint)
            endpoint.links.append(link)

    @property
    def has_any(self) -> bool:
        """An endpoint of the run is a reflector."""
        return bool(self._endpoints)

    def event(self, event: AnyEvent) -> None:
        """Something happened."""
        if not isinstance(event, SessionOpened | SessionEnded | AttemptFailed):
            return
        endpoint = self._endpoints.get(event.endpoint)
        if endpoint is None:
            return
        if isinstance(event, SessionOpened):
            endpoint.opened(event)
        elif isinstance(event, SessionEnded):
            endpoint.ended(event)
        else:
            endpoint.failed(event.attempt)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """Durations tell nothing here."""

    async def run(self) -> None:
        """Keep the control sessions open, for ever."""
        async with trio.open_nursery() as nursery:
            for link in self._links.values():
                nursery.start_soon(link.run)

    async def settle(self) -> None:
        """Every session has ended: wait for the last accounts, and tell which did not come."""
        with trio.move_on_after(_LAST_WORD_S):
            while any(  # noqa: ASYNC110 - a link that closes sets no event either
                one.untold and any(link.is_open for link in one.links)
                for one in self._endpoints.values()
            ):
                await trio.sleep(0.02)
        silent = Counter(
            event.egress for endpoint in self._endpoints.values() for event in endpoint.untold
        )
        for egress, number in silent.items():
            self._tell_gap(egress, number)

    def _tell_gap(self, egress: str, number: int) -> None:
        why = {link.failure for link in self._links.values() if link.egress == egress}
        reason = next((f" ({one})" for one in why if one is not None), "")
        now = self._clock.now_ns()
        self._observer.event(
            WitnessGap(
                t_ns=now,
                utc=self._clock.utc(now),
                witness="far end",
                detail=f"no account came of {number} sessions through {egress}{reason}",
            )
        )
