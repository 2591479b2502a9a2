"""Which addresses each endpoint's name had through each egress, and what that may mean.

Two egresses that reach different sites of one service are no comparison of two paths to the same.
"""

from collections.abc import Collection, Iterator
from itertools import islice

from stresser.model.units import escaped

_MOST_PAIRS = 10_000
_MOST_ADDRESSES = 256
_LONGEST_ADDRESS = 64
_MOST_SHOWN = 3
_MOST_SENTENCES = 20


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
        """A look-up of ours gave addresses that this pair had not had."""
        pair = self._pair(endpoint, egress)
        if pair is None:
            return
        pair.varied = pair.varied or bool(pair.addresses)
        room = max(_MOST_ADDRESSES - len(pair.addresses), 0)
        cut = (address[:_LONGEST_ADDRESS] for address in addresses)
        pair.addresses |= dict.fromkeys(islice(cut, room))

    def resolved_by_proxy(self, endpoint: str, egress: str) -> None:
        """A proxy looked the name up."""
        pair = self._pair(endpoint, egress)
        if pair is not None:
            pair.by_proxy = True

    def findings(self) -> list[str]:
        """Egresses through which an endpoint's name had no address in common."""
        said = [line for name, pairs in self._endpoints.items() for line in _apart(name, pairs)]
        return said[:_MOST_SENTENCES]

    def notes(self) -> list[str]:
        """What leaves it open whether the same site was reached."""
        said = [line for name, pairs in self._endpoints.items() for line in _open(name, pairs)]
        return said[:_MOST_SENTENCES]

    def _pair(self, endpoint: str, egress: str) -> _LookedUp | None:
        pair = self._endpoints.get(endpoint, {}).get(egress)
        if pair is None and self._pairs < _MOST_PAIRS:
            self._pairs += 1
            pair = self._endpoints.setdefault(endpoint, {})[egress] = _LookedUp()
        return pair


def _apart(endpoint: str, pairs: dict[str, _LookedUp]) -> Iterator[str]:
    known = [(egress, pair) for egress, pair in pairs.items() if pair.addresses]
    for egress, pair in known[1:]:
        first, other = known[0]
        if not other.addresses.keys() & pair.addresses.keys():
            yield (
                f"{_name(endpoint)} resolved to {_list(other)} through {_name(first)} and to"
                f" {_list(pair)} through {_name(egress)}: the two may reach different sites."
            )


def _open(endpoint: str, pairs: dict[str, _LookedUp]) -> Iterator[str]:
    known = {egress: pair for egress, pair in pairs.items() if pair.addresses}
    for egress, pair in known.items():
        if pair.varied:
            yield (
                f"Look-ups of {_name(endpoint)} through {_name(egress)} did not all give the same"
                f" addresses ({len(pair.addresses)} in all), so sessions may have reached different"
                " sites."
            )
    blind = [egress for egress, pair in pairs.items() if pair.by_proxy]
    if blind and len(pairs) > 1:
        names = ", ".join(_name(egress) for egress in blind[:_MOST_SHOWN])
        yield (
            f"Through {names} the proxy looked {_name(endpoint)} up: whether it reaches the same"
            " site as the other egresses is not known."
        )


def _list(pair: _LookedUp) -> str:
    shown = [_name(address) for address in list(pair.addresses)[:_MOST_SHOWN]]
    more = len(pair.addresses) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _name(text: str) -> str:
    return escaped(text, 60)
