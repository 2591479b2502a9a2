"""Hang-ups are dated when they are first seen, apart from trio's loop."""

import os
import select
import sys

import pytest
import trio

from stresser.witness.clock import RunClock
from stresser.witness.hangup import HangupWatch
from tests.net.peers import open_descriptors, reset, tcp_pair, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an epoll of its own")


def watching(test):
    """Run a test with a watch and a connection."""

    async def main():
        watch = HangupWatch(RunClock())
        near, far = tcp_pair()
        try:
            with near, far:
                watch.add(near.fileno())
                test(watch, near, far)
        finally:
            watch.close()

    trio.run(main)


@pytest.mark.parametrize("end", ["rst", "fin"])
def test_a_hang_up_is_dated_by_the_first_look(end):
    def test(watch, near, far):
        assert watch.seen_ns(near.fileno()) is None
        reset(far) if end == "rst" else far.close()
        before = watch._clock.now_ns()
        watch.look()
        after = watch._clock.now_ns()
        watch.look()  # changes nothing
        seen = watch.seen_ns(near.fileno())
        assert seen is not None
        assert before <= seen <= after

    watching(test)


def test_a_rst_that_follows_a_fin_does_not_date_it_anew():
    def test(watch, near, far):
        far.close()
        first = watch.seen_ns(near.fileno())
        near.send(b"x")  # to a closed socket: RST
        wait_for(near, select.POLLHUP)
        assert watch.seen_ns(near.fileno()) == first

    watching(test)


def test_data_is_no_hang_up():
    def test(watch, near, far):
        far.send(b"data")
        watch.look()
        assert watch.seen_ns(near.fileno()) is None

    watching(test)


def test_asking_looks():
    def test(watch, near, far):
        far.close()
        assert watch.seen_ns(near.fileno()) is not None

    watching(test)


def test_what_is_forgotten_is_not_anothers():
    def test(watch, near, far):
        far.close()
        watch.look()
        number = near.fileno()
        watch.forget(number)
        assert watch.seen_ns(number) is None
        again, other = tcp_pair()
        with again, other:
            os.dup2(again.fileno(), number)
            watch.add(number)
            assert watch.seen_ns(number) is None

    watching(test)


def test_more_hang_ups_than_one_look_takes():
    async def test():
        watch = HangupWatch(RunClock())
        pairs = [tcp_pair() for _ in range(150)]
        for near, far in pairs:
            watch.add(near.fileno())
            far.close()
        watch.look()
        dated = [watch._seen.get(near.fileno()) for near, _ in pairs]
        assert None not in dated
        for near, _ in pairs:
            watch.forget(near.fileno())
            near.close()
        assert not watch._seen
        watch.close()

    trio.run(test)


def test_closed_it_sees_nothing_and_holds_no_descriptor():
    async def test():
        before = open_descriptors()
        watch = HangupWatch(RunClock())
        near, far = tcp_pair()
        with near, far:
            watch.add(near.fileno())
            watch.close()
            watch.close()
            watch.add(near.fileno())
            watch.look()
            assert watch.seen_ns(near.fileno()) is None
            watch.forget(near.fileno())
        assert open_descriptors() == before

    trio.run(test)
