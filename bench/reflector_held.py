"""Owns `python -m bench.reflector_held`: what a tester's session costs a reflector in memory.

Sessions over WSS, as a run opens them, are held on one core, each pinged from time to time. Memory
is what the reflector's process grew by between the first hundred sessions and the last, by session;
what it reserves for the kernel's buffers is the kernel's.
"""

import argparse
import base64
import itertools
import os
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import Final

import trio

from bench.machine import client_core, on_core, raise_file_limit
from bench.peer import BenchError
from bench.reflector_peer import TOKEN, ReflectorPeer, running_reflector
from stresser.net.reflector_hello import HEADER, PREFIX, Introducer, new_run_id
from stresser.witness.clock import RunClock

GOAL_KIB: Final = 45.0
_FIRST: Final = 100
_AT_ONCE: Final = 16
_EVERY_S: Final = 15.0
_SETTLE_S: Final = 3.0
_PING: Final = b"\x89\x84\0\0\0\0\0\0\0\1"
"""Masked with nothing (RFC 6455 section 5.3); its number is 1."""
_PONG: Final = b"\x8a\x04\0\0\0\1"


class HeldByReflector:
    """Sessions that are held, as many as asked for."""

    def __init__(self, port: int, ca: Path, scheme: str = "wss", *, silent: bool = False) -> None:
        self._scheme, self._silent = scheme, silent
        self.answers = 0
        self._port = port
        self._context = ssl.create_default_context(cafile=ca)
        self._numbers = itertools.count(1)
        self._clock = RunClock()
        self._introducer = Introducer(
            run=new_run_id(), token=TOKEN, anchor_unix_ns=self._clock.anchor_unix_ns
        )

    async def until(self, number: int, nursery: trio.Nursery) -> None:
        """Open more until there are so many."""
        limit = trio.CapacityLimiter(_AT_ONCE)
        async with trio.open_nursery() as opening:
            while (nth := next(self._numbers)) < number:
                opening.start_soon(self._open, nth, nursery, limit)
            opening.start_soon(self._open, nth, nursery, limit)

    async def _open(self, nth: int, nursery: trio.Nursery, limit: trio.CapacityLimiter) -> None:
        async with limit:
            stream = await trio.open_ssl_over_tcp_stream(
                "127.0.0.1", self._port, ssl_context=self._context
            )
            hello = self._introducer.hello(nth, self._clock.now_ns()).encode()
            if self._scheme == "tls":
                await stream.send_all(PREFIX + hello + b"\n")
            else:
                await _upgrade(stream, hello)
        nursery.start_soon(self._hold, stream)

    async def _hold(self, stream: "trio.SSLStream[trio.SocketStream]") -> None:
        asked, answer = (b"p", b"p") if self._scheme == "tls" else (_PING, _PONG)
        async with stream:
            while not self._silent:
                await stream.send_all(asked)
                if await stream.receive_some(64) != answer:
                    raise BenchError("a session ended, or was answered with something else")
                self.answers += 1
                await trio.sleep(_EVERY_S)
            await stream.receive_some(1)
        raise BenchError("a session ended")


async def _upgrade(stream: "trio.SSLStream[trio.SocketStream]", hello: bytes) -> None:
    key = base64.b64encode(os.urandom(16))
    await stream.send_all(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\n" + HEADER.encode() + b": " + hello + b"\r\n\r\n"
    )
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive_some(4096)
        if not data:
            raise BenchError("the reflector refused a session")
        head += data


async def _measure(peer: ReflectorPeer, scheme: str, sessions: int, *, silent: bool) -> float:
    """KiB a session."""
    held = HeldByReflector(peer.port, peer.ca, scheme, silent=silent)
    before_mib, before = 0.0, 0
    async with trio.open_nursery() as nursery:
        parts = (sessions // 4, sessions // 2, sessions)
        for number in (_FIRST, *(part for part in parts if part > _FIRST)):
            await held.until(number, nursery)
            await trio.sleep(_SETTLE_S)
            now_mib = peer.rss_mib()
            if before:
                cost = (now_mib - before_mib) * 1024 / (number - before)
                print(f"{number:>9,}{now_mib:>10.1f}{cost:>10.1f}", flush=True)
            else:
                first_mib = now_mib
            before, before_mib = number, now_mib
        nursery.cancel_scope.cancel()
    return (before_mib - first_mib) * 1024 / (sessions - _FIRST)


def main() -> int:
    """0: within the goal; 1: it is missed; 2: a part did not come about."""
    parser = argparse.ArgumentParser(prog="python -m bench.reflector_held", description=__doc__)
    parser.add_argument("--sessions", type=int, default=5000)
    parser.add_argument("--scheme", choices=["wss", "tls"], default="wss")
    parser.add_argument("--silent", action="store_true", help="without a ping or an echo")
    arguments = parser.parse_args()
    if arguments.sessions <= _FIRST:
        parser.error(f"--sessions: more than {_FIRST}")
    raise_file_limit()
    print(f"{'sessions':>9}{'RSS, MiB':>10}{'KiB each':>10}")
    cost = None
    try:
        with running_reflector() as peer, on_core(client_core()):
            measured = partial(_measure, silent=arguments.silent)
            cost = trio.run(measured, peer, arguments.scheme, arguments.sessions)
    except* BenchError as group:
        print(f"bench.reflector_held: {group.exceptions[0]}", file=sys.stderr)
    if cost is None:
        return 2
    print(f"{cost:.1f} KiB a session, goal {GOAL_KIB}: {'met' if cost <= GOAL_KIB else 'MISSED'}")
    return int(cost > GOAL_KIB)


if __name__ == "__main__":
    sys.exit(main())
