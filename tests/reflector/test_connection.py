"""Real sockets, real TLS, clients that are not ours: what each end is recorded as."""

import gc
import ssl
from contextlib import suppress

import trio
from msgspec.structs import replace
from trio_websocket import wrap_client_stream
from wsproto.handshake import H11Handshake

from stresser.model.ending import Kind
from stresser.net.reflector_hello import HEADER, PREFIX
from stresser.reflector.admission import HANDSHAKE_S
from tests.reflector.served import reflecting, reset


async def guest(served, attempt=1):
    stream = await served.tls()
    await stream.send_all(PREFIX + served.hello(attempt).encode() + b"\nping")
    assert await exactly(stream, 4) == b"ping"
    return stream


async def exactly(stream, count):
    data = b""
    while len(data) < count:
        some = await stream.receive_some(count - len(data))
        assert some
        data += some
    return data


async def websocket(served, nursery, headers=()):
    stream = await served.tls()
    return await wrap_client_stream(nursery, stream, "x", "/", extra_headers=list(headers))


def in_loop(test):
    def run(tmp_path):
        async def main():
            with trio.fail_after(30):
                async with reflecting(tmp_path) as served:
                    await test(served)

        trio.run(main)

    run.__name__ = test.__name__
    return run


@in_loop
async def test_a_tls_guest_is_echoed_and_recorded(served):
    stream = await guest(served, 7)
    local = stream.transport_stream.socket.getsockname()
    await stream.aclose()
    [ended] = await served.ended()
    [opened] = served.opened()
    assert (opened.attempt, opened.scheme, opened.run) == (7, "tls", served.introducer.run)
    assert opened.peer == f"127.0.0.1:{local[1]}"
    assert opened.accepted_ns <= opened.t_ns
    assert (ended.kind, ended.attempt, ended.number) == (Kind.TLS_CLOSE_NOTIFY, 7, opened.number)
    assert (ended.bytes_sent, ended.last_out_ns is not None) == (4, True)
    assert ended.info is not None


@in_loop
async def test_a_hello_may_come_byte_by_byte(served):
    stream = await served.tls()
    for byte in PREFIX + served.hello(3).encode() + b"\n!":
        await stream.send_all(bytes([byte]))
    assert await exactly(stream, 1) == b"!"
    assert [one.attempt for one in served.opened()] == [3]


@in_loop
async def test_a_reset_is_told_from_a_fin(served):
    reset((await guest(served, 1)).transport_stream)
    assert [one.kind for one in await served.ended(1)] == [Kind.TCP_RESET]
    await (await guest(served, 2)).transport_stream.send_eof()
    assert [one.kind for one in await served.ended(2)] == [Kind.TCP_RESET, Kind.TCP_FIN]


@in_loop
async def test_a_websocket_guest_names_itself_in_the_upgrade(served):
    async with trio.open_nursery() as nursery:
        field = (HEADER.encode(), served.hello(9).encode())
        connection = await websocket(served, nursery, [field])
        await connection.send_message("x" * 1000)
        assert await connection.get_message() == "x" * 1000
        await connection.ping(b"abc")
        await connection.aclose(4001, "enough")
    [ended] = await served.ended()
    assert (ended.kind, ended.code, ended.attempt) == (Kind.WS_CLOSE, 4001, 9)


@in_loop
async def test_the_far_end_tells_which_ping_it_answered_last(served):
    async with trio.open_nursery() as nursery:
        connection = await websocket(served, nursery, [(HEADER.encode(), served.hello(9).encode())])
        [before] = served.reception.accounts.held(served.introducer.run, [9])
        await connection.ping(b"\0\0\0\7")
        await connection.ping(b"longer than a number")
        [now] = served.reception.accounts.held(served.introducer.run, [9])
        await connection.aclose()
    assert (before.ping, now.ping.number) == (None, 7)
    assert before.t_ns <= now.ping.in_ns <= now.ping.out_ns <= now.t_ns
    [ended] = await served.ended()
    assert ended.ping is None


@in_loop
async def test_nothing_of_an_upgrade_is_kept_as_long_as_its_session_lives(served):
    async with trio.open_nursery() as nursery:
        connection = await websocket(served, nursery, [(HEADER.encode(), served.hello(9).encode())])
        await connection.ping(b"abc")
        gc.collect()
        kept = [one for one in gc.get_objects() if isinstance(one, H11Handshake)]
        assert [one for one in kept if not one.client] == []
        await connection.aclose()


@in_loop
async def test_a_stranger_whose_upgrade_is_rejected_or_broken_off_is_let_go(served):
    for request, number in ((b"GET / HTTP/1.0\r\n\r\n", 1), (b"GET / HTTP/1.1\r\nHost: x\r\n", 2)):
        stream = await served.tls()
        await stream.send_all(request)
        if number == 2:
            await stream.aclose()
        with trio.fail_after(HANDSHAKE_S / 2):  # what it is given to say more
            while served.reception.strangers < number:
                await trio.lowlevel.checkpoint()


@in_loop
async def test_nothing_of_a_stranger_waits_for_the_collector(served):
    def held():
        return sum(isinstance(one, ssl.SSLObject) for one in gc.get_objects())

    gc.disable()
    before = held()
    try:
        for number in range(1, 4):
            stream = await served.tcp()
            await stream.send_all(b"no TLS at all")
            while served.reception.strangers < number:
                await trio.lowlevel.checkpoint()
        assert held() == before
    finally:
        gc.enable()


@in_loop
async def test_what_the_reflector_ends_is_its_own_doing(served):
    stream = await guest(served)
    served.server.stop()
    assert await stream.receive_some(1) == b""  # close_notify
    [ended] = await served.ended()
    assert (ended.kind, ended.raw) == (Kind.PLANNED, "the reflector stopped")


@in_loop
async def test_a_silent_guest_that_asked_for_it_is_sent_a_byte_at_a_time(served):
    served.introducer = replace(served.introducer, down_ms=100)
    stream = await served.tls()
    await stream.send_all(PREFIX + served.hello(1).encode() + b"\n")
    assert await exactly(stream, 2) == b"\0\0"
    await stream.send_all(b"still an echo")
    heard = b""
    while b"echo" not in heard:
        heard += await exactly(stream, 1)
    assert heard.replace(b"\0", b"") == b"still an echo"
    async with trio.open_nursery() as nursery:
        field = (HEADER.encode(), served.hello(2).encode())
        connection = await websocket(served, nursery, [field])
        assert [await connection.get_message() for _ in range(2)] == [b"\0", b"\0"]
        await connection.aclose()


@in_loop
async def test_a_stranger_is_echoed_and_not_recorded(served):
    stream = await served.tls()
    await stream.send_all(b"hello")
    assert await exactly(stream, 5) == b"hello"
    async with trio.open_nursery() as nursery:
        connection = await websocket(served, nursery, [(HEADER.encode(), b"v1 nonsense")])
        await connection.send_message("hello")
        assert await connection.get_message() == "hello"
        await connection.aclose()
    await stream.aclose()
    assert served.opened() == []
    assert served.reception.hellos_refused == {"the token does not prove it": 1}


@in_loop
async def test_a_recorded_hello_is_good_for_nothing(served):
    hello = served.hello(1)
    for _ in range(2):
        stream = await served.tls()
        await stream.send_all(PREFIX + hello.encode() + b"\nping")
        assert await exactly(stream, 4) == b"ping"
    assert len(served.opened()) == 1
    assert served.reception.hellos_refused == {"it was heard before": 1}


@in_loop
async def test_what_is_no_tls_ends_alone(served):
    good = await guest(served)
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 2000, b""):
        raw = await served.tcp()
        if rubbish:
            await raw.send_all(rubbish)
        await raw.send_eof()
        while await raw.receive_some(4096):
            pass
    await good.send_all(b"still here")
    assert await exactly(good, 10) == b"still here"


@in_loop
async def test_a_request_that_is_no_upgrade_ends_alone(served):
    good = await guest(served)
    stream = await served.tls()
    await stream.send_all(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000)
    try:
        while await stream.receive_some(4096):
            pass
    except trio.BrokenResourceError:
        pass
    await good.send_all(b"still here")
    assert await exactly(good, 10) == b"still here"


@in_loop
async def test_a_message_too_long_ends_its_session_alone(served):
    async with trio.open_nursery() as nursery:
        field = (HEADER.encode(), served.hello(1).encode())
        connection = await websocket(served, nursery, [field])
        await connection.send_message(b"x" * 100_000)
        [ended] = await served.ended()
        nursery.cancel_scope.cancel()
    assert (ended.attempt, ended.kind, ended.code) == (1, Kind.PLANNED, None)
    assert ended.raw == "a message was longer than 65536 bytes"


@in_loop
async def test_a_tester_s_own_close_for_size_is_the_tester_s(served):
    async with trio.open_nursery() as nursery:
        field = (HEADER.encode(), served.hello(1).encode())
        connection = await websocket(served, nursery, [field])
        await connection.aclose(1009, "too long")
    [ended] = await served.ended()
    assert (ended.kind, ended.code) == (Kind.WS_CLOSE, 1009)


@in_loop
async def test_an_error_of_the_reflector_s_own_is_its_own_doing(served):
    class Broken:
        def __init__(self, accounts):
            self.ends = accounts.ends
            self.ended = accounts.ended

        def opened(self, *_):
            raise RuntimeError("a bug")

    served.reception.accounts = Broken(served.reception.accounts)
    stream = await served.tls()
    await stream.send_all(PREFIX + served.hello(1).encode() + b"\n")
    with suppress(trio.BrokenResourceError):
        assert await stream.receive_some(1) == b""
    [ended] = await served.ended()
    assert (ended.kind, ended.raw) == (Kind.PLANNED, "the reflector gave it up")
