"""Owns the third-party server: picows (not ours) as `wss` echo, asyncio streams as `tls` echo.

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

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

_BACKLOG = 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST (socket(7))


class _Echo(WSListener):
    sessions: "set[WSTransport]"

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self.sessions.add(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type != WSMsgType.PONG:
            transport.send(frame.msg_type, frame.get_payload_as_bytes(), frame.fin)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.sessions.discard(transport)


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

    def _new_session(self, _request: WSUpgradeRequest) -> _Echo:
        session = _Echo()
        session.sessions = self._sessions
        return session

    def _read_orders(self) -> None:
        data = os.read(sys.stdin.fileno(), 4096).decode()
        if not data:
            self._ended.set()
        for line in data.splitlines():
            self._reset(line.removeprefix("reset "))

    def _reset(self, client: str) -> None:
        victims = [
            session.underlying_transport
            for session in self._sessions
            if session.underlying_transport.get_extra_info("peername")[0] == client
        ]
        # Nobody shall interrupt it, or they would not be at once (sched(7)).
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        began = time.time_ns()
        for transport in victims:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
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
