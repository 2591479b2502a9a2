"""Our open WebSocket over loopback TLS, with a peer that may send any bytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from stresser.net.fair_share import FairShare, Turns
from stresser.net.websocket import UpgradeRequest, WebSocket, upgrade
from tests.net.frames import acceptance
from tests.net.peers import NAME, TlsPeer, tls_pair

ASKED = UpgradeRequest(host=NAME, target="/connect?x=1")


async def read_request(peer: TlsPeer) -> bytes:
    """The client's whole request head."""
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += await peer.receive()
    return request


async def accepting(peer: TlsPeer, request: bytes) -> None:
    """Answer with a valid 101."""
    await peer.send(acceptance(request))


@asynccontextmanager
async def open_pair(
    version: str = "TLSv1.3", buffers: int | None = None
) -> AsyncIterator[tuple[WebSocket, TlsPeer]]:
    """Both ends, after the upgrade."""
    async with tls_pair(version, buffers=buffers) as (stream, peer):
        opened: list[tuple[WebSocket, str | None]] = []

        async def ask() -> None:
            opened.append(await upgrade(stream, ASKED))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await accepting(peer, await read_request(peer))
        yield opened[0][0], peer


async def drained(websocket: WebSocket, pongs: list[bytes]) -> Exception:
    """Drain to the end; returns what ended it."""
    try:
        await websocket.drain(pongs.append, FairShare(Turns(), websocket.stream.tap.clock))
    except Exception as exc:  # noqa: BLE001 - the test judges it
        return exc
