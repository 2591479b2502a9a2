"""The scheduler: absolute due times, fairness, and nothing kept of what has ended."""

import gc
import weakref
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from stresser.model.units import NS_PER_S
from stresser.session.heartbeat import Heartbeats
from stresser.witness.clock import RunClock
from tests.fakes.world import in_virtual_time


class Beater:
    """Beats every `every_ns` a given number of times."""

    def __init__(self, every_ns, beats=1_000_000):
        self.every_ns = every_ns
        self.beats = beats
        self.times = []
        self.broken_off = None

    def beat(self, now_ns):
        self.times.append(now_ns)
        return None if len(self.times) == self.beats else now_ns + self.every_ns

    def break_off(self, exc):
        self.broken_off = exc


class Breaker(Beater):
    def beat(self, now_ns):
        super().beat(now_ns)
        raise ZeroDivisionError("a bug")


async def beating_for(heartbeats, duration_s):
    with trio.move_on_after(duration_s):
        await heartbeats.run()


@pytest.mark.slow
def test_thousands_of_sessions_beat_on_their_own_due_times():
    async def story():
        heartbeats = Heartbeats(RunClock())
        beaters = [Beater((1 + n % 7) * NS_PER_S) for n in range(3000)]
        for n, beater in enumerate(beaters):
            heartbeats.add(beater.every_ns + n, beater)
        await beating_for(heartbeats, 21.5)
        return beaters

    for n, beater in enumerate(in_virtual_time(story)):
        every = beater.every_ns
        expected = list(range(every + n, 21_500_000_000, every))
        assert expected == beater.times


def test_every_nanosecond_of_due_time_is_reached_without_turning_in_circles():
    """`int(due / 1e9 * 1e9)` is a nanosecond short for one due time in forty."""

    async def story():
        heartbeats = Heartbeats(RunClock())
        beaters = [Beater(0, beats=1) for _ in range(400)]
        dues = [NS_PER_S + 1_000_003 * n for n in range(400)]
        for due, beater in zip(dues, beaters, strict=True):
            heartbeats.add(due, beater)
        await beating_for(heartbeats, 10)
        return [[due] for due in dues], [beater.times for beater in beaters]

    dues, times = in_virtual_time(story)
    assert dues == times


def test_a_new_session_with_an_earlier_due_time_wakes_it():
    async def story():
        heartbeats = Heartbeats(RunClock())
        late, early = Beater(3600 * NS_PER_S), Beater(3600 * NS_PER_S)
        heartbeats.add(3600 * NS_PER_S, late)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heartbeats.run)
            await trio.sleep(5)
            heartbeats.add(6 * NS_PER_S, early)
            await trio.sleep(2)
            nursery.cancel_scope.cancel()
        return early.times, late.times

    assert in_virtual_time(story) == ([6 * NS_PER_S], [])


def test_it_lets_the_loop_look_at_its_sockets_between_beats():
    async def story():
        heartbeats = Heartbeats(RunClock())
        beaters = [Beater(NS_PER_S) for _ in range(1000)]
        for beater in beaters:
            heartbeats.add(NS_PER_S, beater)
        seen: list[int] = []

        async def neighbour():
            await trio.sleep_until(1)
            while len(seen) < 100:
                seen.append(sum(len(beater.times) for beater in beaters))
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(heartbeats.run)
            await neighbour()
            nursery.cancel_scope.cancel()
        return seen

    seen = trio.run(story, clock=MockClock(autojump_threshold=0))
    steps = [after - before for before, after in pairwise(seen)]
    assert seen[-1] == 1000
    assert max(steps) <= 64  # two passes of the loop may lie between two looks


def test_what_has_ended_is_let_go_at_once():
    async def story():
        heartbeats = Heartbeats(RunClock())
        beaters = [Beater(NS_PER_S) for _ in range(1000)]
        tickets = [heartbeats.add(3600 * NS_PER_S, beater) for beater in beaters]
        remembered = [weakref.ref(beater) for beater in beaters]
        del beaters
        for ticket in tickets:
            heartbeats.remove(ticket)
            heartbeats.remove(ticket)  # a second time does no harm
        gc.collect()
        await beating_for(heartbeats, 7200)
        return len(heartbeats), len(heartbeats._heap), [ref() for ref in remembered]

    beating, entries, left = in_virtual_time(story)
    assert (beating, entries) == (0, 0)
    assert left == [None] * 1000


def test_sessions_that_come_and_go_do_not_make_the_heap_grow():
    async def story():
        heartbeats = Heartbeats(RunClock())
        staying = [Beater(3600 * NS_PER_S) for _ in range(100)]
        for beater in staying:
            heartbeats.add(3600 * NS_PER_S, beater)
        for _ in range(10_000):
            heartbeats.remove(heartbeats.add(1800 * NS_PER_S, Beater(1)))
        size = len(heartbeats._heap)
        await beating_for(heartbeats, 3601)
        return size, [beater.times for beater in staying]

    size, times = in_virtual_time(story)
    assert size <= 2 * 100 + 65
    assert times == [[3600 * NS_PER_S]] * 100


def test_a_bug_in_one_beat_ends_that_session_and_no_other():
    async def story():
        heartbeats = Heartbeats(RunClock())
        broken, sound = Breaker(NS_PER_S), Beater(NS_PER_S)
        heartbeats.add(NS_PER_S, broken)
        heartbeats.add(NS_PER_S, sound)
        await beating_for(heartbeats, 3.5)
        return broken, sound, len(heartbeats)

    broken, sound, beating = in_virtual_time(story)
    assert isinstance(broken.broken_off, ZeroDivisionError)
    assert len(broken.times) == 1
    assert [n * NS_PER_S for n in (1, 2, 3)] == sound.times
    assert beating == 1
