"""The hop after which the flows, or the ClientHellos, of one diagnosis stop.

Of many that end at once only the first few are walked: where all of those agree, and two at least,
they speak for the others.
"""

from collections import Counter
from collections.abc import Collection, Iterable

import msgspec
from msgspec import Struct

from stresser.classify.hop_reading import names_a_box
from stresser.model.hops import Hop, HopReading, HopWalk
from stresser.model.units import escaped

_LONGEST = 64
_FEWEST = 2


class HopStop(Struct, frozen=True, kw_only=True):
    """Where they stop."""

    after: int
    """The number of the last hop that they reach."""
    address: str | None
    """Its address."""
    next: int | None = None
    """The number of the first hop beyond it that answers others, and its address."""
    next_address: str | None = None
    alone: bool
    """New connections pass it; else nothing does."""
    hello: bool = False
    """It is ClientHellos that stop there, not held flows."""
    walks: int
    """So many walks show it."""
    of_walks: int
    """Of so many that came to a result."""

    @property
    def is_agreed(self) -> bool:
        """No walk shows anything else."""
        return self.walks == self.of_walks

    @property
    def place(self) -> str:
        """`after hop 2 (203.0.113.1)`."""
        return f"after hop {self.after} ({escaped(self.address or 'silent', _LONGEST)})"

    @property
    def says(self) -> str:
        """One sentence."""
        what = "ClientHello" if self.hello else "flow"
        walked = f"{self.walks} of {self.of_walks} walked {what}{'s' * (self.of_walks != 1)}"
        stop = "stop" if self.walks != 1 else "stops"
        beyond = "" if self.next is None else f", to hop {self.next} ({self.next_address})"
        others = "an empty segment" if self.hello else "a new connection"
        if self.alone:
            return f"{walked} {stop} {self.place}; {others} passes it{beyond}."
        return f"{walked} {stop} {self.place}, which no new connection passes either."


def hop_stop(walks: Iterable[HopWalk | None], endings: int) -> HopStop | None:
    """Where most of the walks of so many endings show that they stop; None: too few do."""
    decided = [one for one in walks if one is not None and one.reading is not HopReading.UNDECIDED]
    found = Counter(key for one in decided if (key := _key(one)) is not None)
    if not found:
        return None
    (last, alone, hello), count = found.most_common(1)[0]
    if count < min(_FEWEST, endings) or 2 * count <= len(decided):
        return None
    agreeing = [one for one in decided if _key(one) == (last, alone, hello)]
    beyond = agreeing[0].next
    return HopStop(
        after=last.number,
        address=last.address,
        next=None if beyond is None else beyond.number,
        next_address=None if beyond is None else escaped(beyond.address or "silent", _LONGEST),
        alone=alone,
        hello=hello,
        walks=_made(agreeing),
        of_walks=_made(decided),
    )


def _made(walks: Collection[HopWalk]) -> int:
    """How many walks these were: one of ClientHellos is told of all attempts of its minute."""
    hellos = [msgspec.json.encode(one) for one in walks if one.hello is not None]
    return len(walks) - len(hellos) + len(set(hellos))


def _key(walk: HopWalk) -> tuple[Hop, bool, bool] | None:
    """What is the same where walks agree."""
    alone = names_a_box(walk)
    if walk.last is None or not (alone or walk.reading is HopReading.STOPS_LIKE_ALL):
        return None
    return Hop(number=walk.last.number, address=walk.last.address), alone, walk.hello is not None
