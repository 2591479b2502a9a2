"""Endpoints that fail before TLS: no listener, no answer, or TCP ends at once."""

import socket
from collections.abc import Awaitable, Callable
from typing import Final

from stresser.lab.vanish import vanish
from stresser.lab.wire import LOOPBACK, Wire, bind_loopback


def refused_port() -> socket.socket:
    """A port that answers SYN with RST: bound, so that no one else gets it, and not listening."""
    return bind_loopback()


def blackhole_port() -> list[socket.socket]:
    """A port that answers no SYN; the first socket of the list is the listener.

    Where sockets cannot vanish, the accept queue is filled instead: a kernel with a full queue
    drops SYNs (listen(2)), which needs the other sockets of the list to stay open.
    """
    listener = bind_loopback()
    listener.listen(0)
    if vanish(listener):
        return [listener]
    return [listener, *(_knock(listener.getsockname()[1]) for _ in range(4))]


def _knock(port: int) -> socket.socket:
    client = socket.socket()
    client.settimeout(0)
    client.connect_ex((LOOPBACK, port))
    return client


async def _reset(wire: Wire) -> None:
    await wire.wait_for_first_byte()
    wire.reset()


async def _fin(wire: Wire) -> None:
    await wire.fin()


ACCEPT_FAULTS: Final[dict[str, Callable[[Wire], Awaitable[None]]]] = {
    "reset-on-accept": _reset,
    "fin-on-accept": _fin,
}
"""What to do with a connection as soon as it is accepted."""
