"""Which chains one endpoint showed through each egress, and which of them through all.

An interceptor makes a chain of its own. The very same chain through every egress is the endpoint's,
or that of a box before all of them: from here the two look alike, and no interceptor is named.
"""

_MOST_EGRESSES = 256
_MOST_CHAINS = 32
_FEWEST = 2


class SharedChains:
    """The chains of one endpoint. Bounded: of a chain too many none is known to be shared."""

    __slots__ = ("_by_egress",)

    def __init__(self) -> None:
        self._by_egress: dict[str, set[str]] = {}

    def saw(self, egress: str, chain: str) -> None:
        """A handshake through an egress showed this chain."""
        seen = self._by_egress.get(egress)
        if seen is None:
            if len(self._by_egress) >= _MOST_EGRESSES:
                return
            seen = self._by_egress[egress] = set()
        if len(seen) < _MOST_CHAINS:
            seen.add(chain)

    def is_shared(self, chain: str) -> bool:
        """Every egress that showed a chain, and there are two at least, showed this one."""
        egresses = self._by_egress.values()
        return len(egresses) >= _FEWEST and all(chain in seen for seen in egresses)

    @property
    def egresses(self) -> tuple[str, ...]:
        """Those that showed a chain."""
        return tuple(self._by_egress)
