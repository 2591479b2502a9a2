"""Whether packets are witnessed, and what is said where they cannot be."""

import errno
import os
import sys

import trio

from stresser.run.packet_sight import PacketSight, open_packets
from stresser.scenario.plan import Endpoint, Scenario, Witnesses
from stresser.witness.clock import RunClock


def plan(*, packets):
    return Scenario(
        name="sight",
        endpoints=[Endpoint(name="a", url="wss://a.example.net/")],
        witnesses=Witnesses(packets=packets),
    )


def test_a_run_that_wants_none_is_not_blind():
    async def main():
        clock = RunClock()
        sight = open_packets(plan(packets=False), clock, 10)
        assert sight == PacketSight()
        assert sight.blindness(clock, 0) is None

    trio.run(main)


def test_a_failure_is_said_once_with_its_reason():
    async def main():
        clock = RunClock()
        sight = PacketSight(failure=OSError(errno.EPERM, os.strerror(errno.EPERM)))
        told = sight.closed().blindness(clock, 7)
        assert told is not None
        assert (told.t_ns, told.witness) == (7, "packets")
        assert "not captured (Operation not permitted)" in told.detail

    trio.run(main)


def test_there_is_a_witness_or_a_reason():
    async def main():
        clock = RunClock()
        sight = open_packets(plan(packets=True), clock, 10)
        assert (sight.witness is None) is (sight.failure is not None)
        if sys.platform != "linux":
            assert sight.failure is not None
        closed = sight.closed()
        assert closed.witness is None
        assert closed.failure is sight.failure

    trio.run(main)
