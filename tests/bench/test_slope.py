import random

import pytest

from bench.slope import BLOCKS, slope

SECONDS = list(range(240))


def series(growth_per_s, noise, seed=1):
    chance = random.Random(seed)  # noqa: S311 - noise, no secret
    return [50_000 + growth_per_s * t + chance.gauss(0, noise) for t in SECONDS]


def test_a_constant_is_flat_and_shown_to_be():
    found = slope(SECONDS, [7] * len(SECONDS))
    assert (found.per_second, found.low, found.high) == (0, 0, 0)
    assert found.flat
    assert found.shown_flat


def test_the_slope_lies_in_its_interval():
    found = slope(SECONDS, series(growth_per_s=20, noise=100))
    assert found.low < 20 < found.high
    assert found.per_second == pytest.approx(20, rel=0.05)


def test_growth_beyond_the_tolerance_is_not_flat():
    assert not slope(SECONDS, series(growth_per_s=20, noise=100)).flat


def test_growth_that_does_not_matter_is_flat():
    found = slope(SECONDS, series(growth_per_s=0.1, noise=0.5))
    assert found.low > 0
    assert found.flat


def test_a_shorter_series_does_not_pass_more_easily():
    growing = series(growth_per_s=5, noise=1)
    assert not slope(SECONDS[:60], growing[:60]).flat
    assert not slope(SECONDS, growing).flat


def test_noise_too_loud_to_tell_is_not_shown_flat():
    found = slope(SECONDS, series(growth_per_s=0, noise=20_000))
    assert found.flat
    assert not found.shown_flat


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    found = [slope(SECONDS, series(growth_per_s=3, noise=500, seed=seed)) for seed in range(200)]
    inside = sum(one.low <= 3 <= one.high for one in found)
    assert 180 <= inside <= 198


def test_too_few_samples_are_no_series():
    with pytest.raises(ValueError, match="too few"):
        slope(range(2 * BLOCKS - 1), [1] * (2 * BLOCKS - 1))
