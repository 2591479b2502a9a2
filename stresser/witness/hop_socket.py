"""Sends the segments of a walk: a raw socket, tied to the flow's own address and interface."""

import socket
import sys
from collections.abc import Iterable

from stresser.witness.hop_segment import FlowEdges, segment

_LINUX = "linux"
_IP_HDRINCL = getattr(socket, "IP_HDRINCL", 3)
_IPV4_BYTES = 4


def send_segments(flow: FlowEdges, hops: Iterable[int], attempt: int, device: str | None) -> None:
    """Send a segment that dies at each of the hops, all at once.

    The kernel sends them as it would send the flow: by the route from its address to the other
    end's, through its device. Routes that are chosen by ports or marks are not followed.

    Raises:
        OSError: EPERM without CAP_NET_RAW, EADDRNOTAVAIL where the address is gone, ENETUNREACH.
    """
    with raw_socket(flow, device) as sock:
        to = socket.inet_ntop(sock.family, flow.remote[0])
        for hop in hops:
            sock.sendto(segment(flow, hop, attempt), (to, 0))


def raw_socket(flow: FlowEdges, device: str | None) -> socket.socket:
    """One that sends and, being of protocol IPPROTO_RAW, receives nothing (raw(7)).

    Raises:
        OSError: as `send_segments`; EAFNOSUPPORT where it is not Linux.
    """
    if sys.platform != _LINUX:
        raise OSError("walking hops needs Linux")
    is_ipv4 = len(flow.local[0]) == _IPV4_BYTES
    family = socket.AF_INET if is_ipv4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
        if is_ipv4:
            sock.setsockopt(socket.IPPROTO_IP, _IP_HDRINCL, 1)
        if device is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
        sock.bind((socket.inet_ntop(family, flow.local[0]), 0))
    except BaseException:
        sock.close()
        raise
    return sock
