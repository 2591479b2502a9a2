"""Searches the idle limit of one endpoint through one egress, and what counts as traffic there.

Silent sessions of a ladder are asked at different ages (`idle_ladder`). Beside them a few are kept
busy: what ends those as well is no limit of silence. As soon as a first bracket is known, others
beat within it, each in one way, and are asked beyond it: who lives was refreshed.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import trio

from stresser.classify.idle_answers import (
    BUSY,
    BUSY_EVERY_NS,
    PING,
    TCP_KEEPALIVE,
    UP,
    answer_of_silence,
    beside,
)
from stresser.model.units import NS_PER_S, Duration, format_duration
from stresser.scenario.plan import Activity, ActivityKind
from stresser.session.idle_ladder import IdleSearch
from stresser.session.lifecycle import hold_until_asked
from stresser.session.route import Route, timers_for
from stresser.session.run_context import RunContext
from stresser.statistics.asked_limits import AskedLimit

_REFRESHING = {
    PING: ActivityKind.HEARTBEAT,
    UP: ActivityKind.HEARTBEAT,
    TCP_KEEPALIVE: ActivityKind.KEEPALIVE,
}
"""What may count as traffic, and the activity that does it."""
_ATTEMPTS = 5
_BUSY_SESSIONS = 3
_BUSY_TIMEOUT = Duration(10 * NS_PER_S)
_FOR_EVER_NS = 2**62
_REFRESHED_SESSIONS = 2
_BEAT_AT = 0.45
"""Of the longest silence survived: two beats before the limit."""
_ASKED_AT = 1.1
"""Of the silence that killed: somewhat after it, and soon after the last beat."""


async def search_idle(route: Route, around: RunContext, say: Callable[[str], object]) -> None:
    """Return when the limit is known, or that there is none up to the activity's `up_to`.

    `say` takes what has been learned, a sentence at a time.
    """
    async with trio.open_nursery() as nursery:
        hunt = _Hunt(route, around, nursery, say)
        hunt.begin()
        await hunt.is_over.wait()
        nursery.cancel_scope.cancel()


class _Hunt:
    """The sessions of one search."""

    def __init__(
        self, route: Route, around: RunContext, nursery: trio.Nursery, say: Callable[[str], object]
    ) -> None:
        self.is_over = trio.Event()
        self._route, self._around, self._nursery, self._say = route, around, nursery, say
        self._search = IdleSearch(route.activity.up_to)
        self._refreshing = 0
        self._is_refreshed = False
        self._told = AskedLimit(0, None)
        self._begun_ns = around.clock.now_ns()

    def begin(self) -> None:
        """Start the first ladder, and the busy sessions beside it."""
        self._climb(self._search.first)
        if self._route.request is not None:  # bare TLS has nothing that could be sent
            activity = Activity(name=BUSY, every=Duration(BUSY_EVERY_NS), timeout=_BUSY_TIMEOUT)
            busy = self._doing(BUSY, activity)
            self._search.has_control = True
            for _ in range(_BUSY_SESSIONS):
                self._nursery.start_soon(self._keep_busy, busy)

    async def _keep_busy(self, route: Route) -> None:
        while True:
            ending = await hold_until_asked(route, self._around, _FOR_EVER_NS, _ATTEMPTS)
            if ending is None or ending.is_drop:
                self._search.has_control = False
            await trio.sleep(1)

    def _climb(self, silences: list[int]) -> None:
        for number, silence_ns in enumerate(silences):
            begin_s = trio.current_time() + number * self._search.spacing_ns / NS_PER_S
            self._nursery.start_soon(self._sit, silence_ns, self._search.ladder, begin_s)

    async def _sit(self, silence_ns: int, ladder: int, begin_s: float) -> None:
        await trio.sleep_until(begin_s)
        ending = await hold_until_asked(self._route, self._around, silence_ns, _ATTEMPTS)
        answer = None if ending is None else answer_of_silence(ending)
        more = self._search.saw(answer, ladder)
        limit = self._search.limit
        if more or self._search.is_done:
            self._tell(limit)
            self._refresh(limit)
        elif limit.high is None and limit.low >= 2 * self._told.low:
            self._tell(limit)
        self._climb(more)
        self._look()

    def _look(self) -> None:
        if self._search.is_done and not self._refreshing:
            self.is_over.set()

    def _tell(self, limit: AskedLimit) -> None:
        if self._told == limit:
            return
        self._told = limit
        passed_ns = self._around.clock.now_ns() - self._begun_ns
        where = f"{self._route.cohort.endpoint} through {self._route.cohort.egress}"
        low = format_duration(limit.low)
        if limit.high is None:
            left_ns = self._route.activity.up_to - passed_ns
            is_last = self._search.is_done or left_ns < NS_PER_S
            more = "" if is_last else f"; at most {format_duration(left_ns)} more"
            self._say(f"{where}: alive after {low} of silence{more}")
            return
        high = format_duration(limit.high)
        more = "" if self._search.is_done else f"; about {high} more to be exact"
        self._say(f"{where}: alive after {low} of silence, dead after {high}{more}")

    def _refresh(self, limit: AskedLimit) -> None:
        """Once: let some beat within the bracket, and ask them beyond it."""
        if self._is_refreshed or limit.high is None:
            return
        self._is_refreshed = True
        every = Duration(round(limit.low * _BEAT_AT))
        asked_at_ns = round(limit.high * _ASKED_AT) + NS_PER_S + (limit.tick or 0)
        for what, activity in _activities(every):
            if activity.kind is ActivityKind.HEARTBEAT and self._route.request is None:
                continue
            route = replace(self._doing(what, activity), is_one_way=what == UP)
            for _ in range(_REFRESHED_SESSIONS):
                self._refreshing += 1
                self._nursery.start_soon(self._be_refreshed, route, asked_at_ns)

    async def _be_refreshed(self, route: Route, age_ns: int) -> None:
        await hold_until_asked(route, self._around, age_ns, _ATTEMPTS)
        self._refreshing -= 1
        self._look()

    def _doing(self, what: str, activity: Activity) -> Route:
        cohort = beside(self._route.cohort, what)
        return replace(self._route, cohort=cohort, activity=activity, timers=timers_for(activity))


def _activities(every: Duration) -> Iterator[tuple[str, Activity]]:
    """What fits: the kernel's keepalive counts whole seconds."""
    for what, kind in _REFRESHING.items():
        if kind is ActivityKind.HEARTBEAT or every >= NS_PER_S:
            whole = Duration(every // NS_PER_S * NS_PER_S)
            each = every if kind is ActivityKind.HEARTBEAT else whole
            yield what, Activity(name=what, kind=kind, every=each, timeout=_BUSY_TIMEOUT)
