"""Which of this host's addresses a packet would leave from: asked of the kernel, nothing is sent.

connect(2) on a UDP socket only looks the route up (udp(7)).
"""

import socket

from stresser.net.dial import Binding, bind_to_egress
from stresser.net.resolve import Address

_ELSEWHERE = (
    Address(socket.AF_INET, ("192.0.2.1", 9)),
    Address(socket.AF_INET6, ("2001:db8::1", 9, 0, 0)),
)
"""Documentation addresses (RFC 5737, RFC 3849): never this host's, on no network of its own."""


def source_towards(address: Address, binding: Binding) -> str | None:
    """Our address on the path to another through an egress; None: there is no route."""
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
            bind_to_egress(sock, binding)
            sock.connect(address.sockaddr)
            source: str = sock.getsockname()[0]
    except OSError:
        return None
    return source.partition("%")[0]


def is_own_address(address: Address) -> bool:
    """Whether an address is this host's: what goes to itself leaves from itself."""
    return source_towards(address, Binding()) == address.host.partition("%")[0]


def has_route() -> bool:
    """Whether this host has a way to other networks at all."""
    return any(source_towards(address, Binding()) is not None for address in _ELSEWHERE)


def own_addresses(binding: Binding) -> list[str]:
    """This host's addresses towards other networks through an egress, IPv4 before IPv6."""
    towards = (source_towards(address, binding) for address in _ELSEWHERE)
    return [one for one in towards if one is not None]
