"""The proxies that a PAC names for one endpoint through one egress, and which failed lately.

As Chromium keeps them (net/proxy_resolution): an entry that failed is tried last for five minutes.
"""

import trio
from msgspec.structs import replace

from stresser.model.cohort import Pair
from stresser.model.proxy_chosen import ProxyChosen
from stresser.net.proxy import ProxyHop
from stresser.scenario.pac_answer import PacAnswer, entry_name
from stresser.witness.clock import RunClock

RETRY_AFTER_S = 300.0


class ProxyEntries:
    """One for each endpoint and egress that a PAC was asked about; shared by its cohorts."""

    def __init__(self, pair: Pair, said: PacAnswer, hops: tuple[ProxyHop | None, ...]) -> None:
        """`hops`: the entries, ready to use; None: directly."""
        self.hops = hops
        self.said = said
        self.names = [entry_name(None if hop is None else hop.proxy) for hop in hops]
        self._pair = pair
        self._failed_until_s: dict[int, float] = {}
        self._told = 0

    def order(self) -> list[int]:
        """In which order they are tried now: those that failed lately last."""
        now = trio.current_time()
        every = range(len(self.hops))
        return sorted(every, key=lambda n: self._failed_until_s.get(n, now) > now)

    def first(self, clock: RunClock) -> ProxyChosen:
        """What is told when a run begins."""
        now = clock.now_ns()
        return ProxyChosen(
            t_ns=now,
            utc=clock.utc(now),
            endpoint=self._pair.endpoint,
            egress=self._pair.egress,
            source=self.said.source,
            url=self.said.url,
            answer=self.said.answer,
            entries=self.names,
            chosen=self.names[0],
            without_pac=self.said.failure,
        )

    def failed(self, entry: int) -> None:
        """A proxy could not be reached, or did not do its part. Going directly is always tried."""
        if self.hops[entry] is not None:
            self._failed_until_s[entry] = trio.current_time() + RETRY_AFTER_S

    def taken(
        self, entry: int, clock: RunClock, attempt: int, after: tuple[int, str] | None = None
    ) -> ProxyChosen | None:
        """What is to be told where another entry is taken than was told last; None: nothing.

        Args:
            entry: which is taken from now on.
            clock: the run's.
            attempt: which has failed; or which opened.
            after: the entry that failed, and how.
        """
        if entry == self._told:
            return None
        self._told = entry
        told = replace(self.first(clock), chosen=self.names[entry], attempt=attempt)
        if after is None:
            return told
        return replace(told, instead_of=self.names[after[0]], failure=after[1])
