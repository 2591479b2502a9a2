"""Rounds of fresh connections to real servers, closed ports and missing routes on loopback."""

import socket
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial

import trio

from stresser.model.fresh_connection import FreshResult
from stresser.net.resolve import literal_address
from stresser.session.fresh_connections import FRESH_FOR_ATTEMPTS_NS, FreshConnections
from stresser.session.fresh_handshake import Destination
from stresser.witness.clock import RunClock
from tests.fakes.certificates import server_context
from tests.fakes.loopback import loopback_route, loopback_server
from tests.fakes.world import in_virtual_time


def destination(port, *, endpoint="broker", egress="vpn", host="127.0.0.1", source=None, name=None):
    route = loopback_route(port, endpoint=endpoint, egress=egress)
    if source is not None:
        route = replace(route, binding=type(route.binding)(source=source))
    if name is not None:
        route = replace(route, host=name)
    address = literal_address(host, port)
    assert address is not None
    return Destination(route=route, address=address, remote=str(address), asked_host=host)


@contextmanager
def closed_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else takes it
        yield sock.getsockname()[1]


@asynccontextmanager
async def at_work():
    looks = FreshConnections(RunClock())
    async with trio.open_nursery() as nursery:
        await nursery.start(looks.run)
        yield looks
        nursery.cancel_scope.cancel()


async def met(looks, one):
    looks.ask(one)
    await looks.answered(one)
    return {(look.endpoint, look.egress): look for look in looks.since(0)}


def test_a_round_asks_the_other_egresses_at_the_same_address_and_one_other_endpoint():
    async def story():
        async with loopback_server() as port, at_work() as looks:
            own = destination(port, name="broker.example")
            looks.learn(own)
            with closed_port() as elsewhere:
                looks.learn(destination(elsewhere, egress="direct", name="broker.example"))
                looks.learn(destination(port, endpoint="gateway", host="127.0.0.2"))
                looks.learn(destination(port, endpoint="far", egress="direct"))
                found = await met(looks, own)
            assert set(found) == {("broker", "vpn"), ("broker", "direct"), ("gateway", "vpn")}
            assert found["broker", "vpn"].result is FreshResult.ANSWERED
            assert found["broker", "direct"].result is FreshResult.ANSWERED
            assert found["broker", "direct"].remote == f"127.0.0.1:{port}"
            assert found["gateway", "vpn"].remote == f"127.0.0.2:{port}"

    trio.run(story)


def test_an_egress_with_a_host_of_its_own_is_asked_there():
    """A middlebox of the lab stands at another address: that of the server is not behind it."""

    async def story():
        async with loopback_server() as port, at_work() as looks:
            with closed_port() as elsewhere:
                looks.learn(destination(elsewhere, egress="middlebox", name="127.0.0.3"))
                found = await met(looks, destination(port))
            assert found["broker", "vpn"].result is FreshResult.ANSWERED
            assert found["broker", "middlebox"].result is FreshResult.REFUSED

    trio.run(story)


def test_an_egress_that_is_gone_is_no_fault_of_the_path():
    async def story():
        async with loopback_server() as port, at_work() as looks:
            look = (await met(looks, destination(port, source="192.0.2.77")))["broker", "vpn"]
            assert look.result is FreshResult.CANNOT_SEND
            assert look.failure == "address_not_available"

    trio.run(story)


def test_five_hundred_that_die_together_share_one_round():
    async def story():
        async with loopback_server() as port, at_work() as looks:
            async with trio.open_nursery() as nursery:
                for _ in range(500):
                    nursery.start_soon(met, looks, destination(port))
                nursery.cancel_scope.deadline = trio.current_time() + 10
            assert len(looks.since(0)) == 1

    trio.run(story)


def test_attempts_are_content_with_an_older_round():
    async def story():
        async with loopback_server() as port, at_work() as looks:
            one = destination(port)
            await met(looks, one)
            await trio.sleep(1.1)  # what is tested is a time
            looks.ask(one, FRESH_FOR_ATTEMPTS_NS)
            await looks.answered(one)
            assert len(looks.since(0)) == 1
            assert len(await met(looks, one)) == 1
            assert len(looks.since(0)) == 2

    trio.run(story)


def test_of_those_that_open_at_once_the_first_is_enough():
    async def story():
        looks, own = FreshConnections(RunClock()), destination(443)
        other = destination(443, egress="direct")
        before = looks.has_just_learned(own.pair)
        looks.learn(own)
        at_once = looks.has_just_learned(own.pair), looks.has_just_learned(other.pair)
        await trio.sleep(0.01)
        return before, *at_once, looks.has_just_learned(own.pair)

    assert in_virtual_time(story) == (False, True, False, False)


def test_nobody_is_asked_before_the_run():
    async def story():
        async with loopback_server() as port:
            assert await met(FreshConnections(RunClock()), destination(port)) == {}

    trio.run(story)


def test_the_usual_ttl_is_that_of_the_same_two():
    async def story():
        async with loopback_server() as port, at_work() as looks:
            own = destination(port, name="broker.example")
            looks.learn(own._replace(usual_ttl=54))
            elsewhere = destination(port, egress="direct", host="127.0.0.2", name="broker.example")
            looks.learn(elsewhere._replace(usual_ttl=60))
            found = await met(looks, own)
            assert found["broker", "vpn"].usual_ttl == 54
            # It was asked at an address that this egress has never been used for.
            assert found["broker", "direct"].usual_ttl is None

    trio.run(story)


def test_the_server_hears_a_handshake_a_goodbye_and_no_request():
    async def story():
        heard = []

        async def serve(stream):
            tls = trio.SSLStream(stream, server_context(), server_side=True)
            heard.append(await tls.receive_some())
            await tls.aclose()
            served.set()

        served = trio.Event()
        async with at_work() as looks, trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
            port = listeners[0].socket.getsockname()[1]
            await met(looks, destination(port))
            with trio.fail_after(5):
                await served.wait()
            nursery.cancel_scope.cancel()
        assert heard == [b""]  # close_notify: neither a truncation nor a reset

    trio.run(story)


def test_a_round_asks_an_address_of_the_other_family_as_well():
    async def story():
        async with loopback_server() as port, at_work() as looks:
            own, other = destination(port), destination(port, host="127.0.0.3")
            looks.ask(own, other_family=other)
            await looks.answered(own)
            remotes = [look.remote for look in looks.since(0)]
            assert sorted(remotes) == [own.remote, other.remote]

    trio.run(story)


def listening():
    sock = socket.create_server(("127.0.0.1", 0))
    sock.settimeout(0)
    return sock


def test_a_listener_that_ends_while_we_wait_in_its_queue_is_asked_again_and_refuses():
    async def story():
        server = listening()
        async with at_work() as looks, trio.open_nursery() as nursery:

            async def end():
                await trio.lowlevel.wait_readable(server)  # we are in its queue
                server.close()

            nursery.start_soon(end)
            found = await met(looks, destination(server.getsockname()[1]))
        assert found["broker", "vpn"].result is FreshResult.REFUSED

    trio.run(story)


def test_a_box_that_accepts_and_hangs_up_each_time_has_accepted():
    async def story():
        server = trio.socket.from_stdlib_socket(listening())
        taken = []
        async with at_work() as looks, trio.open_nursery() as nursery:

            async def hang_up():
                while True:
                    sock, _ = await server.accept()
                    taken.append(sock)
                    await trio.lowlevel.wait_readable(sock)
                    sock.close()  # with an unread ClientHello: a reset

            nursery.start_soon(hang_up)
            found = await met(looks, destination(server.getsockname()[1]))
            nursery.cancel_scope.cancel()
        server.close()
        assert found["broker", "vpn"].result is FreshResult.CONNECTED
        assert len(taken) == 2

    trio.run(story)
