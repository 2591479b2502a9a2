"""One clock for a run: trio's, anchored once to UTC; and the host's sleeps."""

import sys
import time

import pytest
import trio
from trio.testing import MockClock

from stresser.model.units import NS_PER_MS, NS_PER_S, format_utc
from stresser.witness.clock import (
    KernelStamps,
    RunClock,
    SleepWitness,
    suspended_ns,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="CLOCK_BOOTTIME")
HOUR_NS = 3600 * NS_PER_S


def test_the_run_begins_at_zero_and_follows_trios_clock():
    async def test():
        clock = RunClock()
        assert clock.now_ns() == 0
        assert clock.woke_ns == 0
        await trio.sleep(3600)
        assert clock.now_ns() == HOUR_NS

    trio.run(test, clock=MockClock(autojump_threshold=0))


def test_two_clocks_of_one_run_tell_the_same_time():
    """Each loop has a clock that begins anywhere; what is shared is the host's."""

    async def begin():
        clock = RunClock()
        clock.go_on(1_000, 7 * NS_PER_S)
        return clock.anchor_unix_ns, clock.began_monotonic_ns

    async def join(anchor_unix_ns, began_monotonic_ns):
        clock = RunClock()
        clock.share(anchor_unix_ns, began_monotonic_ns)
        before = time.monotonic_ns() - began_monotonic_ns
        now = clock.now_ns()
        after = time.monotonic_ns() - began_monotonic_ns
        assert before - 1000 <= now <= after + 1000
        assert clock.anchor_unix_ns == 1_000
        assert clock.utc(0) == format_utc(1_000)

    trio.run(join, *trio.run(begin))


def test_trios_time_and_the_runs_are_the_same_moment():
    async def test():
        await trio.sleep(1234)
        clock = RunClock()
        await trio.sleep_until(clock.trio_time(90 * NS_PER_S))
        assert clock.now_ns() == 90 * NS_PER_S
        assert clock.since_start(trio.current_time()) == 90 * NS_PER_S
        assert clock.since_start(clock.trio_time(0)) == 0

    trio.run(test, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("origin_s", [0, 0.1, 12_345.678_9, 999_999.999])
def test_a_task_that_wakes_at_its_due_time_is_not_told_that_it_is_early(origin_s):
    """It would sleep until now for ever."""

    async def test():
        await trio.sleep(origin_s)
        clock = RunClock()
        for due in range(NS_PER_S // 3, 1000 * NS_PER_S, 1_234_567_891):
            await trio.sleep_until(clock.trio_time(due))
            assert clock.now_ns() == due

    trio.run(test, clock=MockClock(autojump_threshold=0))


def test_utc_is_the_anchor_plus_monotonic_time():
    async def test():
        before = time.time_ns()
        clock = RunClock()
        assert before <= clock.anchor_unix_ns <= time.time_ns()
        await trio.sleep(86_400)  # of MockClock: the wall has not moved
        assert clock.utc(0) == format_utc(clock.anchor_unix_ns)
        assert clock.utc(clock.now_ns()) == format_utc(clock.anchor_unix_ns + 24 * HOUR_NS)

    trio.run(test, clock=MockClock(autojump_threshold=0))


def test_real_time_goes_forward_in_nanoseconds():
    async def test():
        clock = RunClock()
        readings = [clock.now_ns() for _ in range(1000)]
        assert readings == sorted(readings)
        assert all(isinstance(reading, int) for reading in readings)
        assert readings[-1] > readings[0]

    trio.run(test)


@linux
def test_a_host_that_has_not_slept_says_so():
    first, second = suspended_ns(), suspended_ns()
    assert first is not None
    assert second is not None
    assert abs(second - first) < NS_PER_MS
    witness = SleepWitness()
    assert witness.check(NS_PER_S) == 0
    assert witness.slept_since(0, NS_PER_S) == 0


# A host cannot be suspended by a test. What a suspend does to the witness is that the kernel's
# two clocks have drifted apart since its baseline: setting the baseline back says the same.
def sleep_for(witness, slept_ns):
    witness._baseline_ns -= slept_ns


@linux
def test_a_sleep_is_noticed_once_and_remembered():
    witness = SleepWitness()
    sleep_for(witness, HOUR_NS)
    slept = witness.check(50 * NS_PER_S)
    assert slept == pytest.approx(HOUR_NS, abs=NS_PER_MS)
    assert witness.check(51 * NS_PER_S) == 0
    assert witness.slept_since(0, 60 * NS_PER_S) == slept
    assert witness.slept_since(50 * NS_PER_S, 60 * NS_PER_S) == slept
    assert witness.slept_since(50 * NS_PER_S + 1, 60 * NS_PER_S) == 0


@linux
def test_a_sleep_that_nobody_has_checked_for_counts_too():
    witness = SleepWitness()
    sleep_for(witness, 5 * NS_PER_S)
    assert witness.slept_since(NS_PER_S, 2 * NS_PER_S) == pytest.approx(5 * NS_PER_S, abs=NS_PER_MS)


@linux
def test_several_sleeps_add_up_from_a_moment_on():
    witness = SleepWitness()
    for woke_s in (10, 20, 30):
        sleep_for(witness, woke_s * NS_PER_S)
        witness.check(woke_s * NS_PER_S)
    about = pytest.approx
    assert witness.slept_since(0, 40 * NS_PER_S) == about(60 * NS_PER_S, abs=NS_PER_MS)
    assert witness.slept_since(15 * NS_PER_S, 40 * NS_PER_S) == about(50 * NS_PER_S, abs=NS_PER_MS)


@linux
@pytest.mark.parametrize("slept_ns", [-HOUR_NS, 0, 99 * NS_PER_MS])
def test_two_clocks_read_one_after_the_other_are_no_sleep(slept_ns):
    witness = SleepWitness()
    sleep_for(witness, slept_ns)
    assert witness.check(0) == 0


@linux
def test_it_remembers_a_thousand_sleeps():
    witness = SleepWitness()
    for number in range(1500):
        sleep_for(witness, NS_PER_S)
        witness.check(number)
    assert witness.slept_since(0, 2000) == pytest.approx(1000 * NS_PER_S, rel=0.001)


def test_where_the_kernel_does_not_tell_nothing_is_claimed():
    witness = SleepWitness()
    witness._baseline_ns = None  # as on a system without CLOCK_BOOTTIME
    assert witness.check(0) == 0
    assert witness.slept_since(0, 1) == 0


def test_a_kernel_stamp_is_a_moment_of_the_run():
    async def test():
        clock = RunClock()
        stamps = KernelStamps(clock)
        before, unix_ns, after = clock.now_ns(), time.time_ns(), clock.now_ns()
        stamps.compare()
        assert before - NS_PER_MS / 10 <= stamps.moment(unix_ns) <= after + NS_PER_MS / 10

    trio.run(test)


@pytest.mark.parametrize("step_ns", [-HOUR_NS, -30 * NS_PER_MS, 30 * NS_PER_MS, HOUR_NS])
def test_a_wall_clock_that_steps_moves_no_packet_far(step_ns):
    async def test():
        clock = RunClock()
        stamps = KernelStamps(clock)
        await trio.sleep(3600)  # of MockClock
        stamps.caught_up(clock.now_ns())
        await trio.sleep(0.02)
        stamps.compare()
        # Stamped before the step, read after it.
        moment = stamps.moment(time.time_ns() - step_ns)
        assert HOUR_NS - 10 * NS_PER_MS <= moment <= clock.now_ns()

    trio.run(test, clock=MockClock(autojump_threshold=0))


def test_before_anything_was_read_a_stamp_is_no_older_than_the_witness():
    async def test():
        clock = RunClock()
        await trio.sleep(5)
        stamps = KernelStamps(clock)
        stamps.compare()
        assert stamps.moment(0) == 5 * NS_PER_S - 10 * NS_PER_MS
        assert stamps.moment(2**62) == 5 * NS_PER_S

    trio.run(test, clock=MockClock(autojump_threshold=0))
