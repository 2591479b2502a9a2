"""What one fresh connection meets: real servers, closed ports and full backlogs on loopback."""

import socket
import ssl
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import msgspec
import pytest
import trio

from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.net.proxy import ProxyHop
from stresser.net.resolve import Address
from stresser.net.trust import chain_id
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.pac_answer import PacAnswer
from stresser.scenario.proxy_url import parse_proxy
from stresser.scenario.secrets import Secret
from stresser.session.attempt import Attempt
from stresser.session.fresh_handshake import Destination, FreshHandshake, destination_of
from stresser.session.proxy_entries import ProxyEntries
from stresser.witness.clock import RunClock
from tests.fakes.certificates import server_context
from tests.fakes.loopback import loopback_route, loopback_server
from tests.session.test_fresh_connections import closed_port, destination


@contextmanager
def listener(backlog=16):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(backlog)
        yield sock.getsockname()[1]


@contextmanager
def deaf_port():
    """A listener whose queue is full: the kernel drops further SYNs."""
    with listener(backlog=0) as port, socket.socket() as first, socket.socket() as second:
        for sock in (first, second):
            sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
            sock.connect_ex(("127.0.0.1", port))
        yield port


@contextmanager
def nobody_reads():
    """A process that hangs: its kernel accepts, nothing answers."""
    with listener() as port:
        yield port


async def meet(one, within_s=0.3):
    fresh = FreshHandshake(one, RunClock())
    with trio.move_on_after(within_s):
        await fresh.go()
    look = await fresh.met()
    await fresh.part()
    return look


@pytest.mark.parametrize(
    ("place", "result"),
    [
        (closed_port, FreshResult.REFUSED),
        (deaf_port, FreshResult.SILENT),
        (nobody_reads, FreshResult.CONNECTED),
    ],
)
def test_where_nobody_answers(place, result):
    async def story():
        with place() as port:
            look = await meet(destination(port))
            assert look.result is result
            assert look.asked_ns <= look.answered_ns
            assert (look.rtt_ns is None) == (result is not FreshResult.CONNECTED)
            assert look.chain is None

    trio.run(story)


def test_a_server_answers_with_its_hello_and_its_chain():
    async def story():
        async with loopback_server() as port:
            look = await meet(destination(port), within_s=5)
            assert look.result is FreshResult.ANSWERED
            assert look.failure is None
            assert 0 < look.rtt_ns <= look.answered_ns - look.asked_ns
            attempt = Attempt(1, loopback_route(port), RunClock())
            await attempt.establish(0)
            assert attempt.tap is not None
            attempt.tap.close()
            assert attempt.tls is not None
            assert look.chain == attempt.tls.chain == chain_id(attempt.chain)

    trio.run(story)


async def served(serve, **changes):
    """What a fresh connection meets at a server that does this with its streams."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        to = destination(listeners[0].socket.getsockname()[1])
        look = await meet(to._replace(route=replace(to.route, **changes)), within_s=5)
        nursery.cancel_scope.cancel()
    return look


async def alert(stream):
    await stream.receive_some()
    await stream.send_all(bytes.fromhex("15030300020228"))  # handshake_failure


async def web_page(stream):
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\nPlease log in")


async def hang_up(stream):
    await stream.receive_some()


@pytest.mark.parametrize(
    ("serve", "result"),
    [
        (alert, FreshResult.ANSWERED),
        (web_page, FreshResult.CONNECTED),  # whoever that is
        (hang_up, FreshResult.CONNECTED),  # a box in front of a server that is gone
    ],
)
def test_what_else_a_peer_says(serve, result):
    look = trio.run(served, serve)
    assert look.result is result
    assert look.failure is not None


async def refuses_upgrades(stream):
    request = await stream.receive_some()
    assert request.startswith(b"HEAD / HTTP/1.1\r\n")
    assert b"hunter2" not in request
    await stream.send_all(b"HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n")


async def is_a_gateway(stream):
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")


@pytest.mark.parametrize(
    ("serve", "is_websocket", "result"),
    [
        (refuses_upgrades, True, FreshResult.ANSWERED),
        (web_page, True, FreshResult.ANSWERED),
        (is_a_gateway, True, FreshResult.ACCEPTED),  # it speaks for one that may be dead
        (hang_up, True, FreshResult.ACCEPTED),
        (alert, True, FreshResult.ACCEPTED),
        (hang_up, False, FreshResult.ACCEPTED),
    ],
)
def test_without_tls_an_accept_is_no_proof_of_life(serve, is_websocket, result):
    secret: dict[str, str | Secret] = {
        "Authorization": "hunter2",
        "X-Key": Secret("KEY", "hunter2"),
    }
    request = UpgradeRequest(host="h", target="/", headers=secret) if is_websocket else None
    look = trio.run(partial(served, serve, context=None, request=request))
    assert look.result is result
    assert look.chain is None


def test_a_server_that_dies_in_the_middle_of_the_handshake_has_answered():
    async def story():
        async def serve(stream):
            context = server_context()
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_side=True)
            incoming.write(await stream.receive_some())
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            await stream.send_all(outgoing.read()[:120])
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
            port = listeners[0].socket.getsockname()[1]
            look = await meet(destination(port), within_s=0.5)
            nursery.cancel_scope.cancel()
        assert (look.result, look.chain) == (FreshResult.ANSWERED, None)

    trio.run(story)


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", FreshResult.PROXY_FAILED),
        (b"HTTP/1.1 500 Unable to connect\r\n\r\n", FreshResult.PROXY_FAILED),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", None),
        (b"HTTP/1.1 407 Who are you\r\n\r\n", None),
    ],
)
def test_a_proxy_that_does_not_reach_the_endpoint(answer, result):
    async def story():
        heard = []

        async def serve(stream):
            heard.append(await stream.receive_some())
            await stream.send_all(answer)
            await stream.receive_some()

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
            port = listeners[0].socket.getsockname()[1]
            one = destination(port)
            hop = ProxyHop(proxy=parse_proxy(f"http://127.0.0.1:{port}"), user_agent="x")
            one = one._replace(route=replace(one.route, proxy=hop), asked_host="broker.example")
            look = await meet(one, within_s=5)
            nursery.cancel_scope.cancel()
        assert heard[0].startswith(f"CONNECT broker.example:{port} ".encode())
        assert (None if look is None else look.result) is result

    trio.run(story)


def test_an_attempt_that_never_dialled_has_no_target():
    async def story():
        return destination_of(Attempt(1, loopback_route(443), RunClock()))

    assert trio.run(story) is None


def test_what_one_proxy_of_a_list_does_tells_nothing_of_another():
    hops = tuple(
        ProxyHop(proxy=parse_proxy(f"http://{host}:3128"), user_agent="x")
        for host in ("192.0.2.9", "192.0.2.10")
    )
    said = PacAnswer(source="pac:x", url="wss://e/", answer="")
    plain = loopback_route(443)
    entries = ProxyEntries(plain.cohort.pair, said, hops)
    first, second = (
        Destination(
            route=replace(plain, proxy=hop, entries=entries, entry=number),
            address=Address(socket.AF_INET, (hop.proxy.host, 3128)),
            remote="e:443",
            asked_host="e",
        )
        for number, hop in enumerate(hops)
    )
    look = FreshConnection(
        egress=plain.cohort.egress, endpoint=plain.cohort.endpoint, remote="e:443",
        proxy="http://192.0.2.9:3128", result=FreshResult.ANSWERED, asked_ns=0, answered_ns=1,
    )  # fmt: skip
    assert first.proxy == look.proxy
    assert first.is_told_by(look)
    assert not second.is_told_by(look)
    beside = msgspec.structs.replace(look, egress="another", proxy=None)
    assert first.is_told_by(beside)
    assert second.is_told_by(beside)
    alone = first._replace(route=replace(first.route, entries=None))
    assert alone.is_told_by(msgspec.structs.replace(look, proxy=None))
