"""What taps leave behind when they are gone: nothing."""

import contextlib
import gc
import sys
import tracemalloc

import pytest
import trio

from stresser.net.tap import Tap
from stresser.witness.clock import RunClock
from tests.net.peers import open_descriptors, reset, run, tcp_pair


async def read_to_end(tap):
    with contextlib.suppress(trio.BrokenResourceError):
        while await tap.receive_some():
            pass


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc of a Linux kernel")
def test_hundreds_of_endings_leave_no_descriptor_and_no_memory():
    async def die(count):
        for number in range(count):
            near, far = tcp_pair()
            tap = Tap(near, RunClock())
            reset(far) if number % 2 else far.close()
            await read_to_end(tap)
            tap.close()

    async def growth(deaths):
        before, _ = tracemalloc.get_traced_memory()
        await die(deaths)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    async def test():
        await die(20)
        gc.collect()
        descriptors = open_descriptors()
        tracemalloc.start()
        growths = [await growth(100) for _ in range(2)]
        tracemalloc.stop()
        assert open_descriptors() == descriptors
        # What threads of the test runner keep comes once; what deaths leave comes each time.
        assert min(growths) < 10_000

    run(test)
