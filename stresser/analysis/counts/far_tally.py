"""What the far ends of one egress' sessions add up to: loss on either way, addresses, half-open."""

from msgspec import Struct

from stresser.analysis.counts.percentiles import Distributions, Percentiles, joined, percentiles_of
from stresser.model.events import SessionEnded
from stresser.model.far_end import FarEnd, OneWay
from stresser.model.quantity import Quantity

_MOST_ADDRESSES = 16


class LossFigures(Struct, frozen=True, kw_only=True):
    """Segments with data in one direction."""

    sent: int = 0
    lost: int = 0

    @property
    def share(self) -> float:
        """Of those sent."""
        return self.lost / self.sent if self.sent else 0.0


class BothEndsFigures(Struct, frozen=True, kw_only=True):
    """Of one egress, as far as reflectors gave an account."""

    egress: str
    sessions: int
    """Ended ones of which an account came."""
    there: LossFigures
    """From this host to the far end."""
    back: LossFigures
    split: int
    """Sessions whose two ends counted segments of different connections: TCP ends in between."""
    addresses: list[str]
    """From which the far end saw them come, the first sixteen."""
    ports_rewritten: int
    """Sessions that the far end saw come from another port than ours."""
    half_open_ns: int
    """The longest time for which one end still held a session that had ended at the other."""
    varied_there: Percentiles | None = None
    """By how much pings took longer to the far end than the fastest of their 20 seconds did:
    `Quantity.VARIATION_THERE`."""
    varied_back: Percentiles | None = None
    """The same of the answers."""


class FarTally:
    """Counts for one egress."""

    def __init__(self) -> None:
        self._sessions = self._split = self._rewritten = self._half_open_ns = 0
        self._sent, self._lost = [0, 0], [0, 0]
        self._addresses: dict[str, None] = {}

    def ended(self, event: SessionEnded, far: FarEnd) -> None:
        """One more session."""
        self._sessions += 1
        host, _, port = far.peer.rpartition(":")
        if len(self._addresses) < _MOST_ADDRESSES:
            self._addresses[host] = None
        self._rewritten += port != (event.local or "").rpartition(":")[2]
        held_longer_ns = far.held_longer_ns(event.ending.dead_by_ns)
        self._half_open_ns = max(self._half_open_ns, abs(held_longer_ns))
        if far.there is not None and far.back is not None:
            self._count(far.there, far.back)

    def _count(self, *ways: OneWay) -> None:
        self._split += any(one.is_split for one in ways)
        lost = [one.lost for one in ways]
        if None in lost:
            return
        for place, way in enumerate(ways):
            self._sent[place] += way.sent
            self._lost[place] += lost[place] or 0

    def figures(self, egress: str, distributions: Distributions) -> BothEndsFigures:
        """What was counted; one that was on its way at one session makes up for another's."""
        there, back = (
            LossFigures(sent=sent, lost=max(lost, 0))
            for sent, lost in zip(self._sent, self._lost, strict=True)
        )
        return BothEndsFigures(
            egress=egress,
            sessions=self._sessions,
            there=there,
            back=back,
            split=self._split,
            addresses=list(self._addresses),
            ports_rewritten=self._rewritten,
            half_open_ns=self._half_open_ns,
            varied_there=_of_egress(Quantity.VARIATION_THERE, egress, distributions),
            varied_back=_of_egress(Quantity.VARIATION_BACK, egress, distributions),
        )


def _of_egress(quantity: Quantity, egress: str, distributions: Distributions) -> Percentiles | None:
    return percentiles_of(
        joined(
            one
            for (what, cohort), one in distributions.items()
            if what is quantity and cohort is not None and cohort.egress == egress
        )
    )
