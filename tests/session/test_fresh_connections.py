"""Second looks at real listeners, closed ports, full backlogs and missing routes on loopback."""

import socket
from contextlib import asynccontextmanager, contextmanager

import trio

from stresser.model.cohort import Cohort
from stresser.model.fresh_connection import LookResult
from stresser.net.dial import Binding
from stresser.net.resolve import literal_address
from stresser.session import fresh_connections as second_look
from stresser.session.fresh_connections import SecondLooks
from stresser.witness.clock import RunClock

BROKER = Cohort("broker", "vpn", "heartbeat")


@contextmanager
def listener(address="127.0.0.1", backlog=16):
    with socket.socket() as sock:
        sock.bind((address, 0))
        sock.listen(backlog)
        yield literal_address(address, sock.getsockname()[1])


@contextmanager
def closed_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else takes it
        yield literal_address("127.0.0.1", sock.getsockname()[1])


@contextmanager
def deaf_port():
    """A listener whose queue is full: the kernel drops further SYNs."""
    with listener(backlog=0) as address, socket.socket() as first, socket.socket() as second:
        for sock in (first, second):
            sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
            sock.connect_ex(address.sockaddr)
        yield address


@asynccontextmanager
async def at_work():
    clock = RunClock()
    looks = SecondLooks(clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(looks.run)
        yield looks
        nursery.cancel_scope.cancel()


async def met(looks, cohort, address):
    looks.ask(cohort, address)
    await looks.answered(cohort, address)
    return {(look.endpoint, look.egress): look for look in looks.since(0)}


def test_what_a_fresh_connection_meets():
    async def story():
        with listener() as open_, closed_port() as closed:
            for address, result in ((open_, LookResult.CONNECTED), (closed, LookResult.REFUSED)):
                async with at_work() as looks:
                    looks.learn(BROKER, Binding(), address)
                    look = (await met(looks, BROKER, address))["broker", "vpn"]
                    assert look.result is result
                    assert look.remote == str(address)
                    assert 0 <= look.asked_ns <= look.answered_ns
                    assert (look.failure is None) == (result is LookResult.CONNECTED)

    trio.run(story)


def test_no_answer_is_silence_after_its_time(monkeypatch):
    monkeypatch.setattr(second_look, "ANSWER_WITHIN_S", 0.2)

    async def story():
        with deaf_port() as address:
            async with at_work() as looks:
                looks.learn(BROKER, Binding(), address)
                look = (await met(looks, BROKER, address))["broker", "vpn"]
                assert look.result is LookResult.SILENT
                assert look.answered_ns - look.asked_ns >= 200_000_000

    trio.run(story)


def test_an_egress_that_is_gone_is_no_fault_of_the_way():
    async def story():
        with listener() as address:
            async with at_work() as looks:
                looks.learn(BROKER, Binding(source="192.0.2.77"), address)
                look = (await met(looks, BROKER, address))["broker", "vpn"]
                assert look.result is LookResult.NO_WAY_OUT
                assert look.failure == "address_not_available"

    trio.run(story)


def test_a_round_asks_the_other_egresses_at_the_same_address_and_one_other_endpoint():
    async def story():
        with listener() as address, listener("127.0.0.2") as elsewhere, listener() as third:
            async with at_work() as looks:
                direct = Cohort("broker", "direct", "heartbeat")
                looks.learn(BROKER, Binding(), address)
                looks.learn(direct, Binding(source="127.0.0.9"), third)
                looks.learn(Cohort("gateway", "vpn", "silent"), Binding(), elsewhere)
                looks.learn(Cohort("far", "direct", "silent"), Binding(), elsewhere)
                found = await met(looks, BROKER, address)
                assert set(found) == {("broker", "vpn"), ("broker", "direct"), ("gateway", "vpn")}
                assert found["broker", "direct"].remote == str(address)
                assert found["gateway", "vpn"].remote == str(elsewhere)

    trio.run(story)


def test_five_hundred_that_die_together_share_one_round():
    async def story():
        with listener() as address:
            async with at_work() as looks, trio.open_nursery() as nursery:
                looks.learn(BROKER, Binding(), address)
                for _ in range(500):
                    nursery.start_soon(met, looks, BROKER, address)
                nursery.cancel_scope.deadline = trio.current_time() + 10
            assert len(looks.since(0)) == 1

    trio.run(story)


def test_nobody_is_asked_where_no_session_has_been_or_before_the_run():
    async def story():
        with listener() as address:
            async with at_work() as looks:
                assert await met(looks, BROKER, address) == {}
            looks = SecondLooks(RunClock())
            looks.learn(BROKER, Binding(), address)
            assert await met(looks, BROKER, address) == {}

    trio.run(story)


def test_the_listener_gets_nothing_but_a_connection_that_is_closed():
    async def story():
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            address = literal_address("127.0.0.1", server.getsockname()[1])
            async with at_work() as looks:
                looks.learn(BROKER, Binding(), address)
                await met(looks, BROKER, address)
            peer, _ = server.accept()
            with peer:
                assert peer.recv(100) == b""

    trio.run(story)
