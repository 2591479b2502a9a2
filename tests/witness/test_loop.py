"""The loop's stamp and its lag, measured on stalls that are real."""

import socket
import time
from collections import Counter

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.witness.clock import RunClock
from stresser.witness.hangup import HangupWatch
from stresser.witness.loop import LoopStamp, watch_lag

STALL_S = 0.15
EVERY_NS = 50 * NS_PER_MS
OFTEN_NS = 25 * NS_PER_MS


def stall():
    """Keep the loop from running, as a long computation does."""
    end = time.perf_counter() + STALL_S
    while time.perf_counter() < end:
        pass


class Lags(list[tuple[int, int]]):
    """What `watch_lag` reports; wakes whoever waits for so many of them."""

    def __init__(self):
        super().__init__()
        self._more = trio.Event()

    def report(self, due_ns, lag_ns):
        self.append((due_ns, lag_ns))
        self._more.set()

    async def reach(self, count):
        while len(self) < count:
            self._more = trio.Event()
            await self._more.wait()


def test_the_stamp_is_set_after_each_wait_and_stays_during_the_pass():
    async def test():
        clock = RunClock()
        trio.lowlevel.add_instrument(LoopStamp(clock))
        await trio.lowlevel.checkpoint()
        first = clock.woke_ns
        assert 0 < first <= clock.now_ns()
        stall_begun = clock.now_ns()
        stall()
        assert clock.woke_ns == first
        assert clock.now_ns() - stall_begun >= STALL_S * NS_PER_S
        await trio.lowlevel.checkpoint()
        assert clock.woke_ns >= stall_begun + STALL_S * NS_PER_S

    trio.run(test)


def test_tasks_of_one_pass_share_the_stamp():
    async def test():
        clock = RunClock()
        trio.lowlevel.add_instrument(LoopStamp(clock))
        stamps = []

        async def meet(gate):
            await gate.wait()
            stamps.append((clock.woke_ns, clock.now_ns()))
            if len(stamps) == 1:
                stall()

        gate = trio.Event()
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(meet, gate)
            await wait_all_tasks_blocked()
            gate.set()
        assert len({stamp for stamp, _ in stamps}) == 1
        assert stamps[-1][1] - stamps[-1][0] >= STALL_S * NS_PER_S

    trio.run(test)


def test_the_stamp_looks_for_hang_ups():
    async def test():
        clock = RunClock()
        watch = HangupWatch(clock)
        trio.lowlevel.add_instrument(LoopStamp(clock, watch))
        near, far = socket.socketpair()
        with near:
            watch.add(near.fileno())
            far.close()
            await trio.lowlevel.checkpoint()
            seen = watch.seen_ns(near.fileno())
            assert seen is None or clock.woke_ns <= seen <= clock.now_ns()
            watch.forget(near.fileno())
        watch.close()

    trio.run(test)


def test_a_stall_is_reported_as_all_the_samples_it_covers():
    async def test():
        clock, lags = RunClock(), Lags()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_lag, clock, lags.report, OFTEN_NS)
            await lags.reach(1)
            before = len(lags)
            stall()
            await lags.reach(before + 5)
            nursery.cancel_scope.cancel()
        # What is reported in one go has the same due time plus lag: the moment of the report.
        [(_, covered)] = Counter(due + lag for due, lag in lags[before:]).most_common(1)
        stalled = lags[before:][:covered]
        assert covered >= 5  # 150 ms of 25 ms steps, the first of them on its way
        assert stalled[0][1] >= STALL_S * NS_PER_S - 2 * OFTEN_NS
        assert [due - stalled[0][0] for due, _ in stalled] == [
            OFTEN_NS * number for number in range(covered)
        ]
        assert {due + lag for due, lag in stalled} == {sum(stalled[0])}

    trio.run(test)


def test_due_times_are_absolute_and_none_is_left_out():
    async def test():
        clock, lags = RunClock(), Lags()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_lag, clock, lags.report)
            await trio.sleep(100)
            nursery.cancel_scope.cancel()
        dues = [due for due, _ in lags]
        assert dues == [EVERY_NS * number for number in range(1, len(dues) + 1)]
        assert len(dues) in {1999, 2000}
        assert {lag for _, lag in lags} == {0}

    trio.run(test, clock=MockClock(autojump_threshold=0))
