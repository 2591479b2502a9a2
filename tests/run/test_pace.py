"""Rates and places in flight, exact in virtual time."""

from itertools import pairwise

import pytest
import trio

from stresser.model.cohort import Cohort
from stresser.run.pace import Pace
from stresser.scenario.plan import Sessions
from tests.fakes.world import in_virtual_time

EPSILON = 1e-6


def cohort(endpoint="a", egress="direct"):
    return Cohort(endpoint, egress, "heartbeat")


class Queue:
    """Attempts that ask for admission together; notes when each was let in."""

    def __init__(self, **limits):
        self.pace = Pace(Sessions(**limits))
        self.admitted = []
        self.inside = {}
        self.most_inside = {}

    async def attempt(self, of, lasting_s=0.0):
        async with self.pace.admit(of):
            self.admitted.append((trio.current_time(), of))
            way = (of.endpoint, of.egress)
            self.inside[way] = self.inside.get(way, 0) + 1
            self.most_inside[way] = max(self.most_inside.get(way, 0), self.inside[way])
            try:
                await trio.sleep(lasting_s)
            finally:
                self.inside[way] -= 1

    def times(self, **of):
        return [at for at, c in self.admitted if all(getattr(c, k) == v for k, v in of.items())]


def played(queue, attempts, *, until_s=None):
    async def story():
        with trio.move_on_after(until_s if until_s is not None else 10**6):
            async with trio.open_nursery() as nursery:
                for of, lasting_s in attempts:
                    nursery.start_soon(queue.attempt, of, lasting_s)
        return queue

    return in_virtual_time(story)


def gaps(times):
    return [after - before for before, after in pairwise(sorted(times))]


def test_the_rate_of_one_endpoint_is_exact():
    queue = played(Queue(), [(cohort(), 0)] * 500)
    assert gaps(queue.times()) == [pytest.approx(1 / 50, abs=EPSILON)] * 499


def test_the_rate_over_all_endpoints_is_exact():
    many = [(cohort(f"e{n % 10}"), 0) for n in range(1000)]
    queue = played(Queue(), many)  # 10 endpoints at 50 would be 500 a second
    assert gaps(queue.times()) == [pytest.approx(1 / 200, abs=EPSILON)] * 999
    for n in range(10):
        assert min(gaps(queue.times(endpoint=f"e{n}"))) >= 1 / 50 - EPSILON


def test_two_endpoints_run_at_their_own_rates_side_by_side():
    """However they come: first all of one endpoint, then all of the other."""
    queue = played(Queue(), [(cohort("a"), 0)] * 200 + [(cohort("b"), 0)] * 200)
    for endpoint in "ab":
        times = queue.times(endpoint=endpoint)
        assert max(times) - min(times) == pytest.approx(199 / 50, abs=0.01)
        assert min(times) < 0.01


def test_after_others_have_gone_no_endpoint_is_asked_faster_than_its_rate():
    """Ten endpoints queue up for the common rate; nine of them have only a few attempts."""
    few = [(cohort(f"e{n}"), 0) for n in range(1, 10)] * 20
    queue = played(Queue(), few + [(cohort("e0"), 0)] * 200)
    assert min(gaps(queue.times(endpoint="e0"))) >= 1 / 50 - EPSILON
    assert min(gaps(queue.times())) >= 1 / 200 - EPSILON


def test_an_unused_turn_is_not_saved_up():
    async def story():
        queue = Queue()
        await queue.attempt(cohort())
        await trio.sleep(60)
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(queue.attempt, cohort())
        return queue

    queue = in_virtual_time(story)
    assert min(gaps(queue.times())) >= 1 / 50 - EPSILON


def test_a_stalled_loop_does_not_catch_up_in_a_burst():
    async def story():
        queue = Queue(attempts_per_second_per_endpoint=10.0)
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(queue.attempt, cohort())
            await trio.sleep(2.05)
            trio.lowlevel.current_clock().jump(5)  # type: ignore[attr-defined]  # it is a MockClock
        return queue

    times = in_virtual_time(story).times()
    after = [at for at in times if at >= 7]
    assert len(after) >= 70
    assert min(gaps(after)) >= 0.1 - EPSILON


def test_places_in_flight_are_counted_for_each_endpoint_and_egress():
    ways = [cohort(e, g) for e in "ab" for g in ("direct", "vpn")]
    limits = {"handshakes_in_flight": 8, "attempts_per_second_per_endpoint": 1000.0}
    queue = played(
        Queue(**limits, attempts_per_second=1000.0), [(way, 5.0) for way in ways for _ in range(40)]
    )
    assert {(way.endpoint, way.egress): 8 for way in ways} == queue.most_inside
    assert len(queue.admitted) == 160


@pytest.mark.parametrize("living", [cohort("a", "direct"), cohort("b", "vpn")])
def test_behind_a_dead_one_nobody_else_waits(living):
    """64 attempts hang for their 10 s timeout, and hundreds more queue behind them."""
    dead = [(cohort("a", "vpn"), 10.0)] * 500
    queue = played(Queue(), dead + [(living, 0.05)] * 50, until_s=5)
    times = queue.times(endpoint=living.endpoint, egress=living.egress)
    assert len(times) == 50
    # Of one endpoint they share its rate with the 64 that are let in to die, and no more.
    assert max(times) <= (50 + 64) / 50 + 0.1


def test_who_gives_up_while_waiting_gives_the_place_back():
    async def story():
        queue = Queue(handshakes_in_flight=2, attempts_per_second_per_endpoint=1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.attempt, cohort(), 0.0)
            await trio.sleep(0.1)
            with trio.move_on_after(0.2) as impatient:  # waits for its turn at 1 s
                await queue.attempt(cohort())
            assert impatient.cancelled_caught
            with trio.move_on_after(0.2):
                await queue.attempt(cohort())
            nursery.start_soon(queue.attempt, cohort(), 5.0)
            nursery.start_soon(queue.attempt, cohort(), 5.0)
            await trio.sleep(3)
            with trio.move_on_after(0.5) as crowded:  # both places are taken
                await queue.attempt(cohort())
            assert crowded.cancelled_caught
        await queue.attempt(cohort())
        return queue

    queue = in_virtual_time(story)
    # Their turns were given back as well: nobody waited for those who had gone.
    assert [pytest.approx(at, abs=0.01) for at in queue.times()] == [0, 1, 2, 7]
