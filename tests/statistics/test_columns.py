"""Records kept as columns come back as they were added."""

from array import array
from typing import NamedTuple

import pytest

from stresser.statistics.columns import Chosen, Columns, NumberBlocks, in_order, sort_by
from stresser.statistics.numerics import np


class Point(NamedTuple):
    x: int
    y: int


def points(*known: tuple[int, int]) -> Columns[Point]:
    columns = Columns(Point._fields, Point._make)
    for one in known:
        columns.append(one)
    return columns


KNOWN = [Point(1, -1), Point(2**40, 3), Point(0, -(2**40)), Point(1, -1)]


def test_records_come_back_in_order():
    columns = points(*KNOWN)
    assert list(columns) == KNOWN
    assert [columns[row] for row in range(len(columns))] == KNOWN
    assert list(columns.column("y")) == [one.y for one in KNOWN]


def test_numbers_are_sorted():
    assert list(in_order([3, -1, 2**40, 3])) == [-1, 3, 3, 2**40]
    assert list(in_order([])) == []


def test_what_is_in_it():
    assert Point(0, -(2**40)) in points(*KNOWN)
    assert Point(0, 1) not in points(*KNOWN)


def test_small_numbers_take_four_bytes_each():
    columns = points(*[(1, 2)] * 1000)
    assert all(columns.column(name).itemsize == 4 for name in Point._fields)
    columns.append((2**31, 0))
    assert [columns.column(name).itemsize for name in Point._fields] == [8, 4]


@pytest.mark.parametrize("beyond", [2**63, 2**70, -(2**63), -(2**70)])
def test_what_no_machine_holds_is_cut(beyond):
    columns = points((beyond, 0))
    assert columns[0].x == max(min(beyond, 2**63 - 1), -(2**63 - 1))


def test_some_of_them():
    columns = points(*KNOWN)
    some = Chosen(columns, array("i", [3]), array("i", [1]))
    assert len(some) == 2
    assert list(some) == [KNOWN[3], KNOWN[1]] == list(some)
    assert list(some.column("x")) == [1, 2**40]
    assert KNOWN[2] not in some
    assert some.numbers("x").tolist() == [1, 2**40]
    assert Chosen(columns).numbers("x").tolist() == []


def test_rows_in_the_order_of_a_column():
    columns = points(*KNOWN)
    rows = array("i", [3, 0, 2, 1])
    sort_by(columns.column("x"), rows)
    assert list(rows) == [2, 3, 0, 1]


def test_blocks_hold_many_numbers_in_their_order():
    numbers = [n * 7 % 5000 for n in range(2500)]
    blocks = NumberBlocks("I")
    for number in numbers:
        blocks.append(number)
    assert len(blocks) == 2500
    assert list(blocks) == numbers == np.asarray(blocks).tolist()
    assert (blocks[2000], blocks[-1], blocks[1020:1030]) == (
        numbers[2000], numbers[-1], numbers[1020:1030]
    )  # fmt: skip
    blocks.replace(2000, 1)
    assert blocks[2000] == 1
    with pytest.raises(IndexError):
        _ = blocks[2500]


def test_blocks_take_larger_numbers_once_they_are_wider():
    blocks = NumberBlocks("I")
    blocks.append(3)
    with pytest.raises(OverflowError):
        blocks.append(2**32)
    wider = blocks.wider("q")
    wider.append(2**32)
    assert (list(wider), wider.itemsize, len(blocks)) == ([3, 2**32], 8, 1)
    assert np.asarray(NumberBlocks("q"), dtype=float).tolist() == []
