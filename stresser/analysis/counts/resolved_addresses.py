"""Which addresses each endpoint's name had through each egress, and what that may mean.

Two egresses that reach different sites of one service are no comparison of two paths to the same.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple

_MOST_PAIRS = 10_000
_MOST_ADDRESSES = 256
_LONGEST_ADDRESS = 64
_MOST_FOUND = 20


class SitesApart(NamedTuple):
    """Two egresses through which an endpoint's name had no address in common."""

    endpoint: str
    egresses: tuple[str, str]
    addresses: tuple[tuple[str, ...], tuple[str, ...]]


class SitesInDoubt(NamedTuple):
    """Egresses of which it is open whether they reach one site."""

    endpoint: str
    egresses: tuple[str, ...]
    addresses: int
    """How many the look-ups of one egress gave in all; 0: a proxy looked the name up."""


class _LookedUp:
    """One endpoint through one egress."""

    __slots__ = ("addresses", "by_proxy", "varied")

    def __init__(self) -> None:
        self.addresses: dict[str, None] = {}
        self.varied = False
        """A later look-up gave an address that an earlier one had not."""
        self.by_proxy = False


class Sites:
    """What look-ups gave, by endpoint and egress. Bounded."""

    def __init__(self) -> None:
        self._endpoints: dict[str, dict[str, _LookedUp]] = {}
        self._pairs = 0

    def looked_up(self, endpoint: str, egress: str, addresses: Collection[str]) -> None:
        """A look-up of ours gave addresses that this pair had not had.

        Each worker, and each part of a run, has a first one of its own: what it repeats is no news.
        """
        pair = self._pair(endpoint, egress)
        if pair is None:
            return
        cut = (address[:_LONGEST_ADDRESS] for address in addresses)
        new = [address for address in cut if address not in pair.addresses]
        pair.varied = pair.varied or bool(new and pair.addresses)
        room = max(_MOST_ADDRESSES - len(pair.addresses), 0)
        pair.addresses |= dict.fromkeys(islice(new, room))

    def resolved_by_proxy(self, endpoint: str, egress: str) -> None:
        """A proxy looked the name up."""
        pair = self._pair(endpoint, egress)
        if pair is not None:
            pair.by_proxy = True

    def apart(self) -> list[SitesApart]:
        """Egresses through which an endpoint's name had no address in common."""
        found = (one for name, pairs in self._endpoints.items() for one in _apart(name, pairs))
        return list(islice(found, _MOST_FOUND))

    def in_doubt(self) -> list[SitesInDoubt]:
        """What leaves it open whether the same site was reached."""
        found = (one for name, pairs in self._endpoints.items() for one in _in_doubt(name, pairs))
        return list(islice(found, _MOST_FOUND))

    def _pair(self, endpoint: str, egress: str) -> _LookedUp | None:
        pair = self._endpoints.get(endpoint, {}).get(egress)
        if pair is None and self._pairs < _MOST_PAIRS:
            self._pairs += 1
            pair = self._endpoints.setdefault(endpoint, {})[egress] = _LookedUp()
        return pair


def _apart(endpoint: str, pairs: dict[str, _LookedUp]) -> Iterator[SitesApart]:
    known = [(egress, tuple(pair.addresses)) for egress, pair in pairs.items() if pair.addresses]
    for egress, addresses in known[1:]:
        first, others = known[0]
        if not set(others) & set(addresses):
            yield SitesApart(endpoint, (first, egress), (others, addresses))


def _in_doubt(endpoint: str, pairs: dict[str, _LookedUp]) -> Iterator[SitesInDoubt]:
    for egress, pair in pairs.items():
        if pair.varied and pair.addresses:
            yield SitesInDoubt(endpoint, (egress,), len(pair.addresses))
    blind = tuple(egress for egress, pair in pairs.items() if pair.by_proxy)
    if blind and len(pairs) > 1:
        yield SitesInDoubt(endpoint, blind, 0)
