"""Names to addresses. All of them, in the resolver's order; choosing one is the caller's."""

import ipaddress
import socket
from functools import lru_cache
from typing import NamedTuple

import trio

from stresser.model.faults import NameNotResolved


class Address(NamedTuple):
    """One address to dial, as connect(2) takes it."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.sockaddr[0]

    def __str__(self) -> str:
        return format_sockaddr(self.sockaddr)


def format_sockaddr(sockaddr: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """`192.0.2.1:443`, `[2001:db8::1]:443`."""
    host, port = sockaddr[0], sockaddr[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(maxsize=1024)
def literal_address(host: str, port: int) -> Address | None:
    """The address that `host` itself is, if it is one: no resolver is asked."""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return None
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    sockaddr = (host, port) if family == socket.AF_INET else (host, port, 0, 0)
    return Address(family, sockaddr)


async def resolve(host: str, port: int, family: int | None = None) -> list[Address]:
    """All TCP addresses of a name, in the order of getaddrinfo(3) (RFC 6724).

    `family`: those alone (`socket.AF_INET6`). All are asked for: that a name has none of one family
    is another thing than that it does not exist.

    Raises:
        NameNotResolved: with the EAI_ code.
    """
    literal = literal_address(host, port)
    if literal is not None:
        return [literal]
    try:
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as exc:
        raise NameNotResolved(exc.errno, str(exc)) from exc
    except UnicodeError as exc:
        raise NameNotResolved(None, f"not a host name: {exc}") from exc
    addresses = [_address(of, sockaddr) for of, _, _, _, sockaddr in found]
    if not addresses:
        raise NameNotResolved(None, "the resolver answered with no address")
    wanted = [one for one in addresses if family in {None, one.family}]
    if not wanted:
        raise NameNotResolved(None, f"it has no {_FAMILIES[family]} address")
    return wanted


_FAMILIES: dict[int | None, str] = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


def _address(family: int, sockaddr: tuple[object, ...]) -> Address:
    host, port, *rest = sockaddr
    if rest:
        return Address(family, (str(host), int(str(port)), int(str(rest[0])), int(str(rest[1]))))
    return Address(family, (str(host), int(str(port))))
