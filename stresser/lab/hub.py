"""A hub as ASP.NET's SignalR has it: the lab's service that wants to be spoken to.

The JSON hub protocol (dotnet/aspnetcore, src/SignalR/docs/specs/HubProtocol.md): records of JSON,
each ended by U+001E. The first one is the handshake; whoever begins otherwise hears why, and is
closed. An invocation is answered with its own first argument. A POST to `.../negotiate` yields a
connection token, and whoever connects with an `id` has to have it from there
(docs/specs/TransportProtocols.md).
"""

import json
from secrets import token_urlsafe
from typing import Any, Final, NoReturn
from urllib.parse import parse_qs

import trio
from trio_websocket import WebSocketConnection

from stresser.model.units import NS_PER_S

_END: Final = "\x1e"
_INVOCATION, _COMPLETION, _PING = 1, 3, 6
_REFUSED: Final = 1000
"""The close code behind an error, as the server of ASP.NET has it."""


class Hub:
    """One hub."""

    def __init__(self, every_ns: int) -> None:
        """`every_ns`: between the hub's own pings."""
        self._every_s = every_ns / NS_PER_S
        self._tokens: set[str] = set()

    def answer(self, request: bytes) -> bytes | None:
        """The HTTP answer to a request's head; None: it is to be upgraded."""
        method, target, *_ = [*request.decode("latin-1").split(" ", 2), ""]
        path, _, query = target.partition("?")
        if method == "POST" and path.endswith("/negotiate"):
            return _page("200 OK", self._negotiated())
        asked = parse_qs(query).get("id")
        if asked is None or asked[0] in self._tokens:
            return None
        return _page("404 Not Found", b"No Connection with that ID")

    def _negotiated(self) -> bytes:
        token = token_urlsafe(16)
        self._tokens.add(token)
        said = {"negotiateVersion": 1, "connectionId": token_urlsafe(16), "connectionToken": token}
        return json.dumps(said).encode()

    async def talk(self, connection: WebSocketConnection) -> None:
        """Serve one client to its end."""
        problem = _problem_of(await connection.get_message())
        if problem is not None:
            await connection.send_message(_record({"error": problem}))
            await connection.aclose(_REFUSED)
            return
        await connection.send_message(_record({}))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ping, connection)
            await _answer(connection)

    async def _ping(self, connection: WebSocketConnection) -> NoReturn:
        while True:
            await trio.sleep(self._every_s)
            await connection.send_message(_record({"type": _PING}))


async def _answer(connection: WebSocketConnection) -> NoReturn:
    while True:
        for asked in _records(await connection.get_message()):
            if asked.get("type") == _INVOCATION and "invocationId" in asked:
                given = asked.get("arguments") or [None]
                said = {"type": _COMPLETION, "invocationId": asked["invocationId"]}
                await connection.send_message(_record(said | {"result": given[0]}))


def _page(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def _problem_of(message: str | bytes) -> str | None:
    """Why this is no handshake that the hub takes."""
    first = next(iter(_records(message)), {})
    if "protocol" not in first:
        return "Handshake was canceled."
    if first["protocol"] != "json":
        return f"The protocol '{first['protocol']}' is not supported."
    return None


def _records(message: str | bytes) -> list[dict[str, Any]]:
    text = message if isinstance(message, str) else message.decode("utf-8", "replace")
    found = []
    for part in text.split(_END):
        try:
            record = json.loads(part)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def _record(said: dict[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":")) + _END
