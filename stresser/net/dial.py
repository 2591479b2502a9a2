"""One TCP connection to one address, through one way out.

No happy eyeballs (RFC 8305): racing addresses hides the errno of the one that failed and
leaves open which address was measured.
"""

import os
import socket
import sys

import trio
from msgspec import Struct

from stresser.net.resolve import Address

# Linux's number; Python 3.11's socket module does not have it. The local port is then chosen
# at connect(2), so that one source address serves 28,000 ports for each destination (ip(7)).
_IP_BIND_ADDRESS_NO_PORT = 24


class Binding(Struct, frozen=True, kw_only=True):
    """How an egress ties a socket to its way out; both None: the routing table decides."""

    device: str | None = None
    """Interface for SO_BINDTODEVICE (socket(7), Linux)."""
    source: str | None = None
    """Source address for bind(2)."""


async def dial(address: Address, binding: Binding) -> socket.socket:
    """Connect a non-blocking socket. The caller owns it, and the deadline.

    Raises:
        OSError: as connect(2), bind(2), socket(2) and setsockopt(2) say it.
    """
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bind_to_egress(sock, binding)
        await _connect(sock, address)
    except BaseException:
        release(sock)
        raise
    return sock


def bind_to_egress(sock: socket.socket, binding: Binding) -> None:
    """Tie a socket to its way out.

    Raises:
        OSError: EPERM without the right to bind to a device, ENODEV when it is gone,
            EADDRNOTAVAIL when the source address is not this host's.
    """
    if binding.device is not None:
        if sys.platform != "linux":
            raise OSError(f"binding to interface {binding.device} needs Linux")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, binding.device.encode() + b"\0")
    if binding.source is not None:
        if sys.platform == "linux" and sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((binding.source, 0))


async def _connect(sock: socket.socket, address: Address) -> None:
    try:
        sock.connect(address.sockaddr)
    except BlockingIOError:
        await trio.lowlevel.wait_writable(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error)) from None
    else:
        await trio.lowlevel.checkpoint()


def release(sock: socket.socket) -> None:
    """Close, telling trio first so that no task waits on a dead descriptor."""
    if sock.fileno() >= 0:
        trio.lowlevel.notify_closing(sock)
    sock.close()


def socket_options() -> dict[str, int | str]:
    """What every session's socket is set to, for the manifest: it decides what is seen when."""
    return {
        "TCP_NODELAY": 1,
        "TCP_USER_TIMEOUT": "not set: the kernel gives up after tcp_retries2",
        "SO_KEEPALIVE": "not set: nothing but our pings is sent on a quiet session",
        "IP_RECVERR": "not set: it would end sessions that TCP keeps (ip(7))",
    }
