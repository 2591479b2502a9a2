"""The page over real sockets, and clients that mean no good."""

import errno
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from stresser.model.errors import PreflightError
from stresser.net.listen_address import ListenAddress
from stresser.run.scrape_server import MakePage, PageType, ScrapeServer, open_listener

PATIENCE_S = 60.0
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n"
STARTS = [b"GET ", b"GET /metrics HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\nAccept:", b"\r\n"]
OPENMETRICS_GET = GET.replace(b"text/plain", b"application/openmetrics-text;version=1.0.0")


class Pages:
    """Makes pages and counts them."""

    def __init__(self) -> None:
        self.made: list[PageType] = []

    async def __call__(self, wanted: PageType) -> bytes:
        self.made.append(wanted)
        return b"plain" if wanted is PageType.TEXT else b"open"


class Served:
    def __init__(self, make_page: MakePage) -> None:
        self.warnings: list[str] = []
        self.listener = open_listener(ListenAddress("127.0.0.1", 0))
        self.server = ScrapeServer(self.listener, make_page, self.warnings.append)
        self._port = self.listener.getsockname()[1]

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self._port)

    async def ask(self, request: bytes) -> bytes:
        """All of the answer."""
        async with await self.connect() as stream:
            await stream.send_all(request)
            return await everything(stream)


async def everything(stream: trio.SocketStream) -> bytes:
    received = b""
    with trio.fail_after(PATIENCE_S):
        async for data in stream:
            received += data
    return received


@asynccontextmanager
async def serving(
    make_page: MakePage,
) -> AsyncIterator[Served]:
    served = Served(make_page)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(served.server.run)
        yield served
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (GET, b"200 OK", b"plain"),
        (OPENMETRICS_GET, b"200 OK", b"open"),
        (b"GET /metrics?a=b HTTP/1.0\r\n\r\n", b"200 OK", b"plain"),
        (GET.replace(b"GET", b"HEAD"), b"200 OK", b""),
        (GET.replace(b"GET", b"POST"), b"405 Method Not Allowed", b""),
        (GET.replace(b"/metrics", b"/"), b"404 Not Found", b"The page is /metrics.\n"),
        (GET.replace(b"/metrics", b"/metrics/x"), b"404 Not Found", b"The page is /metrics.\n"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400 Bad Request", b""),
        (b"GET /".ljust(8192, b"x"), b"400 Bad Request", b""),
        (b"GET /metrics\r\n\r\n", b"400 Bad Request", b""),
    ],
)
def test_each_request_has_its_answer(request_, status, body):
    async def story() -> bytes:
        async with serving(Pages()) as served:
            return await served.ask(request_)

    head, _, found = trio.run(story).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert found == body
    assert (b"Allow: GET, HEAD\r\n" in head) == (b" 405 " in head)
    if body:
        assert b"Content-Length: %d\r\n" % len(body) in head


@given(st.binary(max_size=200) | st.tuples(st.sampled_from(STARTS), st.binary(max_size=99)))
def test_whatever_is_asked_has_an_answer(request_):
    head = request_ if isinstance(request_, bytes) else b"".join(request_)

    async def story() -> bytes:
        with open_listener(ListenAddress("127.0.0.1", 0)) as listener:
            return await ScrapeServer(listener, Pages(), len)._answer(head + b"\r\n\r\n")

    answer = trio.run(story)
    assert re.match(rb"HTTP/1\.1 (200|400|404|405) [A-Za-z ]+\r\n", answer)


def test_a_page_is_made_once_a_second():
    clock = MockClock()  # stands still until it is moved
    pages = Pages()

    async def story() -> None:
        async with serving(pages) as served:
            for pause_s in (0.5, 0.49, 0.02):
                await served.ask(GET)
                clock.jump(pause_s)
            await served.ask(GET)
            clock.jump(0.1)
            await served.ask(OPENMETRICS_GET)

    trio.run(story, clock=clock)
    assert pages.made == [PageType.TEXT, PageType.TEXT, PageType.OPENMETRICS]


def test_two_who_ask_at_once_share_one_page():
    made: list[PageType] = []
    release = trio.Event()

    async def slow(wanted: PageType) -> bytes:
        made.append(wanted)
        await release.wait()
        return b"plain"

    async def story() -> list[bytes]:
        answers: list[bytes] = []

        async def ask() -> None:
            answers.append(await served.ask(GET))

        async with serving(slow) as served:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask)
                nursery.start_soon(ask)
                with trio.fail_after(PATIENCE_S):
                    while not served.server._making.statistics().tasks_waiting:  # noqa: ASYNC110 - as below
                        await trio.sleep(0.01)
                release.set()
            return answers

    assert [one.endswith(b"plain") for one in trio.run(story)] == [True, True]
    assert made == [PageType.TEXT]


def test_a_hundred_a_second_are_accepted():
    async def story() -> float:
        async with serving(Pages()) as served:
            began_s = trio.current_time()
            for _ in range(21):
                await served.ask(GET)
            return trio.current_time() - began_s

    # Time that stands still but while everybody waits.
    took_s = trio.run(story, clock=MockClock(autojump_threshold=0.01))
    assert round(took_s, 6) >= 0.2


def test_an_accept_that_fails_ends_nothing(monkeypatch):
    accept = trio.SocketListener.accept
    failures = [OSError(errno.EMFILE, "Too many open files")]

    async def exhausted(listener: trio.SocketListener) -> trio.SocketStream:
        if failures:
            raise failures.pop()
        return await accept(listener)

    monkeypatch.setattr(trio.SocketListener, "accept", exhausted)

    async def story() -> bytes:
        async with serving(Pages()) as served:
            return await served.ask(GET)

    assert trio.run(story).endswith(b"plain")


def test_who_asks_nothing_is_sent_away():
    async def story() -> bytes:
        async with serving(Pages()) as served, await served.connect() as silent:
            return await everything(silent)

    assert trio.run(story, clock=MockClock(autojump_threshold=0.01)) == b""


def test_silent_clients_that_take_every_place_hold_others_up_only_until_they_leave():
    async def story() -> bytes:
        async with serving(Pages()) as served:
            silent = [await served.connect() for _ in range(16)]
            async with await served.connect() as late:
                await late.send_all(GET)
                with trio.fail_after(PATIENCE_S):
                    while served.server._room.value:  # noqa: ASYNC110 - the other end's is no event of ours
                        await trio.sleep(0.01)
                for stream in silent:
                    await stream.aclose()
                return await everything(late)

    assert trio.run(story).endswith(b"plain")


def test_one_that_goes_away_amid_the_answer_does_no_harm():
    async def large(wanted: PageType) -> bytes:
        return b"x" * 50_000_000

    async def story() -> bytes:
        async with serving(large) as served:
            stream = await served.connect()
            await stream.send_all(GET)
            await stream.receive_some(1)
            await stream.aclose()
            answer = await served.ask(GET.replace(b"GET", b"HEAD"))
            assert served.warnings == []
            return answer

    assert trio.run(story).startswith(b"HTTP/1.1 200 OK")


def test_a_bug_in_a_page_is_warned_of_and_ends_nothing():
    async def broken(wanted: PageType) -> bytes:
        raise ZeroDivisionError

    async def story() -> tuple[bytes, list[str]]:
        async with serving(broken) as served:
            await served.ask(GET)
            return await served.ask(GET.replace(b"/metrics", b"/")), served.warnings

    answer, warnings = trio.run(story)
    assert answer.startswith(b"HTTP/1.1 404")
    assert warnings == ["a scrape of the metrics failed: ZeroDivisionError()"]


def test_a_port_that_is_taken_is_one_line_with_the_remedy():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = ListenAddress("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(PreflightError) as caught:
            open_listener(where)
    assert str(caught.value) == (
        f"--metrics 127.0.0.1:{where.port}: something else listens there already; name another"
        " port, or 0 for any that is free"
    )


@pytest.mark.parametrize("host", ["192.0.2.77", "no-such-host.invalid", "a..b"])
def test_an_address_that_is_not_this_hosts_is_one_line(host):
    with pytest.raises(PreflightError, match=rf"--metrics {host}:9464: .+") as caught:
        open_listener(ListenAddress(host, 9464))
    assert len(caught.value.lines) == 1
