"""A service as Slack's Socket Mode is: HTTPS hands out the URL of a socket, which greets first.

HTTPS by the standard library, WebSocket by picows: nothing of it is ours.
"""

import asyncio
import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import picows

APP_TOKEN = "xapp-1-not-a-real-token"  # noqa: S105 - made up, to look for
CALL_EVERY_S = 60.0


class Service(NamedTuple):
    """Where it is, and what it has seen."""

    https_port: int
    wss_port: int
    tickets: list[str]
    """Handed out, each good for one socket."""
    refused: list[str]
    """Targets of sockets that had none."""


@contextmanager
def socket_mode(context: ssl.SSLContext) -> Iterator[Service]:
    """Serve on 127.0.0.1 while the block runs."""
    tickets: list[str] = []
    good: set[str] = set()
    refused: list[str] = []
    ready: list[int] = []
    with _https(context, ready, tickets, good) as https_port, _wss(context, ready, good, refused):
        yield Service(https_port, ready[0], tickets, refused)


@contextmanager
def _https(
    context: ssl.SSLContext, wss: list[int], tickets: list[str], good: set[str]
) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.headers.get("Authorization") != f"Bearer {APP_TOKEN}":
                self._answer({"ok": False, "error": "invalid_auth"})
                return
            ticket = secrets.token_urlsafe(12)
            tickets.append(ticket)
            good.add(ticket)
            url = f"wss://localhost:{wss[0]}/link/?ticket={ticket}&app_id=1"
            self._answer({"ok": True, "url": url})

        def _answer(self, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Socket(picows.WSListener):
    def __init__(self, is_good: bool) -> None:  # noqa: FBT001 - one thing
        self._is_good = is_good
        self._task: asyncio.Task[None] | None = None

    def on_ws_connected(self, transport: Any) -> None:
        if not self._is_good:
            transport.send(picows.WSMsgType.TEXT, b'{"type":"disconnect","reason":"link_disabled"}')
            transport.send_close(4000, b"no ticket")
            transport.disconnect()
            return
        transport.send(picows.WSMsgType.TEXT, b'{"type":"hello","num_connections":1}')
        self._task = asyncio.get_running_loop().create_task(self._call(transport))

    async def _call(self, transport: Any) -> None:
        while True:
            await asyncio.sleep(CALL_EVERY_S)
            transport.send(picows.WSMsgType.TEXT, b'{"type":"events_api","envelope_id":"e"}')

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.TEXT:
            asked = json.loads(frame.get_payload_as_utf8_text())
            said = {"type": "pong", "id": asked.get("id")}
            transport.send(picows.WSMsgType.TEXT, json.dumps(said).encode())

    def on_ws_disconnected(self, transport: Any) -> None:
        del transport
        if self._task is not None:
            self._task.cancel()


@contextmanager
def _wss(
    context: ssl.SSLContext, ready: list[int], good: set[str], refused: list[str]
) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    is_up = threading.Event()

    def listener(request: Any) -> _Socket:
        target = request.path.decode()
        ticket = target.partition("ticket=")[2].partition("&")[0]
        if ticket not in good:
            refused.append(target)
        is_good = ticket in good
        good.discard(ticket)
        return _Socket(is_good)

    async def serve() -> None:
        server = await picows.ws_create_server(listener, "127.0.0.1", 0, ssl=context)
        ready.append(server.sockets[0].getsockname()[1])
        is_up.set()
        async with server:
            await stop.wait()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert is_up.wait(20)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
