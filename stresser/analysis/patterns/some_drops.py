"""Some drops of one run, as their numbers: most of a run's are in one incident or another. Pure."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from stresser.analysis.patterns.session_lives import Drop, DropRows


class SomeDrops(Sequence[Drop]):
    """Made when they are looked at."""

    __slots__ = ("_among", "_numbers")

    def __init__(self, among: DropRows, numbers: Iterable[int]) -> None:
        self._among, self._numbers = among, array("i", numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Drop]:
        return map(self._among.__getitem__, self._numbers)

    @overload
    def __getitem__(self, place: int) -> Drop: ...

    @overload
    def __getitem__(self, place: slice) -> list[Drop]: ...

    def __getitem__(self, place: int | slice) -> Drop | list[Drop]:
        if isinstance(place, slice):
            return list(map(self._among.__getitem__, self._numbers[place]))
        return self._among[self._numbers[place]]


def some_drops(drops: Iterable[Drop]) -> Sequence[Drop]:
    """These, all of one run."""
    made = tuple(drops)
    return SomeDrops(made[0].among, (drop.number for drop in made)) if len(made) > 1 else made
