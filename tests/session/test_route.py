import dataclasses
import socket

import pytest
import trio

from stresser.net.dial import Binding
from stresser.net.resolve import Address
from stresser.scenario.plan import Activity, ActivityKind
from stresser.session.route import connect_tcp, timers_for
from stresser.witness.clock import RunClock
from tests.fakes.certificates import server_context
from tests.fakes.peers import tls_server
from tests.fakes.world import heartbeat, in_virtual_time, seconds, silent, world


def test_pings_need_a_websocket_and_an_activity_that_sends_them():
    async def story():
        async with world(tls_server(server_context())) as made:
            return [
                made.route(scheme=scheme, activity=activity).heartbeat
                for scheme in ("wss", "tls")
                for activity in (heartbeat(), silent())
            ]

    assert in_virtual_time(story) == [True, False, False, False]


def test_a_route_is_shared_and_so_cannot_be_changed():
    async def story():
        async with world(tls_server(server_context())) as made:
            with pytest.raises(dataclasses.FrozenInstanceError):
                made.route().port = 1  # type: ignore[misc]  # that it cannot be set is the test

    in_virtual_time(story)


def test_the_default_transport_is_a_tcp_connection():
    async def story():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = Address(socket.AF_INET, listener.getsockname()[:2])
            tap = await connect_tcp(address, Binding(), RunClock(), None)
            connection, remote = listener.accept()
            with connection:
                assert tap.local_address() == f"127.0.0.1:{remote[1]}"
                await tap.send_all(b"hello")
                assert connection.recv(5) == b"hello"
            tap.close()
        with pytest.raises(ConnectionRefusedError):
            await connect_tcp(address, Binding(), RunClock(), None)

    trio.run(story)


def test_the_kernel_gives_up_after_stresser_has():
    assert timers_for(heartbeat("15s", "10s")).user_timeout_ms == 15_000
    assert timers_for(silent()).user_timeout_ms == 60_000
    assert timers_for(silent()).keep_idle_s is None


def test_keepalive_may_be_idle_and_then_unanswered_for_the_timeout():
    kept = Activity(kind=ActivityKind.KEEPALIVE, every=seconds(30), timeout=seconds(8))
    timers = timers_for(kept)
    assert (timers.user_timeout_ms, timers.keep_idle_s, timers.keep_interval_s) == (38_000, 30, 2)


def test_the_longest_timeout_fits_the_kernels_int():
    assert timers_for(heartbeat("15s", "30d")).user_timeout_ms == 2**31 - 1
