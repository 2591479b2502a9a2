"""Packet sockets of all interfaces, with a filter in the kernel (packet(7), socket(7))."""

import ctypes
import errno
import os
import socket
import struct
import sys

from stresser.witness.packet_filter import Instruction, assembled

_ETH_P_ALL = 0x0003  # linux/if_ether.h
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h


def attach(sock: socket.socket, program: list[Instruction]) -> None:
    """Let the kernel pass what a program passes; it changes one for the other at once."""
    code = assembled(program)
    kept = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog (linux/filter.h); the kernel copies what it points to.
    fprog = struct.pack("@HP", len(code) // 8, ctypes.addressof(kept))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)


def packet_socket() -> socket.socket:
    """One that nothing is queued for yet.

    Raises:
        OSError: EPERM without CAP_NET_RAW, ENOSYS where it is not Linux.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "packets are witnessed on Linux alone")
    # Protocol 0: nothing is queued before there is a filter.
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
    return sock


def bind_everywhere(sock: socket.socket) -> None:
    """Bind to all protocols on all interfaces: Python's bind() insists on naming one."""
    libc = ctypes.CDLL(None, use_errno=True)
    # struct sockaddr_ll (packet(7)): family, protocol, index 0 for every interface, zeros.
    address = struct.pack("@HHi12x", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0)
    if libc.bind(sock.fileno(), address, len(address)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
