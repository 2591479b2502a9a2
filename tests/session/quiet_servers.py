"""Servers of quiet sessions: each does one thing to a session that pings, cut as it likes."""

import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from wsproto.events import Ping

from tests.fakes.certificates import server_context
from tests.fakes.peers import TlsPeer, WebSocketPeer

TEXT = b"\x81\x02hi"
CLOSE = b"\x88\x02" + (1001).to_bytes(2, "big")


def pong(payload: bytes) -> bytes:
    return b"\x8a" + bytes([len(payload)]) + payload


class Server:
    """One connection's server: sends records cut as its script wants them."""

    def __init__(self, stream: trio.SocketStream, peer: WebSocketPeer) -> None:
        self.stream = stream
        self.peer = peer

    @classmethod
    async def accept(cls, stream: Any) -> "Server":
        return cls(stream, await WebSocketPeer.accept(stream, server_context()))

    @property
    def tls(self) -> TlsPeer:
        return self.peer.tls

    async def ping(self) -> bytes:
        """The payload of the next ping."""
        while not isinstance(event := await self.peer.next_event(), Ping):
            assert event is not None, "the client has ended"
        return bytes(event.payload)

    def encrypted(self, *records: bytes) -> bytes:
        for record in records:
            self.tls._tls.write(record)
        return self.tls._outgoing.read()

    async def say(self, *records: bytes) -> None:
        """So many records, in one segment."""
        await self.stream.send_all(self.encrypted(*records))

    async def answer(self, times: int) -> None:
        for _ in range(times):
            await self.say(pong(await self.ping()))

    async def fin(self) -> None:
        await self.stream.send_eof()

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.stream.socket.close()


Script = Callable[[Server], Awaitable[None]]


async def fin(server: Server) -> None:
    await server.answer(3)
    await server.fin()


async def reset(server: Server) -> None:
    await server.answer(3)
    server.reset()


async def pong_and_fin_at_once(server: Server) -> None:
    payload = await server.ping()
    await server.say(pong(payload))
    await server.fin()


async def pong_and_reset_at_once(server: Server) -> None:
    payload = await server.ping()
    await server.say(pong(payload))
    server.reset()


async def close_frame(server: Server) -> None:
    await server.answer(2)
    await server.say(CLOSE)


async def pong_and_close_in_one_record(server: Server) -> None:
    await server.say(pong(await server.ping()) + CLOSE)


async def pong_and_close_in_one_segment(server: Server) -> None:
    await server.say(pong(await server.ping()), CLOSE)


async def close_notify(server: Server) -> None:
    await server.answer(2)
    await server.tls.close_notify()


async def alert(server: Server) -> None:
    await server.answer(2)
    await server.stream.send_all(
        b"\x17\x03\x03\x00\x20" + bytes(32)
    )  # a record that is none of ours
    await server.fin()


async def no_frame(server: Server) -> None:
    await server.answer(1)
    await server.say(b"\xff" * 32)


async def half_a_pong(server: Server) -> None:
    """The segment ends amid the record; the rest comes once the first half was taken."""
    data = server.encrypted(pong(await server.ping()))
    await server.stream.send_all(data[:9])
    await trio.sleep(0.05)
    await server.stream.send_all(data[9:])
    await fin(server)


async def pong_and_half_a_frame(server: Server) -> None:
    await server.say(pong(await server.ping()) + TEXT[:1])
    await server.say(TEXT[1:])
    await fin(server)


async def messages(server: Server) -> None:
    for _ in range(3):
        await server.say(TEXT)
        await server.say(pong(await server.ping()), TEXT)
        await server.say(TEXT + pong(await server.ping()) + TEXT)
    await server.fin()


async def pings_of_its_own(server: Server) -> None:
    for number in range(3):
        await server.say(b"\x89\x01" + bytes([number]))
        await server.answer(1)
    await server.fin()


async def pongs_nobody_asked_for(server: Server) -> None:
    for _ in range(3):
        payload = await server.ping()
        await server.say(pong(b"what"), pong(b""))
        await server.say(pong(payload))
        await server.say(pong(payload))
    await server.fin()


async def a_late_pong(server: Server) -> None:
    payload = await server.ping()
    await trio.sleep(0.5)  # a third of the timeout has gone by
    await server.say(pong(payload))
    await fin(server)


async def a_pong_that_waits_for_us(server: Server) -> None:
    """The loop stands still over the whole timeout: it looks at its sockets before it judges."""
    await server.say(pong(await server.ping()))
    time.sleep(1.5)  # noqa: ASYNC251 - a stall of our own is the point
    await fin(server)


async def no_more_pongs(server: Server) -> None:
    await server.answer(2)
    await server.peer.swallow()


async def only_pongs_nobody_asked_for(server: Server) -> None:
    await server.answer(1)
    while True:
        await server.say(pong(b"what"))
        await trio.sleep(0.01)


async def a_flood(server: Server) -> None:
    await server.answer(1)
    for _ in range(4):
        await server.say(b"\x82\x00" * 1024)
    await server.fin()
