"""Serves one page over HTTP to whoever scrapes it: in the run's own loop, bounded in all ways.

No threads and no library's server: what serves a scrape must cost the sessions nothing, whatever
the client does. `_AT_ONCE` connections are served, each for `_WITHIN_S` at most; a hundred a second
are accepted, the others wait in the kernel. A page is made once a second at most, however often it
is asked for. Of a request its first line and its Accept field are looked at, nothing else.
"""

import errno
import re
import socket
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final, NoReturn

import trio

from stresser.model.errors import PreflightError
from stresser.net.http_head import header_fields
from stresser.net.listen_address import ListenAddress
from stresser.net.resolve import format_sockaddr

_PAGE_AGE_S: Final = 1.0
"""So old may a page be."""
_AT_ONCE: Final = 16
_WITHIN_S: Final = 10.0
_ACCEPT_EVERY_S: Final = 0.01
_PAUSE_S: Final = 0.5
"""After an accept(2) that failed: the process has no file descriptor left, for example."""
_LONGEST_HEAD: Final = 8192
_BACKLOG: Final = 64
_REQUEST = re.compile(rb"([A-Z]{1,16}) (/[^ ?]*)(?:\?[^ ]*)? HTTP/1\.[01]\r\n")
_OPENMETRICS = b"application/openmetrics-text"


class PageType(StrEnum):
    """How a page may be written: its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


MakePage = Callable[[PageType], Awaitable[bytes]]


def open_listener(where: ListenAddress) -> socket.socket:
    """Listen, before a run begins.

    Raises:
        PreflightError: one line: the port is taken, or the address is none of this host's.
    """
    try:
        found = socket.getaddrinfo(*where, type=socket.SOCK_STREAM)
        family, _, _, _, sockaddr = found[0]
        return socket.create_server(sockaddr[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as exc:
        taken = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
        why = (
            "something else listens there already; name another port, or 0 for any that is free"
            if taken
            else getattr(exc, "strerror", None) or exc
        )
        raise PreflightError(f"--metrics {format_sockaddr(where)}: {why}") from exc


class ScrapeServer:
    """Serves `/metrics`. Start `run` in the run's nursery and cancel it last."""

    def __init__(
        self, listener: socket.socket, make_page: MakePage, warn: Callable[[str], object]
    ) -> None:
        self._listener = listener
        self._make_page = make_page
        self._warn = warn
        self._made: dict[PageType, tuple[float, bytes]] = {}
        self._making = trio.Lock()
        self._room = trio.Semaphore(_AT_ONCE)
        self.url = f"http://{format_sockaddr(listener.getsockname())}/metrics"
        """Where it is served."""

    async def run(self) -> NoReturn:
        """Serve until cancelled; the listener is closed then. A bug here does not end a run."""
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._listener))
        async with listener, trio.open_nursery() as nursery:
            while True:
                await self._room.acquire()
                nursery.start_soon(self._serve, await _accepted(listener))
                await trio.sleep(_ACCEPT_EVERY_S)

    async def _serve(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                with trio.move_on_after(_WITHIN_S):
                    head = await _read_head(stream)
                    await stream.send_all(await self._answer(head))
        except trio.BrokenResourceError:
            pass  # it left
        except Exception as exc:  # noqa: BLE001 - a bug here must not end a run
            self._warn(f"a scrape of the metrics failed: {exc!r}")
        finally:
            self._room.release()

    async def _answer(self, head: bytes) -> bytes:
        request = _REQUEST.match(head)
        if request is None:
            return _message("400 Bad Request")
        method, path = request.groups()
        if method not in {b"GET", b"HEAD"}:
            return _message("405 Method Not Allowed", allow="Allow: GET, HEAD\r\n")
        if path != b"/metrics":
            return _message("404 Not Found", body=b"The page is /metrics.\n")
        wanted = _wanted(head)
        body = await self._page(wanted)
        whole = _message("200 OK", wanted, body)
        return whole if method == b"GET" else whole[: len(whole) - len(body)]

    async def _page(self, wanted: PageType) -> bytes:
        async with self._making:
            made = self._made.get(wanted)
            now_s = trio.current_time()
            if made is None or now_s - made[0] >= _PAGE_AGE_S:
                made = now_s, await self._make_page(wanted)
                self._made[wanted] = made
            return made[1]


async def _accepted(listener: trio.SocketListener) -> trio.SocketStream:
    while True:
        try:
            return await listener.accept()
        except OSError:
            await trio.sleep(_PAUSE_S)


async def _read_head(stream: trio.SocketStream) -> bytes:
    """Up to the empty line, or as much as may come before it."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
        data = await stream.receive_some(_LONGEST_HEAD)
        if not data:
            break
        head += data
    whole, end, _ = head.partition(b"\r\n\r\n")
    return whole + end if end else b""


def _wanted(head: bytes) -> PageType:
    accepts = (value for name, value in header_fields(head) if name.lower() == b"accept")
    is_asked = any(_OPENMETRICS in value for value in accepts)
    return PageType.OPENMETRICS if is_asked else PageType.TEXT


def _message(
    status: str, content_type: str = "text/plain", body: bytes = b"", allow: str = ""
) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        f"{allow}Connection: close\r\n\r\n"
    )
    return head.encode() + body
