"""Many records of whole numbers as columns: a record takes some 50 bytes instead of 400. Pure.

A record is made when it is looked at. Who asks all of them for one number asks the column.
"""

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, Generic, TypeVar, overload

from stresser.statistics.numerics import Numbers, np

R = TypeVar("R")
_BLOCK = 1024
_LARGEST = 2**63 - 1
"""Only a file made by hand has larger numbers."""


def in_order(numbers: Iterable[int]) -> "array[int]":
    """These numbers sorted, eight bytes each: no list of objects is made of them."""
    column = array("q", numbers)
    if column:
        np.frombuffer(column, np.int64).sort()
    return column


def is_in_order(numbers: Iterable[int]) -> bool:
    """Whether none is less than the one before it."""
    return all(low <= high for low, high in pairwise(numbers))


def reorder(column: "array[int] | array[float]", order: Numbers) -> None:
    """Put the number at each of these places where the place stands; none becomes an object."""
    numbers = np.asarray(column)
    numbers[:] = numbers[order]


def sort_by(column: "array[int]", rows: "array[int]") -> None:
    """Put rows into the order of what a column says of them."""
    reorder(rows, np.argsort(np.asarray(column)[np.asarray(rows)], kind="stable"))


class NumberBlocks(Sequence[int]):
    """Whole numbers that become many, in blocks of one size.

    An array that grows is moved again and again; a hundred of them that grow side by side leave
    holes of as much memory as they take in the end.
    """

    __slots__ = ("_blocks", "_last", "_typecode")

    def __init__(self, typecode: str) -> None:
        self._typecode = typecode
        self._last = array(typecode)
        self._blocks = [self._last]

    def append(self, number: int) -> None:
        """Add a number.

        Raises:
            OverflowError: it takes more bytes than these.
        """
        if len(self._last) == _BLOCK:
            self._last = array(self._typecode)
            self._blocks.append(self._last)
        self._last.append(number)

    def replace(self, place: int, number: int) -> None:
        """Put a number in the place of another; raises as `append`."""
        self._blocks[place // _BLOCK][place % _BLOCK] = number

    def wider(self, typecode: str) -> "NumberBlocks":
        """The same numbers with room for larger ones."""
        made = NumberBlocks(typecode)
        made._blocks = [array(typecode, block) for block in self._blocks]
        made._last = made._blocks[-1]
        return made

    @property
    def itemsize(self) -> int:
        """Bytes of each."""
        return self._last.itemsize

    def __len__(self) -> int:
        return _BLOCK * (len(self._blocks) - 1) + len(self._last)

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._blocks)

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> list[int]: ...

    def __getitem__(self, place: int | slice) -> int | list[int]:
        if isinstance(place, slice):
            return list(self)[place]
        block, rest = divmod(range(len(self))[place], _BLOCK)
        return self._blocks[block][rest]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Numbers:  # noqa: FBT001 - numpy's protocol
        """As numpy asks for it."""
        del copy  # it always is one
        joined: Numbers = np.concatenate([np.asarray(block) for block in self._blocks])
        return joined if dtype is None else joined.astype(dtype, copy=False)


class Columns(Collection[R], Generic[R]):
    """Records in the order in which they were added; `make` makes one of its numbers."""

    def __init__(self, names: Sequence[str], make: Callable[[Iterable[int]], R]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._columns = [array("i") for _ in names]
        self._make = make

    def clear(self) -> None:
        """Forget all records."""
        self._columns = [array("i") for _ in self._columns]

    def append(self, numbers: Iterable[int]) -> None:
        """Add a record. A column whose numbers take more than four bytes becomes one of eight."""
        for place, number in enumerate(numbers):
            try:
                self._columns[place].append(number)
            except OverflowError:
                self._columns[place] = array("q", self._columns[place])
                self._columns[place].append(min(max(number, -_LARGEST), _LARGEST))

    def column(self, name: str) -> "array[int]":
        """One number of each record."""
        return self._columns[self._places[name]]

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[R]:
        return map(self._make, zip(*self._columns, strict=True))

    def __getitem__(self, row: int) -> R:
        return self._make([column[row] for column in self._columns])

    def __contains__(self, record: object) -> bool:
        return any(record == one for one in self)

    def rows(self, rows: Sequence[int]) -> Iterator[R]:
        """These records, in this order."""
        columns = (map(column.__getitem__, rows) for column in self._columns)
        return map(self._make, zip(*columns, strict=True))


class Chosen(Collection[R], Generic[R]):
    """Some of the records, by their rows; arrays of these may be others' as well."""

    def __init__(self, whole: Columns[R], *rows: "array[int]") -> None:
        self._whole, self._rows = whole, rows

    def column(self, name: str) -> Iterator[int]:
        """One number of each record."""
        return map(self._whole.column(name).__getitem__, chain.from_iterable(self._rows))

    def numbers(self, name: str) -> Numbers:
        """The same as an array of 64 bits."""
        column = np.asarray(self._whole.column(name))
        empty = np.zeros(0, np.int64)
        return np.concatenate([empty, *(column[np.asarray(rows)] for rows in self._rows)])

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    def __iter__(self) -> Iterator[R]:
        return chain.from_iterable(map(self._whole.rows, self._rows))

    def __contains__(self, record: object) -> bool:
        return any(record == one for one in self)
