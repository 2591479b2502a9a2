"""Which addresses each endpoint's name had through each egress, and what that may mean.

Two egresses that reach different sites of one service are no comparison of two ways to the same.
"""

from collections.abc import Collection, Iterator
from itertools import islice

from stresser.model.units import escaped

_MOST_WAYS = 10_000
_MOST_ADDRESSES = 256
_LONGEST_ADDRESS = 64
_MOST_SHOWN = 3
_MOST_SENTENCES = 20


class _Way:
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
        self._endpoints: dict[str, dict[str, _Way]] = {}
        self._ways = 0

    def looked_up(self, endpoint: str, egress: str, addresses: Collection[str]) -> None:
        """A look-up of ours gave addresses that this way had not had."""
        way = self._way(endpoint, egress)
        if way is None:
            return
        way.varied = way.varied or bool(way.addresses)
        room = max(_MOST_ADDRESSES - len(way.addresses), 0)
        cut = (address[:_LONGEST_ADDRESS] for address in addresses)
        way.addresses |= dict.fromkeys(islice(cut, room))

    def resolved_by_proxy(self, endpoint: str, egress: str) -> None:
        """A proxy looked the name up."""
        way = self._way(endpoint, egress)
        if way is not None:
            way.by_proxy = True

    def findings(self) -> list[str]:
        """Egresses through which an endpoint's name had no address in common."""
        said = [line for name, ways in self._endpoints.items() for line in _apart(name, ways)]
        return said[:_MOST_SENTENCES]

    def notes(self) -> list[str]:
        """What leaves it open whether the same site was reached."""
        said = [line for name, ways in self._endpoints.items() for line in _open(name, ways)]
        return said[:_MOST_SENTENCES]

    def _way(self, endpoint: str, egress: str) -> _Way | None:
        way = self._endpoints.get(endpoint, {}).get(egress)
        if way is None and self._ways < _MOST_WAYS:
            self._ways += 1
            way = self._endpoints.setdefault(endpoint, {})[egress] = _Way()
        return way


def _apart(endpoint: str, ways: dict[str, _Way]) -> Iterator[str]:
    known = [(egress, way) for egress, way in ways.items() if way.addresses]
    for egress, way in known[1:]:
        first, other = known[0]
        if not other.addresses.keys() & way.addresses.keys():
            yield (
                f"{_name(endpoint)} resolved to {_list(other)} through {_name(first)} and to"
                f" {_list(way)} through {_name(egress)}: the two may reach different sites."
            )


def _open(endpoint: str, ways: dict[str, _Way]) -> Iterator[str]:
    known = {egress: way for egress, way in ways.items() if way.addresses}
    for egress, way in known.items():
        if way.varied:
            yield (
                f"Look-ups of {_name(endpoint)} through {_name(egress)} did not all give the same:"
                f" {len(way.addresses)} addresses in all, so sessions may have reached different"
                " sites."
            )
    blind = [egress for egress, way in ways.items() if way.by_proxy]
    if blind and len(ways) > 1:
        names = ", ".join(_name(egress) for egress in blind[:_MOST_SHOWN])
        yield (
            f"Through {names} the proxy looked {_name(endpoint)} up: whether it reaches the same"
            " site as the other egresses is not known."
        )


def _list(way: _Way) -> str:
    shown = [_name(address) for address in list(way.addresses)[:_MOST_SHOWN]]
    more = len(way.addresses) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _name(text: str) -> str:
    return escaped(text, 60)
