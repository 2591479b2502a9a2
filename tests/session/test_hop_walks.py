"""All walks of a run: they are made unless the scenario says otherwise, one kind at a time."""

import trio

from stresser.model.events import HopsSeen
from stresser.scenario.plan import Witnesses
from stresser.session.ended_walks import RouterTurns
from stresser.session.hop_walks import HopWalks
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness
from tests.fakes.world import in_virtual_time
from tests.net.peers import run
from tests.witness.namespaces import need_capture


def test_they_are_walked_unless_the_scenario_says_otherwise():
    assert Witnesses().hops


def test_routers_are_asked_by_one_at_a_time_and_no_oftener_than_they_answer():
    async def story():
        turns, began = RouterTurns(), []

        async def ask():
            async with turns.one(3):
                assert turns.is_busy
                began.append(trio.current_time())
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
        assert not turns.is_busy
        return began

    assert in_virtual_time(story) == [0, 3, 6]


def test_all_walks_of_a_run_share_their_turns_and_the_task_ends_when_cancelled():
    async def test():
        need_capture()
        clock, told = RunClock(), list[HopsSeen]()
        witness = PacketWitness.open(clock)
        try:
            walks = HopWalks(clock, witness, told.append)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(walks.held.run)
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
        finally:
            witness.close()
        assert told == []

    run(test)
