"""What PAC files said when a run began, and when sessions took another proxy. Bounded."""

from stresser.model.cohort import Pair
from stresser.model.proxy_chosen import ProxyChosen

_MOST_PAIRS = 10_000
_MOST_CHANGES = 10


class ProxyTally:
    """Of one run."""

    def __init__(self) -> None:
        self.at_first: dict[Pair, ProxyChosen] = {}
        """By endpoint and egress."""
        self.changes = 0
        self.first_changes: list[ProxyChosen] = []
        """The first few of them."""

    def event(self, event: ProxyChosen) -> None:
        """One event, in order."""
        if event.attempt is None:
            if len(self.at_first) < _MOST_PAIRS:
                self.at_first.setdefault(Pair(event.endpoint, event.egress), event)
            return
        self.changes += 1
        if len(self.first_changes) < _MOST_CHANGES:
            self.first_changes.append(event)
