"""Which flows are walked when they have ended; walks themselves are in the netlab."""

import pytest
import trio

from stresser.model.ending import Kind
from stresser.session.hop_walks import HopWalks
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness
from tests.fakes.certificates import server_context
from tests.fakes.peers import WebSocketPeer
from tests.fakes.world import heartbeat, in_virtual_time, silent, world
from tests.witness.namespaces import need_capture


def falls_silent(activity, *, reset=False):
    """A session on a path in memory, where there is nothing to walk."""

    async def program(far):
        await (await WebSocketPeer.accept(far, server_context())).answer_pings()

    async def story():
        need_capture()
        async with world(program) as made:
            witness = PacketWitness.open(RunClock())
            made.around.walks = HopWalks(made.clock, witness, made.notebook.event)
            made.start(made.route(activity=activity))
            await trio.sleep_until(20.5)
            if reset:
                made.paths[0].reset()
            else:
                made.paths[0].hold_back()
            await trio.sleep_until(60)
            made.stop()
            await trio.sleep(2)
            witness.close()
            return made

    return in_virtual_time(story)


@pytest.mark.parametrize(
    ("activity", "reset"),
    [(heartbeat("2s", "1s"), False), (heartbeat("2s", "1s"), True), (silent(), True)],
    ids=["silence", "reset", "silent"],
)
def test_where_there_is_nothing_to_walk_an_ending_is_as_it_was(activity, reset):
    made = falls_silent(activity, reset=reset)
    ended = made.notebook.ended[0]
    assert ended.ending.kind in {Kind.UNRESPONSIVE, Kind.SILENCE, Kind.TCP_RESET}
    assert ended.ending.evidence.hops is None
    assert made.around.bugs.count == 0
