"""Owns `python -m bench.attackers`: strangers that attack a reflector, one kind at a time.

Told on standard input, a line each: a kind, `rest`, or `count`, which changes nothing. Each line is
answered by one with the number of connections that were made so far.
"""

import argparse
import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count

import trio

from bench.machine import raise_file_limit

_GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
_AT_ONCE = 100
MANY_AT_ONCE = 10_000
_PAUSE_S, _LONG_PAUSE_S = 0.01, 1.0
"""Of one that was thrown out; of each of ten thousand."""
_PIECE = b"X-Filler: " + b"x" * 4000 + b"\r\n"
_numbers = count(1)


class Attackers:
    """All of one address and port."""

    def __init__(self, port: int, hello: bytes) -> None:
        """`hello`: one that the reflector has heard before."""
        self.port = port
        self.hello = hello
        self.made = 0
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    async def tcp(self) -> trio.SocketStream:
        """From one of many addresses: the limits of one address do not help."""
        sock = trio.socket.socket()
        number = next(_numbers)
        await sock.bind((f"127.0.{1 + number // 200 % 50}.{1 + number % 200}", 0))
        await sock.connect(("127.0.0.1", self.port))
        self.made += 1
        return trio.SocketStream(sock)

    async def tls(self) -> "trio.SSLStream[trio.SocketStream]":
        stream = trio.SSLStream(await self.tcp(), self._context, server_hostname="x")
        await stream.do_handshake()
        return stream

    async def headers(self) -> None:
        """An upgrade whose header fields never end."""
        stream = await self.tls()
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n")
        while True:
            await stream.send_all(_PIECE)

    async def slow(self) -> None:
        """A handshake that never comes further than its first bytes."""
        stream = await self.tcp()
        await stream.send_all(b"\x16\x03\x01\x02")
        await stream.receive_some(1)

    async def flood(self) -> None:
        """An echo asked for as fast as it comes, and hardly read."""
        stream = await self.tls()
        while True:
            await stream.send_all(b"x" * 16_384)
            with trio.move_on_after(0.01):
                await stream.receive_some(65_536)

    async def garbage(self) -> None:
        """What is no TLS, then another connection."""
        stream = await self.tcp()
        with suppress(*_GONE):
            await stream.send_all(os.urandom(600))
            await stream.receive_some(100)
        await stream.aclose()

    async def replayed(self) -> None:
        """A hello that was heard before, then another connection."""
        stream = await self.tls()
        await stream.send_all(self.hello + b"\nx" * 10)
        await stream.receive_some(100)
        await trio.aclose_forcefully(stream)

    async def connections(self) -> None:
        """TCP alone, ten thousand of them at once, each held as long as it is served."""
        async with await self.tcp() as stream:
            await stream.receive_some(1)

    async def again(self, attack: Callable[[], Awaitable[None]], pause_s: float) -> None:
        """One attacker: whenever it is thrown out, it comes again."""
        while True:
            with suppress(*_GONE, ssl.SSLError):
                await attack()
            await trio.sleep(pause_s)


KINDS = ("headers", "slow", "flood", "garbage", "replayed", "connections")


async def _obey(attackers: Attackers) -> None:
    orders = trio.lowlevel.FdStream(os.dup(0))
    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        while order := (await orders.receive_some(64)).decode().strip():
            if order != "count":
                scope.cancel()
                scope = trio.CancelScope()
            if order in KINDS:
                nursery.start_soon(_attack, attackers, order, scope)
            print(attackers.made, flush=True)
        nursery.cancel_scope.cancel()


async def _attack(attackers: Attackers, kind: str, scope: trio.CancelScope) -> None:
    many = kind == "connections"
    at_once, pause_s = (MANY_AT_ONCE, _LONG_PAUSE_S) if many else (_AT_ONCE, _PAUSE_S)
    with scope:
        async with trio.open_nursery() as nursery:
            for _ in range(at_once):
                nursery.start_soon(attackers.again, getattr(attackers, kind), pause_s)


def main() -> int:
    """Until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m bench.attackers", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--hello", required=True)
    arguments = parser.parse_args()
    raise_file_limit()
    os.nice(10)  # as if on another machine: what is measured is the reflector, not this core
    trio.run(_obey, Attackers(arguments.port, arguments.hello.encode()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
