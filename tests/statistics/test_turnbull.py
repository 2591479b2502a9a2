import numpy as np
import pytest

from stresser.statistics.survival import kaplan_meier
from stresser.statistics.turnbull import turnbull

pytestmark = pytest.mark.slow


def made_brackets(seed, count=150, censored=0.3):
    """Lifetimes seen through heartbeats of random phase; some are exact, some censored."""
    random = np.random.default_rng(seed)
    lived = random.exponential(50, count)
    every = random.uniform(5, 25, count)
    start = random.uniform(0, 1, count) * every
    alive = np.where(lived > start, start + np.floor((lived - start) / every) * every, 0)
    dead = np.where(lived > start, alive + every, start)
    exact = random.random(count) < 0.2
    alive, dead = np.where(exact, lived, alive), np.where(exact, lived, dead)
    dead = np.where(random.random(count) < censored, np.inf, dead)
    return alive, dead


@pytest.mark.parametrize("seed", range(4))
def test_the_estimate_agrees_with_lifelines(seed):
    from tests.statistics.judges import npmle

    alive, dead = made_brackets(seed)
    ours = turnbull(alive, dead)
    theirs, ranges = npmle(alive, dead, tol=1e-13, max_iter=100_000)
    found = {
        (range_.left, range_.right): mass
        for range_, mass in zip(ranges, theirs, strict=True)
        if mass > 1e-6
    }
    assert ours.gap < 1e-9
    masses = dict(zip(zip(ours.left, ours.right, strict=True), ours.mass, strict=True))
    for key in found | masses:
        assert masses.get(key, 0) == pytest.approx(found.get(key, 0), abs=1e-6)


def test_exact_and_censored_lifetimes_give_the_kaplan_meier_curve():
    random = np.random.default_rng(3)
    lived, watched = random.exponential(50, 200), random.uniform(10, 200, 200)
    died = lived <= watched
    alive = np.minimum(lived, watched)
    ours = turnbull(alive, np.where(died, alive, np.inf))
    curve = kaplan_meier(alive, died)
    for time, survival in zip(curve.times, curve.survival, strict=True):
        assert ours.survival_after(time) == pytest.approx(survival, abs=1e-6)


def test_brackets_that_only_touch_share_nothing():
    ours = turnbull([0, 10], [10, 20])
    assert list(zip(ours.left, ours.right, ours.mass, strict=True)) == [(0, 10, 0.5), (10, 20, 0.5)]


def test_an_exact_death_lies_in_the_bracket_that_ends_with_it():
    ours = turnbull([0, 10], [10, 10])
    assert list(zip(ours.left, ours.right, ours.mass, strict=True)) == [(10, 10, 1)]


def test_ten_thousand_brackets_take_seconds_at_most():
    alive, dead = made_brackets(9, count=10_000)
    ours = turnbull(alive, dead)
    assert ours.gap < 1e-9
    assert ours.mass.sum() == pytest.approx(1)
    assert ours.survival_after(50) == pytest.approx(np.exp(-1), abs=0.15)


def test_what_is_no_bracket_is_refused():
    with pytest.raises(ValueError, match="proof of life"):
        turnbull([5], [4])
    with pytest.raises(ValueError, match="proof of life"):
        turnbull([], [])
