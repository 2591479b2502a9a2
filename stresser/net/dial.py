"""One TCP connection to one address, through one egress.

No happy eyeballs (RFC 8305): racing addresses hides the errno of the one that failed and
leaves open which address was measured.
"""

import os
import socket
import struct
import sys
from collections.abc import Callable

import trio
from msgspec import Struct

from stresser.model.faults import CannotSend
from stresser.net.resolve import Address

# Linux's number; Python 3.11's socket module does not have it. The local port is then chosen
# at connect(2), so that one source address serves 28,000 ports for each destination (ip(7)).
_IP_BIND_ADDRESS_NO_PORT = 24
_IP_LOCAL_PORT_RANGE = 51  # since Linux 6.3 (ip(7))


class Binding(Struct, frozen=True, kw_only=True):
    """What an egress ties a socket to; both None: the routing table decides."""

    device: str | None = None
    """Interface for SO_BINDTODEVICE (socket(7), Linux)."""
    source: str | None = None
    """Source address for bind(2)."""
    ports: tuple[int, int] | None = None
    """The first and the last local port that the kernel may choose."""
    max_segment: int | None = None
    """TCP_MAXSEG: segments of either direction are no longer, options included (tcp(7))."""


class TcpTimers(Struct, frozen=True, kw_only=True):
    """When the kernel gives an unanswered connection up, set on purpose (tcp(7)).

    Left to its defaults Linux retries for a quarter of an hour and keeps no idle one alive.
    """

    user_timeout_ms: int
    """TCP_USER_TIMEOUT (RFC 5482): how long data or keepalive probes may go unacknowledged."""
    keep_idle_s: int | None = None
    """TCP_KEEPIDLE: probe after so long without a segment; None: no keepalive."""
    keep_interval_s: int = 1
    """TCP_KEEPINTVL: between unanswered probes."""


async def dial(address: Address, binding: Binding) -> socket.socket:
    """Connect a non-blocking socket. The caller owns it, and the deadline.

    Raises:
        CannotSend: an OSError that says that no packet has left this host.
        OSError: as connect(2) says it.
    """
    sock = make_socket(address, binding)
    try:
        await connect(sock, address)
    except BaseException:
        release(sock)
        raise
    return sock


def make_socket(address: Address, binding: Binding) -> socket.socket:
    """A non-blocking socket, tied to its egress and not yet connected.

    Raises:
        OSError: CannotSend, or of a limit of this process, as socket(2) says it.
    """
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bind_to_egress(sock, binding)
    except OSError as exc:
        release(sock)
        raise CannotSend(exc.errno, exc.strerror) from None
    return sock


def set_timers(sock: socket.socket, timers: TcpTimers) -> None:
    """Set a connected socket's timers, as far as this system has them."""
    _set_if_known(sock, "TCP_USER_TIMEOUT", timers.user_timeout_ms)
    if timers.keep_idle_s is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # macOS calls it TCP_KEEPALIVE.
        idle = "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE"
        _set_if_known(sock, idle, timers.keep_idle_s)
        _set_if_known(sock, "TCP_KEEPINTVL", timers.keep_interval_s)


def segment_size(sock: socket.socket) -> int | None:
    """How many bytes of data one segment of a connection takes now (tcp(7), TCP_MAXSEG)."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    except (OSError, AttributeError):  # a socket in memory; Windows does not say
        return None


def _set_if_known(sock: socket.socket, option: str, value: int) -> None:
    number = getattr(socket, option, None)
    if number is not None:
        sock.setsockopt(socket.IPPROTO_TCP, number, value)


def bind_to_egress(sock: socket.socket, binding: Binding) -> None:
    """Tie a socket to its egress.

    Raises:
        OSError: EPERM without the right to bind to a device, ENODEV when it is gone,
            EADDRNOTAVAIL when the source address is not this host's.
    """
    if binding.ports is not None:
        keep_to_ports(sock, binding.ports)
    if binding.max_segment is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, binding.max_segment)
    if binding.device is not None:
        if sys.platform != "linux":
            raise OSError(f"binding to interface {binding.device} needs Linux")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, binding.device.encode() + b"\0")
    if binding.source is not None:
        if sys.platform == "linux" and sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((binding.source, 0))


def keep_to_ports(sock: socket.socket, ports: tuple[int, int]) -> None:
    """Have the kernel choose a local port of a range.

    Raises:
        OSError: ENOPROTOOPT where it cannot.
    """
    low, high = ports
    sock.setsockopt(socket.IPPROTO_IP, _IP_LOCAL_PORT_RANGE, struct.pack("=I", high << 16 | low))


async def connect(
    sock: socket.socket, address: Address, *, on_sent: Callable[[], None] | None = None
) -> None:
    """Connect a socket of `make_socket`.

    `on_sent` is called when the SYN is out and our own port is known.

    Raises:
        OSError: as connect(2) says it.
    """
    try:
        sock.connect(address.sockaddr)
    except ConnectionRefusedError:  # over loopback the answer comes within the call
        if on_sent is not None:
            on_sent()
        raise
    except BlockingIOError:
        if on_sent is not None:
            on_sent()
        await trio.lowlevel.wait_writable(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error)) from None
    except OSError as exc:
        raise CannotSend(exc.errno, exc.strerror) from None
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
        "TCP_USER_TIMEOUT": "set when connected: see timers, by activity",
        "SO_KEEPALIVE": "set for activities of kind keepalive: see timers",
        "IP_RECVERR": "not set: it would end sessions that TCP keeps (ip(7))",
    }
