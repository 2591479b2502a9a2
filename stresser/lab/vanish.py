"""Makes one TCP socket vanish: it takes no segment and none of its own is taken.

A program that merely stops reading is no black hole: its kernel goes on acknowledging. With a
TCP MD5 signature key (RFC 2385, `TCP_MD5SIG_EXT` in linux/tcp.h) set for the peer, the kernel
drops every segment that is not signed before it looks at the acknowledgement or the data, with
no answer (RFC 2385 section 2.0), and the peer, which has no key, drops ours. So the peer's data
stays unacknowledged and its SYN unanswered. No privilege is needed, unlike SO_ATTACH_FILTER,
which newer kernels refuse on TCP without CAP_NET_ADMIN. RST and FIN are dropped as well.
Linux 5.8 or newer, built with CONFIG_TCP_MD5SIG.
"""

import socket
import struct
import sys
from typing import Protocol

_TCP_MD5SIG_EXT = 32
_FLAG_PREFIX = 1
_ADDRESS_SIZE = 128  # struct sockaddr_storage
_KEY_SIZE = 80
_KEY = b"stresser lab"


class HasOptions(Protocol):
    """The standard library's sockets and trio's alike."""

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""

    def setsockopt(self, level: int, optname: int, value: bytes, /) -> None:
        """As in the standard library."""


def vanish(sock: HasOptions) -> bool:
    """Cut this socket, connected or listening, off from everybody.

    Returns:
        False where the kernel cannot do it; the caller then has to stop reading instead.
    """
    return _set_key(sock, _KEY)


def reappear(sock: HasOptions) -> bool:
    """Undo `vanish`; what was lost meanwhile is retransmitted by TCP."""
    return _set_key(sock, b"")


def _set_key(sock: HasOptions, key: bytes) -> bool:
    if sys.platform != "linux":
        return False
    try:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG_EXT, _md5sig(sock.family, key))
    except OSError:
        return False  # already closed, no CONFIG_TCP_MD5SIG, FIPS mode, or a sandbox says no
    return True


def _md5sig(family: int, key: bytes) -> bytes:
    """`struct tcp_md5sig` for every peer: prefix length 0. An empty key deletes."""
    address = struct.pack("=H", family).ljust(_ADDRESS_SIZE, b"\0")
    head = struct.pack("=BBHi", _FLAG_PREFIX, 0, len(key), 0)
    return address + head + key.ljust(_KEY_SIZE, b"\0")
