"""How close together brackets can lie: the width that most of them need to share one value. Pure.

A drop's moment, its age and its silence are each known as a bracket `(low, high)`; dated ones
have no width. Comparing how tight moments, ages and silences can be shows what the drops have in
common (docs/methods.md, "One moment or one timer").
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, overload

MOST = 0.8
"""The share of a group that has to agree; the rest may be noise."""


class Bracket(NamedTuple):
    """A value lies here, both ends included."""

    low: int
    high: int

    def meets(self, other: "Bracket", pad: int = 0) -> bool:
        """Whether both allow one value, or values no further apart than `pad`."""
        return self.low <= other.high + pad and other.low <= self.high + pad


class Brackets(Sequence[Bracket]):
    """Many of them as two columns: each takes 16 bytes and not 130."""

    def __init__(self, low: "array[int]", high: "array[int]") -> None:
        self.low, self.high = low, high

    @classmethod
    def of(cls, brackets: Iterable[Bracket]) -> "Brackets":
        """These; as they are where they stand in columns already."""
        if isinstance(brackets, cls):
            return brackets
        made = cls(array("q"), array("q"))
        for low, high in brackets:
            made.low.append(low)
            made.high.append(high)
        return made

    def __len__(self) -> int:
        return len(self.low)

    def __iter__(self) -> Iterator[Bracket]:
        return map(Bracket, self.low, self.high)

    @overload
    def __getitem__(self, place: int) -> Bracket: ...

    @overload
    def __getitem__(self, place: slice) -> list[Bracket]: ...

    def __getitem__(self, place: int | slice) -> Bracket | list[Bracket]:
        if isinstance(place, slice):
            return list(map(Bracket, self.low[place], self.high[place]))
        return Bracket(self.low[place], self.high[place])


def common(brackets: Collection[Bracket]) -> Bracket:
    """What all of them allow; where they do not meet, what lies between them."""
    low, high = max(one.low for one in brackets), min(one.high for one in brackets)
    return Bracket(min(low, high), max(low, high))


class Agreement(NamedTuple):
    """Where most brackets agree."""

    width: int
    """How far from one common value they are apart: 0 when one value lies in all of them."""
    low: int
    high: int
    """All of the values that the brackets, each widened by half of `width`, have in common."""


def agreement(brackets: Sequence[Bracket], share: float = MOST) -> Agreement | None:
    """The least width at which `share` of the brackets have a value in common.

    None without brackets. O(n log n): as many overlap where one of them begins as have begun by
    then, less those that have ended, each `width` later.
    """
    if not brackets:
        return None
    enough = max(1, _ceil(share * len(brackets)))
    lows = sorted(bracket.low for bracket in brackets)
    highs = sorted(bracket.high for bracket in brackets)
    apart = (low - high for low, high in zip(lows[enough - 1 :], highs, strict=False))
    width = max(min(apart), 0)
    low, high = _overlap(lows, highs, width)
    return Agreement(width, low, high)


def _overlap(lows: Sequence[int], highs: Sequence[int], width: int) -> tuple[int, int]:
    """Where most brackets have a value in common when each grows by `width`."""
    best, at, until, ended = 0, lows[0], highs[0] + width, 0
    for begun, low in enumerate(lows, 1):
        while highs[ended] + width < low:
            ended += 1
        if begun - ended > best:
            best, at, until = begun - ended, low, highs[ended] + width
    return at, until


def _ceil(value: float) -> int:
    whole = int(value)
    return whole if value - whole < 1e-9 else whole + 1  # noqa: PLR2004 - rounding of a product
