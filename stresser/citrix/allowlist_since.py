"""Two lists of the vendor's compared: what must newly be let through, and what is gone.

What is compared is a direction, a name, wildcard or network, and its ports. Where a list says no
port of an outbound entry, TCP 443 is meant (the vendor's pages: port 443, outbound); a port
without a protocol is TCP's.
"""

import ipaddress
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec import Struct, field

from stresser.citrix.allowlist import Allowlist, Listed
from stresser.citrix.allowlist_entry import TLS_PORT, Name
from stresser.citrix.allowlist_terms import TCP, PortRange

_FEW = 3
_HIGHEST = 65535
_TLS = PortRange(TCP, TLS_PORT, TLS_PORT)
_Key = tuple[bool, str]
"""Is it inbound, and the host, pattern or network."""


class Opening(Struct):
    """What a firewall must let through for one entry."""

    where: str
    """Host, pattern or network."""
    is_inbound: bool
    ports: set[PortRange] = field(default_factory=set)
    """Empty of inbound ones alone: the list says none."""
    said: dict[str, None] = field(default_factory=dict)
    """Sections, regions, dates: what the list says of it, in its order."""
    covered_by: str = ""
    """A wildcard or network of the other list that has, or may have, it within."""

    @property
    def ports_written(self) -> str:
        """For a person."""
        return ", ".join(port.written for port in sorted(self.ports)) or "no port said"

    @property
    def written(self) -> str:
        """For a person, on one line."""
        direction = "inbound" if self.is_inbound else "outbound"
        text = f"{direction} {self.where}, {self.ports_written}"
        if self.covered_by:
            text += f", perhaps within {self.covered_by} of the other list"
        said = list(self.said)
        more = [f"and {len(said) - _FEW} more"] if len(said) > _FEW else []
        return f"{text} ({'; '.join(said[:_FEW] + more)})" if said else text


class ListChanges(Struct):
    """What differs."""

    new: list[Opening]
    """To be let through."""
    gone: list[Opening]

    @property
    def new_ports(self) -> dict[str, str]:
        """Which ports are new, by host, pattern or network; of a new one all are."""
        return {one.where: one.ports_written for one in self.new if not one.is_inbound}


def compare_lists(
    old: Allowlist, new: Allowlist, is_wanted: Callable[[Listed], bool] = lambda _: True
) -> ListChanges:
    """Compare two lists, read for the same customer.

    Args:
        old: the earlier one.
        new: the later one.
        is_wanted: whether an entry counts, such as one of another region does not.
    """
    before, after = _openings(old, is_wanted), _openings(new, is_wanted)
    return ListChanges(new=_beyond(after, before), gone=_beyond(before, after))


def _openings(found: Allowlist, is_wanted: Callable[[Listed], bool]) -> dict[_Key, Opening]:
    openings: dict[_Key, Opening] = {}
    for listed in (*found.names, *found.wildcards, *found.networks):
        if is_wanted(listed):
            _add(openings, listed, is_inbound=False)
    for listed in filter(is_wanted, found.inbound):
        _add(openings, listed, is_inbound=True)
    return openings


def _add(openings: dict[_Key, Opening], listed: Listed, *, is_inbound: bool) -> None:
    entry = listed.entry
    where = entry.host if isinstance(entry, Name) else entry.written
    opening = openings.setdefault((is_inbound, where), Opening(where=where, is_inbound=is_inbound))
    opening.ports.update(_ports_of(listed, is_inbound=is_inbound))
    for terms in listed.terms:
        bare = msgspec.structs.replace(terms, ports=()).written
        text = ": ".join(filter(None, (terms.section, bare)))
        if text:
            opening.said[text] = None


def _ports_of(listed: Listed, *, is_inbound: bool) -> Iterator[PortRange]:
    entry = listed.entry
    if isinstance(entry, Name) and entry.port != TLS_PORT:
        yield PortRange(TCP, entry.port, entry.port)
    elif not is_inbound and any(not terms.ports for terms in listed.terms):
        yield _TLS
    for port in listed.ports:
        yield port if port.protocol else PortRange(TCP, port.low, port.high)


def _beyond(these: dict[_Key, Opening], others: dict[_Key, Opening]) -> list[Opening]:
    """What these have and the others have not, in the order of their names."""
    beyond = []
    for key in sorted(these):
        opening, other = these[key], others.get(key)
        if other is None:
            wider = (one for one in _wider(opening.where) if (key[0], one) in others)
            opening = msgspec.structs.replace(opening, covered_by=next(wider, ""))
            beyond.append(opening)
        elif opening.ports and other.ports:  # no port said, of inbound entries: not compared
            ports = _outside(opening.ports, other.ports)
            if ports:
                beyond.append(msgspec.structs.replace(opening, ports=ports))
    return beyond


def _outside(ports: Iterable[PortRange], others: Iterable[PortRange]) -> set[PortRange]:
    """Ranges that are not wholly within the others taken together."""
    joined: list[PortRange] = []
    for one in sorted(others):
        last = joined[-1] if joined else None
        if last is not None and last.protocol == one.protocol and one.low <= last.high + 1:
            high = max(last.high, one.high)
            joined[-1] = PortRange(last.protocol, last.low, high)
        else:
            joined.append(one)
    return {port for port in ports if not _is_within(port, joined)}


def _is_within(port: PortRange, joined: list[PortRange]) -> bool:
    place = bisect_right(joined, PortRange(port.protocol, port.low, _HIGHEST))
    before = joined[place - 1] if place else None
    return before is not None and before.protocol == port.protocol and port.high <= before.high


def _wider(where: str) -> Iterator[str]:
    """Wildcards that have a host or wildcard within, and networks that have a network within."""
    try:
        network = ipaddress.ip_network(where)
    except ValueError:
        labels = where.split(".")
        yield from (f"*.{'.'.join(labels[place:])}" for place in range(1, len(labels)))
        return
    for length in range(network.prefixlen - 1, -1, -1):
        yield str(network.supernet(new_prefix=length))
