"""Damaged packets, routing messages, answers of proxies, hellos, signatures: read or refused."""

import pytest

from tests.fuzz.damage import Rounds, damaged
from tests.fuzz.parsers import PARSERS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]


@pytest.mark.parametrize("name", PARSERS)
def test_the_seeds_and_what_becomes_of_them_are_no_error(name):
    check, seeds = PARSERS[name]
    for seed in seeds:
        check(seed)
    for dice in Rounds(name):
        data = damaged(dice.choice(seeds), dice)
        try:
            check(data)
        except Exception as exc:
            raise AssertionError(f"{name}: {data[:2000]!r}") from exc
