"""Owns the third-party server's process: picows (Cython, not ours) as a wss echo server.

It answers pings, counts in a mapped file, and takes orders as lines on standard input:
`reset K` resets the K oldest sessions at once. It ends when standard input does, so it never
outlives whoever started it. `peer.py` starts it.
"""

import argparse
import asyncio
import os
import socket
import ssl
import struct
import sys
import time
from pathlib import Path
from typing import Any

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from bench.counters import Counter, Counters
from bench.machine import raise_file_limit
from bench.peer import ADDRESSES

_BACKLOG = 4096
_READ_BUFFER_BYTES = 512  # pings are small; the default of 16 KiB a session serves nothing here
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST (socket(7))


class _CountingListener(socket.socket):
    """A listening socket that counts what it accepts."""

    counters: "memoryview[int]"

    def accept(self) -> tuple[socket.socket, Any]:
        accepted = super().accept()
        self.counters[Counter.ACCEPTED] += 1
        return accepted


class _Echo(WSListener):
    """One session of the server."""

    open_sessions: dict[int, WSTransport]
    counters: "memoryview[int]"

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.open_sessions[id(transport)] = transport
        self.counters[Counter.OPENED] += 1

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self.counters[Counter.PINGS] += 1
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type != WSMsgType.PONG:
            transport.send(frame.msg_type, frame.get_payload_as_bytes(), frame.fin)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.counters[Counter.CLOSED] += 1
        self.open_sessions.pop(id(transport), None)


class _Server:
    """The listeners of one process, and its orders."""

    def __init__(self, counters: Counters, context: ssl.SSLContext) -> None:
        self._words = counters.words
        self._context = context
        self._sessions: dict[int, WSTransport] = {}
        self._ended = asyncio.Event()
        self._orders = b""

    async def serve(self) -> None:
        """Listen, say where, serve until standard input ends."""
        port = 0
        for address in ADDRESSES:
            listener = self._listener(address, port)
            port = listener.getsockname()[1]
            await ws_create_server(
                self._new_session,
                sock=listener,
                ssl=self._context,
                backlog=_BACKLOG,
                enable_auto_pong=False,  # on_ws_frame answers, to count
                read_buffer_init_size=_READ_BUFFER_BYTES,
            )
        os.set_blocking(sys.stdin.fileno(), False)
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read_orders)
        print(port, flush=True)
        await self._ended.wait()

    def _listener(self, address: str, port: int) -> socket.socket:
        listener = _CountingListener(socket.AF_INET, socket.SOCK_STREAM)
        listener.counters = self._words
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        return listener

    def _new_session(self, _request: WSUpgradeRequest) -> _Echo:
        session = _Echo()
        session.open_sessions = self._sessions
        session.counters = self._words
        return session

    def _read_orders(self) -> None:
        data = os.read(sys.stdin.fileno(), 4096)
        if not data:
            self._ended.set()
        *lines, self._orders = (self._orders + data).split(b"\n")
        for line in lines:
            self._reset_oldest(int(line.removeprefix(b"reset ")))

    def _reset_oldest(self, count: int) -> None:
        victims = list(self._sessions.values())[:count]
        sockets = [self._let_go(transport) for transport in victims]
        self._words[Counter.RESET_UTC_NS] = time.time_ns()
        for sock in sockets:
            sock.close()
        self._words[Counter.RESETS_ASKED] += len(victims)

    @staticmethod
    def _let_go(transport: WSTransport) -> socket.socket:
        """Take a session from the loop, so that all the loop's work is done before the first close.

        The loop will close the socket in its own time, which then does nothing.
        """
        sock: socket.socket = transport.underlying_transport.get_extra_info("socket")
        sock = getattr(sock, "_sock", sock)  # asyncio wraps it in one that cannot be closed
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.underlying_transport.abort()
        return sock


def main() -> None:
    """`python -m bench.server --counters FILE --chain PEM --key PEM`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counters", type=Path, required=True)
    parser.add_argument("--chain", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    arguments = parser.parse_args()
    raise_file_limit()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(arguments.chain, arguments.key)
    with Counters(arguments.counters) as counters:
        asyncio.run(_Server(counters, context).serve())


if __name__ == "__main__":
    main()
