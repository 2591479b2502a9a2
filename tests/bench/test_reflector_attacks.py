"""The ratio by hand; that the attacks are made is seen when they are measured."""

import pytest

from bench.attackers import KINDS, Attackers
from bench.reflector_attacks import ratio_of


def test_each_attacked_window_is_beside_the_quiet_ones_around_it():
    assert ratio_of([1, 3, 1], [4, 4]) == pytest.approx(2)
    assert ratio_of([1, 1, 1, 1], [1, 9, 1]) == pytest.approx(1)  # one odd window is no trend


def test_each_kind_is_an_attack():
    assert all(callable(getattr(Attackers, kind)) for kind in KINDS)
