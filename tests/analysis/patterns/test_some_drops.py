"""Some drops are looked at by their numbers, and are those of the run."""

import tracemalloc

import pytest

from stresser.analysis.patterns.some_drops import SomeDrops, some_drops
from tests.analysis.patterns.test_session_lives import lives_of
from tests.analysis.story import VPN, Story


@pytest.fixture(scope="module")
def drops():
    story = Story([VPN], 1)
    for second in range(1, 9):
        story.drops(story.opens(VPN, second), 20 + second)
    return lives_of(story).drops


def test_they_are_the_runs_own_in_their_order(drops):
    chosen = some_drops(drops[number] for number in (5, 2, 7))
    assert isinstance(chosen, SomeDrops)
    assert list(chosen) == [drops[5], drops[2], drops[7]]
    assert (chosen[1], chosen[-1], chosen[1:]) == (drops[2], drops[7], [drops[2], drops[7]])
    assert (len(chosen), drops[3] in chosen) == (3, False)


def test_of_one_or_none_nothing_is_made(drops):
    assert some_drops([drops[4]]) == (drops[4],)
    assert some_drops([]) == ()


def test_thousands_take_little(drops):
    tracemalloc.start()
    many = some_drops(drops[1] for _ in range(10_000))
    took, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(many) == 10_000
    assert took < 60_000
