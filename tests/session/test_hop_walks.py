"""All walks of a run: they are made unless the scenario says otherwise, one kind at a time."""

import trio

from stresser.scenario.plan import Witnesses
from stresser.session.hop_walks import HopWalks
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness
from tests.net.peers import run
from tests.witness.namespaces import need_capture


def test_they_are_walked_unless_the_scenario_says_otherwise():
    assert Witnesses().hops


def test_none_is_busy_before_anything_has_ended_and_the_task_ends_when_cancelled():
    async def test():
        need_capture()
        clock = RunClock()
        witness = PacketWitness.open(clock)
        try:
            walks = HopWalks(clock, witness, [].append)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(walks.held.run)
                await trio.lowlevel.checkpoint()
                assert not walks.ended.is_busy
                nursery.cancel_scope.cancel()
        finally:
            witness.close()

    run(test)
