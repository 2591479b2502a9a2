"""Pongs that answer nothing: they are due on a schedule, and never waited for."""

from dataclasses import replace

import trio

from stresser.model.ending import Kind, Proof
from stresser.model.units import NS_PER_S
from stresser.session.route import Beat
from tests.fakes.certificates import server_context
from tests.fakes.peers import websocket_server
from tests.fakes.world import heartbeat, in_virtual_time, world


def test_it_beats_until_the_end_and_no_pong_is_missed():
    sent_s = []

    async def story():
        async with world(websocket_server(server_context())) as made:
            route = replace(made.route(activity=heartbeat("10s", "2s")), beat=Beat())
            made.start(route)
            for at_s in range(5, 100, 10):
                await trio.sleep_until(at_s)
                sent_s.append(round(made.paths[0].client_sent_s))
            made.stop()
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    assert sent_s == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.proved) == (Kind.PLANNED, Proof.ALIVE)
    assert (ended.pings, ended.ending.age_ns // NS_PER_S) == (0, 95)
    assert made.around.bugs.count == 0
