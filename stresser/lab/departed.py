"""Tells whether the peer of a vanished flow still has its socket, when both are on this host.

A vanished socket hears no FIN and no RST, so without this a long run would leak one flow for
each silent kill. `NETLINK_SOCK_DIAG` (sock_diag(7)) looks up one socket in microseconds.
"""

import socket
import struct
import sys
from typing import Final

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_HEADER: Final = struct.Struct("=IHHII")  # nlmsghdr
_REQUEST: Final = struct.Struct("=BBBBI")  # inet_diag_req_v2 up to its id
_ALL_STATES = 0xFFFFFFFF
_ANY_COOKIE: Final = b"\xff" * 8
_OWNED_STATES: Final = frozenset({1, 8})  # ESTABLISHED, CLOSE_WAIT: a program holds it open


class PeerWatch:
    """One netlink socket for all questions; useless but harmless where there is none."""

    def __init__(self) -> None:
        self._netlink: socket.socket | None = None
        if sys.platform == "linux":
            try:
                self._netlink = socket.socket(
                    socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
                )
                self._netlink.setblocking(False)
            except OSError:
                self.close()

    def close(self) -> None:
        """Give the netlink socket back."""
        if self._netlink is not None:
            self._netlink.close()
        self._netlink = None

    def is_open(self, ours: tuple[str, int], theirs: tuple[str, int]) -> bool | None:
        """Whether a program still holds the IPv4 socket at `theirs`, connected to `ours`.

        Returns:
            None where this kernel does not say. False also for a peer on another host.
        """
        if self._netlink is None:
            return None
        try:
            self._netlink.send(_question(theirs, ours))
            answer = self._netlink.recv(4096)
        except OSError:
            return None
        _, kind, *_ = _HEADER.unpack_from(answer)
        if kind != _SOCK_DIAG_BY_FAMILY:
            return False  # NLMSG_ERROR with ENOENT: no such socket
        state = answer[_HEADER.size + 1]
        return state in _OWNED_STATES


def _question(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    body = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ALL_STATES)
    body += struct.pack("!HH", source[1], destination[1])
    body += socket.inet_aton(source[0]).ljust(16, b"\0")
    body += socket.inet_aton(destination[0]).ljust(16, b"\0")
    body += struct.pack("=I", 0) + _ANY_COOKIE
    size = _HEADER.size + len(body)
    return _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + body
