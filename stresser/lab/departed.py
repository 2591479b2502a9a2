"""Keeps a vanished connection open until its peer is gone, which the socket itself cannot tell.

A vanished socket hears no FIN and no RST, so without this a long run would leak one flow for
each silent kill. `NETLINK_SOCK_DIAG` (sock_diag(7)) looks the peer's socket up in the kernel, if
it is on this host, for a few microseconds.
"""

import socket
import struct
import sys
from typing import Final

import trio

from stresser.lab.wire import Wire

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr
_REQUEST: Final = struct.Struct("=BBBBI")  # struct inet_diag_req_v2 up to its id
_ALL_STATES = 0xFFFFFFFF
_ANY_COOKIE: Final = b"\xff" * 8
_OWNED_STATES: Final = frozenset({1, 8})  # ESTABLISHED, CLOSE_WAIT: a program holds it open
_LOOK_EVERY_S: Final = 2.0
_LONGEST_S: Final = 1000.0  # no TCP retransmits for longer by default (tcp(7), tcp_retries2)

_Address = tuple[str, int]


async def hold_vanished(wire: Wire) -> None:
    """Vanish, and keep the socket until the peer's program has closed its own; then close.

    Where it is unknown, for 1000 seconds.
    """
    wire.vanish()
    addresses = wire.addresses()
    knowable = addresses is not None and is_held_open(*addresses)
    with trio.move_on_after(float("inf") if knowable else _LONGEST_S):
        # ASYNC110: the kernel tells only who asks.
        while not knowable or (addresses and is_held_open(*addresses)):  # noqa: ASYNC110 - the kernel tells only who asks
            await trio.sleep(_LOOK_EVERY_S)
    wire.reappear()  # or the RST would be signed, and ignored
    wire.reset()


def is_held_open(ours: _Address, theirs: _Address) -> bool | None:
    """Whether a program on this host holds the IPv4 socket at `theirs`, connected to `ours`.

    Returns:
        None where this kernel does not say.
    """
    if sys.platform != "linux":
        return None
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
            netlink.settimeout(0)
            netlink.send(_question(theirs, ours))
            answer = netlink.recv(4096)  # the kernel has answered before send returned
    except OSError:
        return None
    _, kind, *_ = _HEADER.unpack_from(answer)
    if kind != _SOCK_DIAG_BY_FAMILY:
        return False  # NLMSG_ERROR with ENOENT: no such socket
    return answer[_HEADER.size + 1] in _OWNED_STATES


def _question(source: _Address, destination: _Address) -> bytes:
    body = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ALL_STATES)
    body += struct.pack("!HH", source[1], destination[1])
    body += socket.inet_aton(source[0]).ljust(16, b"\0")
    body += socket.inet_aton(destination[0]).ljust(16, b"\0")
    body += struct.pack("=I", 0) + _ANY_COOKIE
    size = _HEADER.size + len(body)
    return _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + body
