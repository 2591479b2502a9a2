"""Searches the idle limit of one endpoint through one egress, and what counts as traffic there.

Silent sessions of a ladder are asked at different ages (`idle_ladder`). Beside them some break
their silence each second, each in one way (`search_companions`). When the limit is known and they
are older than that, all are asked at once: who lives was refreshed. What ends busy ones as well is
no limit of silence.
"""

from collections.abc import Callable
from functools import partial

import trio

from stresser.classify.idle_answers import Beside, answer_of_silence
from stresser.model.units import NS_PER_S, format_duration
from stresser.session.idle_ladder import IdleSearch, beginnings, late_beginnings
from stresser.session.lifecycle import hold_until_asked
from stresser.session.route import Route
from stresser.session.run_context import RunContext
from stresser.session.search_companions import Companion, companions
from stresser.statistics.asked_limits import AskedLimit

_ATTEMPTS = 5
_FOR_EVER_NS = 2**62
_AT_ONCE_S = 0.5
"""What ended at the same moment as the last one is heard by then."""
_PONG_S = 1.1
"""Until then busy sessions have pinged again."""
_OLDER_NS = 2 * NS_PER_S
"""Than the limit: those beside the ladder are that much older, or open so much later, when they
are asked."""


async def search_idle(route: Route, around: RunContext, say: Callable[[str], object]) -> None:
    """Return when the limit is known, or that there is none up to the activity's `up_to`.

    `say` takes what has been learned, a sentence at a time.
    """
    async with trio.open_nursery() as nursery:
        hunt = _Hunt(route, around, nursery, say)
        hunt.begin()
        await hunt.is_over.wait()
        await trio.sleep_until(max(hunt.companions_old_s, trio.current_time() + _AT_ONCE_S))
        nursery.cancel_scope.cancel()  # all that are held are asked now


class _Hunt:
    """The sessions of one search."""

    def __init__(
        self, route: Route, around: RunContext, nursery: trio.Nursery, say: Callable[[str], object]
    ) -> None:
        self.is_over = trio.Event()
        self._route, self._around, self._nursery, self._say = route, around, nursery, say
        self._search = IdleSearch(route.activity.up_to)
        self._search.control_lives = partial(around.siblings.lives, route.cohort.pair)
        self._said = AskedLimit(0, None)
        self._begun_s = trio.current_time()

    def begin(self) -> None:
        """Start those beside the ladder, then the first ladder."""
        for one in companions(self._route):
            self._search.has_control = self._search.has_control or one.what == Beside.BUSY
            for _ in range(one.sessions):
                self._nursery.start_soon(self._keep, one)
        silences = self._search.first
        self._climb(silences, beginnings(silences))
        if not self._search.has_control:
            late = self._search.begin_late()
            self._climb(late, late_beginnings(late, self._route.activity.up_to))

    @property
    def companions_old_s(self) -> float:
        """When those beside the ladder are older than the limit, in trio's time."""
        limit = self._search.limit
        if limit.high is None:
            return trio.current_time()
        return self._begun_s + (limit.high + (limit.tick or 0) + _OLDER_NS) / NS_PER_S

    async def _keep(self, companion: Companion) -> None:
        while True:
            ending = await hold_until_asked(companion.route, self._around, _FOR_EVER_NS, _ATTEMPTS)
            if companion.what == Beside.BUSY and (ending is None or ending.is_drop):
                self._search.has_control = False
            if not companion.comes_back:
                return
            await trio.sleep(1)

    def _climb(self, silences: list[int], begin_ns: list[int]) -> None:
        now_s, ladder = trio.current_time(), self._search.ladder
        for silence_ns, after_ns in zip(silences, begin_ns, strict=True):
            begin_s = now_s + after_ns / NS_PER_S
            self._nursery.start_soon(self._sit, silence_ns, ladder, begin_s)

    async def _sit(self, silence_ns: int, ladder: int, begin_s: float) -> None:
        await trio.sleep_until(begin_s)
        ending = await hold_until_asked(self._route, self._around, silence_ns, _ATTEMPTS)
        answer = None if ending is None else answer_of_silence(ending)
        more = self._search.saw(answer, ladder)
        limit = self._search.limit
        if more or self._search.is_done or limit.low >= 2 * self._said.low:
            self._tell(limit)
        self._climb(more, [number * self._search.spacing_ns for number in range(len(more))])
        if limit.high is not None and not self._search.is_done:
            await trio.sleep(_PONG_S)
            self._search.look()
        if self._search.is_done:
            self.is_over.set()

    def _tell(self, limit: AskedLimit) -> None:
        if self._said == limit:
            return
        self._said = limit
        where = f"{self._route.cohort.endpoint} through {self._route.cohort.egress}"
        low = format_duration(limit.low)
        if limit.high is None:
            passed_ns = round((trio.current_time() - self._begun_s) * NS_PER_S)
            left_ns = self._route.activity.up_to - passed_ns
            is_last = self._search.is_done or left_ns < NS_PER_S
            more = "" if is_last else f"; at most {format_duration(left_ns)} more"
            self._say(f"{where}: alive after {low} of silence{more}")
            return
        high = format_duration(limit.high)
        more = "" if self._search.is_done else f"; at most {high} more to confirm it"
        self._say(f"{where}: alive after {low} of silence, dead after {high}{more}")
