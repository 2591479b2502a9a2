"""Lives of hours over real TLS and real WebSocket on memory paths, in virtual time."""

import errno
import os

import pytest
import trio
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.quantity import Quantity
from stresser.model.scenario import Timeouts
from stresser.model.units import NS_PER_MS, NS_PER_S
from tests.fakes.certificates import server_context
from tests.fakes.peers import TlsPeer, WebSocketPeer, tls_server, websocket_server
from tests.fakes.world import heartbeat, in_virtual_time, seconds, silent, world

HOUR = 3600
EVERY = 15 * NS_PER_S
LAST_LOOK = 50 * NS_PER_MS
VERSIONS = ["1.2", "1.3"]


def life(program, duration_s, *, during=None, latency_s=0.0, stop=True, **route):
    """The world after one session's life; `during(world)` plays the network's part."""

    async def story():
        async with world(program, latency_s=latency_s) as made:
            made.start(made.route(**route))
            async with trio.open_nursery() as nursery:
                if during is not None:
                    nursery.start_soon(during, made)
                await trio.sleep_until(duration_s)
                nursery.cancel_scope.cancel()
            if stop:
                made.stop()
            await trio.testing.wait_all_tasks_blocked()
            return made

    return in_virtual_time(story)


def test_eight_hours_of_heartbeats_none_missed_none_late():
    made = life(websocket_server(server_context()), 8 * HOUR + 1, latency_s=0.02)
    ended = made.notebook.only_ended()
    assert (1919, 1919) == (ended.pings, ended.pongs)
    assert made.notebook.values(Quantity.RTT) == [pytest.approx(40 * NS_PER_MS, abs=2)] * 1919
    assert set(made.notebook.values(Quantity.SEND_LAG)) == {0}
    assert made.around.bugs.count == 0
