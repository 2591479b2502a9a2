"""What is known of this host's links, addresses and routes, and what a notice changes in it.

Pure: notices of the kernel in, changes out. A notice that changes nothing is no change. Memory
is bounded: what is beyond the bounds is reported as it comes, without knowing whether it repeats.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from stresser.model.path_change import PathChange
from stresser.model.units import escaped
from stresser.witness.netlink import (
    MAIN_TABLE,
    UP,
    DumpEnd,
    KernelAddress,
    KernelRoute,
    KernelRule,
    Link,
    Notice,
)
from stresser.witness.tunnel import link_words, tunnel_sign

_MOST = 4096
"""Of links, of addresses, of routes: so many are known one by one."""
_LONGEST_NAME = 64
_MOST_HOPS = 4
_MOST_GONE = 64
_IPV4 = 2
RouteKey: TypeAlias = tuple[object, ...]


class Change(NamedTuple):
    """One change, before it has a time."""

    change: PathChange
    interface: str | None
    is_tunnel: bool
    detail: str


class KnownPath:
    """The state of one network namespace, as its kernel reported it."""

    def __init__(self) -> None:
        self._links: dict[int, Link] = {}
        self._addresses: set[KernelAddress] = set()
        self._routes: dict[RouteKey, KernelRoute] = {}
        self._gone: dict[int, Link] = {}
        self._dump: _Dump | None = None
        self.is_settled = False
        """The first dumps are complete: until then nothing is a change."""
        self.routes_in_doubt = False
        """IPv4 routes go without a notice when their link is switched off or removed, or its
        last address goes (fib_disable_ip in net/ipv4/fib_frontend.c): ask for all of them."""

    def interface_with(self, address: str) -> str | None:
        """The name of the interface that holds an address now."""
        link = self.link_with(address)
        return None if link is None else link.name

    def link_with(self, address: str) -> Link | None:
        """The interface that holds an address now."""
        for one in self._addresses:
            if one.address == address and one.number in self._links:
                return self._links[one.number]
        return None

    def link_named(self, name: str) -> Link | None:
        """The interface of a name."""
        return next((link for link in self._links.values() if link.name == name), None)

    def begin_dump(self, sequence: int, kind: type) -> None:
        """What is answered to this request is the state of all links, addresses or routes."""
        self._dump = _Dump(sequence, kind)
        if kind is KernelRoute:
            self.routes_in_doubt = False

    def apply(self, notice: Notice) -> list[Change]:
        """Take a notice in; the changes that it makes."""
        is_answer = notice.sequence != 0
        if is_answer and (self._dump is None or notice.sequence != self._dump.sequence):
            return []  # of a dump that was given up
        changes = list(self._changes(notice, is_answer=is_answer))
        return changes if self.is_settled else []

    def end_dump(self, end: DumpEnd) -> list[Change] | None:
        """What is gone since the last dump; None when this is not the end of the current one."""
        dump = self._dump
        if dump is None or end.sequence != dump.sequence:
            return None
        self._dump = None
        return [] if end.error or end.interrupted else list(self._sweep(dump))

    def _changes(self, notice: Notice, *, is_answer: bool) -> Iterator[Change]:
        match notice.thing:
            case KernelRoute() as route if not _is_link_local(route.destination):
                yield from self._route(route, notice, is_answer=is_answer)
            case Link() as link:
                yield from self._link(link, is_removed=notice.is_removed)
            case KernelAddress() as address if not _is_link_local(address.address):
                yield from self._address(address, is_removed=notice.is_removed)
            case KernelRule() as rule:
                yield _rule(rule, is_removed=notice.is_removed)

    # Links

    def _link(self, link: Link, *, is_removed: bool) -> Iterator[Change]:
        before = self._links.get(link.number)
        if is_removed:
            yield from self._link_gone(link, before)
            return
        if before is not None or len(self._links) < _MOST:
            self._links[link.number] = link
            self._saw(link.number)
        if before is None:
            state = "up" if link.is_up else "down"
            yield _of_link(PathChange.LINK_ADDED, link, f"{link_words(link)}, {state}")
        elif before != link:
            yield from self._link_differs(before, link)

    def _link_gone(self, link: Link, before: Link | None) -> Iterator[Change]:
        self._links.pop(link.number, None)
        self._remember_gone(link)
        self._addresses = {one for one in self._addresses if one.number != link.number}
        self.routes_in_doubt = True
        to = ", moved to another network namespace" if link.to_namespace else ""
        yield _of_link(PathChange.LINK_REMOVED, before or link, f"{link_words(link)}{to}")

    def _remember_gone(self, link: Link) -> None:
        """Its routes are found gone only later, and are to be recorded with its name."""
        self._gone[link.number] = link
        if len(self._gone) > _MOST_GONE:
            del self._gone[next(iter(self._gone))]

    def _link_differs(self, before: Link, link: Link) -> Iterator[Change]:
        if before.name != link.name:
            detail = f"{_cut(before.name)} -> {_cut(link.name)}"
            yield _of_link(PathChange.LINK_RENAMED, link, detail)
        if before.mtu != link.mtu:
            yield _of_link(PathChange.MTU_CHANGED, link, f"{before.mtu} -> {link.mtu} bytes")
        if before.is_up and not link.is_up:
            is_switched_off = not link.flags & UP
            self.routes_in_doubt = self.routes_in_doubt or is_switched_off
            detail = "switched off" if is_switched_off else "no carrier"
            yield _of_link(PathChange.LINK_DOWN, link, f"{detail}; {link_words(link)}")
        elif link.is_up and not before.is_up:
            yield _of_link(PathChange.LINK_UP, link, link_words(link))

    # Addresses

    def _address(self, address: KernelAddress, *, is_removed: bool) -> Iterator[Change]:
        is_known = address in self._addresses
        if is_removed:
            self._addresses.discard(address)
            self.routes_in_doubt = True
            if address.number not in self._links:
                return  # the link went first, and was told
            yield self._at(PathChange.ADDRESS_REMOVED, address.number, _address_words(address))
            return
        if is_known or len(self._addresses) < _MOST:
            self._addresses.add(address)
            self._saw(address)
        if not is_known:
            yield self._at(PathChange.ADDRESS_ADDED, address.number, _address_words(address))

    # Routes

    def _route(self, route: KernelRoute, notice: Notice, *, is_answer: bool) -> Iterator[Change]:
        key = _route_key(route)
        if notice.is_removed:
            known = self._routes.pop(key, None)
            yield self._route_change(PathChange.ROUTE_REMOVED, known or route, "removed: ")
            return
        before = self._routes.get(key) or self._replaced(route, notice)
        if before == route:
            self._saw(key)
            return
        most = 2 * _MOST if route.covers_everything else _MOST
        if before is not None or len(self._routes) < most:
            self._routes[key] = route
            self._saw(key)
        elif is_answer:
            return  # one of the many that are not known one by one
        if before is None:
            yield self._route_change(PathChange.ROUTE_ADDED, route, "added: ")
        else:
            was = f" (was {self._hops(before) or before.kind or 'without a hop'})"
            yield self._route_change(PathChange.ROUTE_CHANGED, route, "changed: ", was)

    def _replaced(self, route: KernelRoute, notice: Notice) -> KernelRoute | None:
        """Of IPv6 a route with another hop is another route, unless it says that it replaces."""
        if not notice.replaces or route.family == _IPV4:
            return None
        place = _place(route)
        old = [key for key, one in self._routes.items() if _place(one) == place]
        return [self._routes.pop(key) for key in old][-1] if old else None

    def _route_change(
        self, change: PathChange, route: KernelRoute, doing: str, was: str = ""
    ) -> Change:
        if route.covers_everything:
            change = PathChange.DEFAULT_ROUTE_CHANGED
        index = route.hops[0][1] if route.hops else 0
        return self._at(change, index, f"{doing}{self._route_words(route)}{was}")

    def _route_words(self, route: KernelRoute) -> str:
        words = [f"{route.kind} {route.destination}".strip()]
        hops = self._hops(route)
        words += [hops] if hops else []
        words += [f"metric {route.metric}"] if route.metric else []
        words += [f"table {route.table}"] if route.table != MAIN_TABLE else []
        return " ".join(words)

    def _hops(self, route: KernelRoute) -> str:
        ways = [
            f"via {gateway} dev {self._name(index)}" if gateway else f"dev {self._name(index)}"
            for gateway, index in route.hops[:_MOST_HOPS]
        ]
        more = len(route.hops) - len(ways)
        return " and ".join([*ways, f"{more} more"] if more else ways)

    # All

    def _sweep(self, dump: "_Dump") -> Iterator[Change]:
        """What the dump did not show is gone, and the kernel did not say so."""
        silently = "gone without a notice: "
        if dump.kind is Link:
            for link in [one for one in self._links.values() if one.number not in dump.seen]:
                yield from self._link_gone(link, link)
        elif dump.kind is KernelAddress:
            gone = self._addresses - dump.seen
            self._addresses -= gone
            for address in sorted(gone):
                detail = silently + _address_words(address)
                yield self._at(PathChange.ADDRESS_REMOVED, address.number, detail)
        else:
            for key, route in list(self._routes.items()):
                if key not in dump.seen:
                    del self._routes[key]
                    yield self._route_change(PathChange.ROUTE_REMOVED, route, silently)

    def _saw(self, key: object) -> None:
        if self._dump is not None:
            self._dump.seen.add(key)

    def _name(self, index: int) -> str:
        link = self._links.get(index) or self._gone.get(index)
        return f"interface {index}" if link is None else _cut(link.name)

    def _at(self, change: PathChange, index: int, detail: str) -> Change:
        link = self._links.get(index) or self._gone.get(index)
        if link is None:
            return Change(change, f"interface {index}" if index else None, False, detail)  # noqa: FBT003 - a field
        return _of_link(change, link, detail)


class _Dump:
    """A dump that is being answered."""

    def __init__(self, sequence: int, kind: type) -> None:
        self.sequence = sequence
        self.kind = kind
        self.seen: set[object] = set()


def _of_link(change: PathChange, link: Link, detail: str) -> Change:
    return Change(change, link.name, tunnel_sign(link) is not None, detail)


def _rule(rule: KernelRule, *, is_removed: bool) -> Change:
    change = PathChange.RULE_REMOVED if is_removed else PathChange.RULE_ADDED
    version = "IPv4" if rule.family == _IPV4 else "IPv6"
    return Change(change, None, False, f"{version} rule {rule.priority}: {rule.words}")  # noqa: FBT003 - a field


def _is_link_local(address: str) -> bool:
    """fe80::/10: they come and go with their link, and carry nothing that leaves it."""
    return address.startswith(("fe8", "fe9", "fea", "feb"))


def _address_words(address: KernelAddress) -> str:
    return f"{address.address}/{address.prefix}"


def _place(route: KernelRoute) -> RouteKey:
    return (route.family, route.table, route.destination, route.metric)


def _route_key(route: KernelRoute) -> RouteKey:
    """What tells routes apart. IPv6 keeps several to one place, one for each hop."""
    return _place(route) if route.family == _IPV4 else (*_place(route), route.hops)


def _cut(name: str) -> str:
    return escaped(name, _LONGEST_NAME)
