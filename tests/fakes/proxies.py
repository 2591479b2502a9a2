"""Proxies for one connection: they do what their script says, then what is behind them goes on."""

import ssl
from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

import trio
from trio.abc import Stream

from tests.fakes.path import FarEnd
from tests.fakes.peers import Program

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
Script: TypeAlias = Callable[[Stream], Awaitable[None]]


async def until(stream: Stream, end: bytes) -> bytes:
    """Read up to these bytes, which are the last that the client sends for now."""
    heard = b""
    while not heard.endswith(end):
        data = await stream.receive_some()
        assert data, f"the client hung up after {heard!r}"
        heard += data
    return heard


async def exactly(stream: Stream, count: int) -> bytes:
    """Read so many bytes, which are the last that the client sends for now."""
    heard = b""
    while len(heard) < count:
        data = await stream.receive_some()
        assert data, f"the client hung up after {heard!r}"
        heard += data
    assert len(heard) == count
    return heard


def http_proxy(inner: Program, heard: list[bytes] | None = None, answer: bytes = OPEN) -> Program:
    """Reads a CONNECT, answers, and lets what is behind it take over."""

    async def serve(far: FarEnd) -> None:
        request = await until(far, b"\r\n\r\n")
        if heard is not None:
            heard.append(request)
        await far.send_all(answer)
        await inner(far)

    return serve


def tls_proxy(context: ssl.SSLContext, behind: Program) -> Program:
    """TLS with the client, and inside it a proxy."""

    async def serve(far: FarEnd) -> None:
        stream = trio.SSLStream(far, context, server_side=True)
        await stream.do_handshake()
        await behind(cast("FarEnd", stream))

    return serve


def socks_proxy(inner: Program, heard: list[bytes] | None = None, reply: int = 0) -> Program:
    """SOCKS 5 without a login, for an address of IPv4 or a name."""

    async def serve(far: FarEnd) -> None:
        assert await exactly(far, 3) == b"\x05\x01\x00"
        await far.send_all(b"\x05\x00")
        request = await far.receive_some()
        if heard is not None:
            heard.append(request)
        await far.send_all(bytes((5, reply, 0, 1, 192, 0, 2, 9, 0, 80)))
        if reply == 0:
            await inner(far)

    return serve


def says(*steps: bytes | str) -> Program:
    """Takes turns: bytes to say, or `hear`, `hang up`, `reset`, `stall`."""

    async def serve(far: FarEnd) -> None:
        for step in steps:
            if isinstance(step, bytes):
                await far.send_all(step)
            elif step == "hear":
                await far.receive_some()
            elif step == "hang up":
                await far.aclose()
            elif step == "reset":
                far.path.reset()
            else:
                await trio.sleep_forever()
        await trio.sleep_forever()

    return serve
