"""Routing messages of the Linux kernel, decoded: links, addresses, routes and rules (rtnetlink(7)).

By hand, and only what a path needs. pyroute2's decoder, tried in its place, takes 50 us a route,
24 MiB of memory and asyncio: ten thousand withdrawn routes would have kept the loop from its
sessions for half a second; here they take a tenth of that. It judges this module in its tests.

The layouts are those of linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h and fib_rules.h.
Whatever is too short or of unknown kind is left out, never guessed.
"""

import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_HOP = struct.Struct("=HBBi")
_WORD = struct.Struct("=I")
_TYPE_MASK = 0x3FFF
"""NLA_F_NESTED and NLA_F_NET_BYTEORDER stand above the attribute's type."""

_ERROR, _DONE = 2, 3
_NEW_LINK, _DEL_LINK, GET_LINK = 16, 17, 18
_NEW_ADDRESS, _DEL_ADDRESS, GET_ADDRESS = 20, 21, 22
_NEW_ROUTE, _DEL_ROUTE, GET_ROUTE = 24, 25, 26
_NEW_RULE, _DEL_RULE = 32, 33
_REQUEST, _DUMP = 0x1, 0x300
_DUMP_INTERRUPTED = 0x10
_MULTI, _REPLACE = 0x2, 0x100
_CLONED = 0x200
_IPV4, _IPV6 = 2, 10
_IFLA_NAME, _IFLA_MTU, _IFLA_INFO, _IFLA_NEW_NAMESPACE = 3, 4, 18, 45
_INFO_KIND = 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 1, 4, 5, 6
_RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA = 9, 15, 18
_RTA_SRC, _RTA_PREFSRC, _RTA_IP_PROTO, _RTA_DPORT = 2, 7, 27, 29
_IPPROTO_TCP = 6
_FRA_DST, _FRA_SRC, _FRA_IIF, _FRA_PRIORITY, _FRA_MARK, _FRA_TABLE, _FRA_OIF = (
    1,
    2,
    3,
    6,
    10,
    15,
    17,
)

GROUPS = (1 << 0) | (1 << 4) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 10) | (1 << 18)
"""RTNLGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_RULE."""
MAIN_TABLE, _LOCAL_TABLE = 254, 255
UP, RUNNING = 0x1, 0x40
"""IFF_UP: switched on. IFF_RUNNING: it has its carrier (netdevice(7))."""
_ROUTE_KINDS = {1: "", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
"""RTN_UNICAST and the kinds that refuse. Local, broadcast and multicast follow the addresses."""


class Link(NamedTuple):
    """A network interface."""

    number: int
    name: str
    kind: str | None
    """IFLA_INFO_KIND: `tun`, `wireguard`, `veth`; None: hardware, or an old kernel."""
    arp_type: int
    """ARPHRD_*: what kind of hardware it says it is (linux/if_arp.h)."""
    flags: int
    mtu: int
    to_namespace: bool = False
    """Of a removal: it went to another network namespace."""

    @property
    def is_up(self) -> bool:
        """Switched on and with a carrier."""
        return self.flags & (UP | RUNNING) == UP | RUNNING


class KernelAddress(NamedTuple):
    """An address of an interface."""

    number: int
    address: str
    prefix: int


class KernelRoute(NamedTuple):
    """A route that forwards or refuses, in any table but the kernel's own of local addresses."""

    family: int
    table: int
    destination: str
    """`10.1.2.0/24`."""
    metric: int
    kind: str
    """Empty for an ordinary one."""
    hops: tuple[tuple[str | None, int], ...]
    """Gateway, if there is one, and index of the interface; of several hops each."""

    @property
    def covers_everything(self) -> bool:
        """For all addresses, or for half of them.

        VPN clients take over a default route by two halves (OpenVPN's `redirect-gateway def1`).
        """
        return self.destination.endswith(("/0", "/1"))


class KernelRule(NamedTuple):
    """A rule that chooses a routing table."""

    family: int
    priority: int
    words: str
    """Without the priority: `from 10.0.0.0/8 fwmark 0x64 lookup 100`."""


Thing: TypeAlias = Link | KernelAddress | KernelRoute | KernelRule


class Notice(NamedTuple):
    """What one message says of one thing."""

    thing: Thing
    is_removed: bool = False
    replaces: bool = False
    """A route that took another's place (NLM_F_REPLACE)."""
    sequence: int = 0
    """Of the dump that it answers; 0: the kernel said it by itself."""


class DumpEnd(NamedTuple):
    """A dump is complete, or was refused."""

    sequence: int
    interrupted: bool
    """Things changed meanwhile, it may not be whole (NLM_F_DUMP_INTR)."""
    error: int = 0
    """An errno."""


def dump_request(kind: int, sequence: int, family: int = 0) -> bytes:
    """Ask for all there is: GET_LINK, GET_ADDRESS or GET_ROUTE."""
    body = struct.pack("=B15x" if kind == GET_LINK else "=B11x", family)
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, kind, _REQUEST | _DUMP, sequence, 0) + body


class RouteFound(NamedTuple):
    """Where the kernel would send a packet."""

    kind: int
    """RTN_*: 1 unicast, 2 local."""
    device: int
    gateway: str | None
    source: str | None
    error: int = 0
    """An errno: it would not send it."""


def route_request(
    sequence: int, destination: str, port: int, source: str | None, device: int
) -> bytes:
    """Ask how a TCP segment to a destination would go, from a source and by a device (0: any)."""
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    packed = socket.inet_pton(family, destination)
    values = [(_RTA_DST, packed), (_RTA_IP_PROTO, bytes([_IPPROTO_TCP]))]
    values.append((_RTA_DPORT, port.to_bytes(2, "big")))
    if source is not None:
        values.append((_RTA_SRC, socket.inet_pton(family, source)))
    if device:
        values.append((_RTA_OIF, _WORD.pack(device)))
    bits = 8 * len(packed)
    body = _ROUTE.pack(family, bits, bits if source is not None else 0, 0, 0, 0, 0, 0, 0)
    for kind, value in values:
        padding = bytes(-len(value) % 4)
        body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + padding
    return _HEADER.pack(_HEADER.size + len(body), GET_ROUTE, _REQUEST, sequence, 0) + body


def route_found(data: bytes, sequence: int) -> RouteFound | None:
    """The answer to `route_request`; None: it answers something else."""
    if len(data) < _HEADER.size:
        return None
    length, kind, _, answers, _ = _HEADER.unpack_from(data)
    body = data[_HEADER.size : length]
    if answers != sequence:
        return None
    if kind == _ERROR:
        return RouteFound(0, 0, None, None, -int.from_bytes(body[:4], sys.byteorder, signed=True))
    if kind != _NEW_ROUTE or len(body) < _ROUTE.size:
        return None
    found = _attributes(body, _ROUTE.size)
    route_kind = body[7]
    return RouteFound(
        route_kind, _number(found.get(_RTA_OIF)), _gateway(found), _ip(found.get(_RTA_PREFSRC))
    )


def decode(data: bytes) -> Iterator[Notice | DumpEnd]:
    """The messages of one datagram that a path needs."""
    interrupted, at = False, 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            return
        interrupted = interrupted or bool(flags & _DUMP_INTERRUPTED)
        body = data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3
        if kind in {_DONE, _ERROR}:
            error = -int.from_bytes(body[:4], sys.byteorder, signed=True)
            yield DumpEnd(sequence, interrupted, max(error, 0))
        elif (thing := _thing(kind, body)) is not None:
            # A notice carries the number of the request that caused the change, be it whose it
            # may: only answers to dumps come in several parts.
            asked = sequence if flags & _MULTI else 0
            is_removed = kind in _REMOVALS
            yield Notice(thing, is_removed, bool(flags & _REPLACE) and not asked, asked)


_REMOVALS = frozenset({_DEL_LINK, _DEL_ADDRESS, _DEL_ROUTE, _DEL_RULE})


def _thing(kind: int, body: bytes) -> Thing | None:
    if kind in {_NEW_ROUTE, _DEL_ROUTE}:
        return _route(body)
    if kind in {_NEW_LINK, _DEL_LINK}:
        return _link(body)
    if kind in {_NEW_ADDRESS, _DEL_ADDRESS}:
        return _address(body)
    if kind in {_NEW_RULE, _DEL_RULE}:
        return _rule(body)
    return None


def _attributes(body: bytes, at: int) -> dict[int, bytes]:
    """Type and value of each (struct nlattr); of a type that comes twice the last."""
    found = {}
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if not _ATTRIBUTE.size <= length <= len(body) - at:
            break
        found[kind & _TYPE_MASK] = body[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def _number(value: bytes | None, default: int = 0) -> int:
    return default if value is None or len(value) < _WORD.size else int(_WORD.unpack_from(value)[0])


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _ip(value: bytes | None) -> str | None:
    if value is None or len(value) not in {4, 16}:
        return None
    # A tenth of what ipaddress takes.
    family = socket.AF_INET if len(value) == _WORD.size else socket.AF_INET6
    return socket.inet_ntop(family, value)


def _link(body: bytes) -> Link | None:
    # AF_BRIDGE and AF_INET6 say what became of a bridge's port or of IPv6's settings with the
    # same message types: a DELLINK of theirs removes no link.
    if len(body) < _LINK.size or body[0] != 0:
        return None
    _, arp_type, index, flags, _ = _LINK.unpack_from(body)
    found = _attributes(body, _LINK.size)
    kind = _attributes(found.get(_IFLA_INFO, b""), 0).get(_INFO_KIND)
    return Link(
        number=index,
        name=_text(found.get(_IFLA_NAME, b"")) or f"interface {index}",
        kind=None if kind is None else _text(kind),
        arp_type=arp_type,
        flags=flags,
        mtu=_number(found.get(_IFLA_MTU)),
        to_namespace=_IFLA_NEW_NAMESPACE in found,
    )


def _address(body: bytes) -> KernelAddress | None:
    if len(body) < _ADDRESS.size:
        return None
    _, prefix, _, _, index = _ADDRESS.unpack_from(body)
    found = _attributes(body, _ADDRESS.size)
    # On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL is always ours.
    address = _ip(found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS)))
    return None if address is None else KernelAddress(index, address, prefix)


def _route(body: bytes) -> KernelRoute | None:
    if len(body) < _ROUTE.size:
        return None
    family, length, _, _, table, _, _, kind, flags = _ROUTE.unpack_from(body)
    if flags & _CLONED or kind not in _ROUTE_KINDS or family not in {_IPV4, _IPV6}:
        return None
    found = _attributes(body, _ROUTE.size)
    table = _number(found.get(_RTA_TABLE), table)
    if table == _LOCAL_TABLE:
        return None
    destination = _ip(found.get(_RTA_DST)) or ("0.0.0.0" if family == _IPV4 else "::")  # noqa: S104 - no bind
    return KernelRoute(
        family=family,
        table=table,
        destination=f"{destination}/{length}",
        metric=_number(found.get(_RTA_PRIORITY)),
        kind=_ROUTE_KINDS[kind],
        hops=_hops(found),
    )


def _hops(found: dict[int, bytes]) -> tuple[tuple[str | None, int], ...]:
    if _RTA_MULTIPATH not in found:
        gateway = _gateway(found)
        return ((gateway, _number(found.get(_RTA_OIF))),) if gateway or _RTA_OIF in found else ()
    several, at, hops = found[_RTA_MULTIPATH], 0, []
    while at + _HOP.size <= len(several):
        length, _, _, index = _HOP.unpack_from(several, at)
        if not _HOP.size <= length <= len(several) - at:
            break
        hops.append((_gateway(_attributes(several[at : at + length], _HOP.size)), index))
        at += (length + 3) & ~3
    return tuple(hops)


def _gateway(found: dict[int, bytes]) -> str | None:
    # RTA_VIA: a gateway of the other family, after two bytes that name it.
    return _ip(found.get(_RTA_GATEWAY)) or _ip(found.get(_RTA_VIA, b"")[2:])


def _rule(body: bytes) -> KernelRule | None:
    if len(body) < _ROUTE.size:
        return None
    family, to_length, from_length, _, table, _, _, _, _ = _ROUTE.unpack_from(body)
    found = _attributes(body, _ROUTE.size)
    words = [f"from {_ip(found.get(_FRA_SRC))}/{from_length}" if _FRA_SRC in found else "from all"]
    words += [f"to {_ip(found.get(_FRA_DST))}/{to_length}"] if _FRA_DST in found else []
    words += [f"iif {_text(found[_FRA_IIF])}"] if _FRA_IIF in found else []
    words += [f"oif {_text(found[_FRA_OIF])}"] if _FRA_OIF in found else []
    words += [f"fwmark {_number(found[_FRA_MARK]):#x}"] if _FRA_MARK in found else []
    words.append(f"lookup {_number(found.get(_FRA_TABLE), table)}")
    return KernelRule(family, _number(found.get(_FRA_PRIORITY)), " ".join(words))
