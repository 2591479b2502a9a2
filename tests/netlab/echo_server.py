"""Owns the third-party server: picows (not ours) as `wss` echo, asyncio streams as `tls` echo.

What a WebSocket session meets is in its path:
    /                       an echo that answers pings
    /age/SECONDS/HOW        ends SECONDS after it began
    /idle/SECONDS/HOW       ends after SECONDS without a frame from the client
    /pinged/HOW             ends at the client's first ping
    /late/SECONDS           answers each ping that much later
    /status/NUMBER          refuses the upgrade with that HTTP status
    /unasked                refuses what does not ask for an upgrade with 200, as a web page would
HOW: a number (a close frame with that code), `notify` (TLS close_notify), `fin` (a FIN in the
middle of TLS), `reset`, `page` (an HTTP response amid the frames), `reserved` (a reserved bit).

Orders come as lines on standard input: `reset ADDRESS` resets all sessions from that client
address at once. It ends when standard input does, so it outlives nobody.
"""

import argparse
import asyncio
import os
import socket
import ssl
import struct
import sys
import time

from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

_BACKLOG = 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST (socket(7))
_REASON = b"going away"
_PAGE = b"HTTP/1.1 504 Gateway Time-out\r\nServer: lb-7\r\nContent-Length: 0\r\n\r\n"


def end(transport: WSTransport, how: str) -> None:
    """End one session as HOW says."""
    below = transport.underlying_transport
    if how.isdecimal():
        transport.send(WSMsgType.CLOSE, struct.pack("!H", int(how)) + _REASON)
        transport.disconnect()
    elif how == "notify":
        transport.disconnect()
    elif how == "fin":
        _socket(transport).shutdown(socket.SHUT_WR)
    elif how == "reset":
        _reset(transport)
    elif how == "page":
        below.write(_PAGE)
        transport.disconnect()
    elif how == "reserved":
        transport.send(WSMsgType.TEXT, b"hello", rsv1=True)
    else:
        raise ValueError(how)


def _socket(transport: WSTransport) -> socket.socket:
    """A handle of ours: asyncio's own does not lend its methods."""
    found = transport.underlying_transport.get_extra_info("socket")
    return socket.socket(fileno=os.dup(found.fileno()))


def _reset(transport: WSTransport) -> None:
    found = transport.underlying_transport.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.underlying_transport.abort()


class _Session(WSListener):
    """An echo with the mood that its path names."""

    sessions: "set[WSTransport]"
    mood: list[str]
    _timer: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self.sessions.add(transport)
        if self.mood[0] in {"age", "idle"}:
            self._wind()

    def _wind(self) -> None:
        loop = asyncio.get_running_loop()
        _, seconds, how = self.mood
        self._timer = loop.call_later(float(seconds), self._end, how)

    def _end(self, how: str) -> None:
        if self._transport in self.sessions:
            print(f"ended {how} {time.time_ns()}", flush=True)
            end(self._transport, how)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.mood[0] == "idle" and self._timer is not None:
            self._timer.cancel()
            self._wind()
        if frame.msg_type == WSMsgType.PING:
            self._on_ping(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type != WSMsgType.PONG:
            transport.send(frame.msg_type, frame.get_payload_as_bytes(), frame.fin)

    def _on_ping(self, payload: bytes) -> None:
        if self.mood[0] == "pinged":
            self._end(self.mood[1])
        elif self.mood[0] == "late":
            late_s = float(self.mood[1])
            asyncio.get_running_loop().call_later(late_s, self._transport.send_pong, payload)
        else:
            self._transport.send_pong(payload)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.sessions.discard(transport)
        if self._timer is not None:
            self._timer.cancel()


async def _tls_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
    except OSError:
        writer.close()


class _Server:
    def __init__(self) -> None:
        self._sessions: set[WSTransport] = set()
        self._ended = asyncio.Event()

    async def serve(self, address: str, context: ssl.SSLContext, ports: tuple[int, int]) -> None:
        await ws_create_server(
            self._new_session, address, ports[0], ssl=context, backlog=_BACKLOG,
            enable_auto_pong=False,
        )  # fmt: skip
        await asyncio.start_server(_tls_echo, address, ports[1], ssl=context, backlog=_BACKLOG)
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read_orders)
        print("listening", flush=True)
        await self._ended.wait()

    def _new_session(self, request: WSUpgradeRequest) -> _Session | WSUpgradeResponseWithListener:
        mood = request.path.decode().strip("/").split("/")
        if mood[0] == "status":
            refusal = WSUpgradeResponse.create_error_response(int(mood[1]))
            return WSUpgradeResponseWithListener(refusal, None)
        if "upgrade" not in request.headers:
            page = WSUpgradeResponse.create_ok_response(b"It works.")
            return WSUpgradeResponseWithListener(page, None)
        session = _Session()
        session.sessions, session.mood = self._sessions, mood
        return session

    def _read_orders(self) -> None:
        data = os.read(sys.stdin.fileno(), 4096).decode()
        if not data:
            self._ended.set()
        for line in data.splitlines():
            self._reset_all(line.removeprefix("reset "))

    def _reset_all(self, client: str) -> None:
        victims = [
            session
            for session in self._sessions
            if session.underlying_transport.get_extra_info("peername")[0] == client
        ]
        # Nobody shall interrupt it, or they would not be at once (sched(7)).
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        began = time.time_ns()
        for session in victims:
            _reset(session)
        # The loop closes what was aborted before it comes to this.
        asyncio.get_running_loop().call_soon(self._report, len(victims), began)

    @staticmethod
    def _report(victims: int, began: int) -> None:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        print(f"reset {victims} sessions {began} {time.time_ns()}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("address", "chain", "key"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--ports", type=int, nargs=2, required=True)
    arguments = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.chain, arguments.key)
    os.set_blocking(sys.stdin.fileno(), False)
    asyncio.run(_Server().serve(arguments.address, context, tuple(arguments.ports)))


if __name__ == "__main__":
    main()
