from math import inf, isnan

import numpy as np
import pytest
import scipy

from stresser.statistics.rates import (
    Dispersion,
    dispersion,
    holm,
    needed_incidents,
    rate_interval,
    rate_ratio,
    smallest_ratio,
    thinned,
    widened,
)

COUNTS = [(7, 41, 100, 100), (0, 6, 80, 90), (3, 0, 10, 20), (250, 310, 1600, 1500), (1, 1, 5, 4)]


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 7, 41, 10_000])
def test_the_interval_of_a_rate_agrees_with_statsmodels(count):
    from tests.statistics.judges import confint_poisson

    theirs = confint_poisson(count, 123.4, method="exact-c")
    assert rate_interval(count, 123.4) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("baseline", "candidate", "hours", "other_hours"), COUNTS)
def test_the_interval_of_a_ratio_agrees_with_statsmodels(baseline, candidate, hours, other_hours):
    from tests.statistics.judges import proportion_confint

    ours = rate_ratio(baseline, candidate, hours, other_hours)
    low, high = proportion_confint(candidate, baseline + candidate, method="beta")
    scale = hours / other_hours
    assert ours.interval.low == pytest.approx(low / (1 - low) * scale, rel=1e-6)
    theirs_high = inf if high == 1 else high / (1 - high) * scale
    assert ours.interval.high == pytest.approx(theirs_high, rel=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:divide by zero")  # statsmodels', of a ratio that we do not use
@pytest.mark.parametrize(("baseline", "candidate", "hours", "other_hours"), COUNTS)
def test_the_p_value_is_twice_the_smaller_exact_tail(baseline, candidate, hours, other_hours):
    from tests.statistics.judges import poisson_2indep

    ours = rate_ratio(baseline, candidate, hours, other_hours)
    tails = [
        poisson_2indep(
            candidate, other_hours, baseline, hours, method="exact-cond", alternative=side
        ).pvalue
        for side in ("larger", "smaller")
    ]
    assert ours.p_value == pytest.approx(min(1, 2 * min(tails)), abs=1e-9)


@pytest.mark.parametrize(("baseline", "candidate", "hours", "other_hours"), COUNTS)
def test_p_value_and_interval_are_those_of_scipys_exact_test(
    baseline, candidate, hours, other_hours
):
    ours = rate_ratio(baseline, candidate, hours, other_hours)
    share = other_hours / (hours + other_hours)
    tails = [
        scipy.stats.binomtest(candidate, baseline + candidate, share, alternative=side).pvalue
        for side in ("greater", "less")
    ]
    assert ours.p_value == pytest.approx(min(1, 2 * min(tails)), abs=1e-9)
    scipys = scipy.stats.binomtest(
        candidate, baseline + candidate, other_hours / (hours + other_hours)
    )
    exact = scipys.proportion_ci(0.95, method="exact")
    assert ours.interval.low == pytest.approx(
        exact.low / (1 - exact.low) * hours / other_hours, abs=1e-9
    )


def test_interval_and_p_value_never_contradict_each_other():
    for baseline in range(12):
        for candidate in range(25):
            ratio = rate_ratio(baseline, candidate, 3, 2)
            excludes_one = ratio.interval.low > 1 or ratio.interval.high < 1
            assert excludes_one == (ratio.p_value < 0.05), (baseline, candidate)


def test_the_ratio_in_the_documentation():
    ratio = rate_ratio(7, 41, 800, 800)
    assert (round(ratio.value, 1), round(ratio.interval.low, 1)) == (5.9, 2.6)
    assert round(ratio.interval.high) == 15


def test_without_incidents_there_is_no_ratio():
    ratio = rate_ratio(0, 0, 10, 10)
    assert isnan(ratio.value)
    assert list(ratio.interval) == [0, inf]
    assert ratio.p_value == 1
    assert rate_ratio(0, 3, 10, 10).value == inf


@pytest.mark.parametrize("baseline", [0, 1, 7, 100, 5000])
@pytest.mark.parametrize("other_hours", [50, 100, 300])
def test_what_is_needed_is_the_least_that_would_be_seen(baseline, other_hours):
    needed = needed_incidents(baseline, 100, other_hours)
    assert needed is not None
    assert rate_ratio(baseline, needed, 100, other_hours).interval.low > 1
    assert rate_ratio(baseline, needed - 1, 100, other_hours).interval.low <= 1


@pytest.mark.parametrize("baseline", [4, 20, 200])
def test_the_smallest_ratio_is_seen_in_four_of_five_runs(baseline):
    ratio = smallest_ratio(baseline, 100, 150)
    assert ratio is not None
    random = np.random.default_rng(baseline)
    pairs = zip(
        random.poisson(baseline, 4000), random.poisson(baseline * 1.5 * ratio, 4000), strict=True
    )
    seen = sum(rate_ratio(int(b), int(c), 100, 150).interval.low > 1 for b, c in pairs)
    assert seen / 4000 == pytest.approx(0.8, abs=0.02)


def test_nothing_can_be_multiplied_where_nothing_happened():
    assert smallest_ratio(0, 100, 100) is None
    assert needed_incidents(0, 100, 100) == 6


def test_independent_incidents_are_not_overdispersed_and_bursts_are():
    random = np.random.default_rng(1)
    expected = [5.0] * 40
    calm = dispersion(random.poisson(5, 40).tolist(), expected, 1)
    bursts = dispersion((random.poisson(1, 40) * 5).tolist(), expected, 1)
    assert calm is not None
    assert bursts is not None
    assert calm.factor == pytest.approx(1, abs=0.5)
    assert bursts.factor > 3
    assert calm.p_value > 0.05 > bursts.p_value
    assert dispersion([1, 2, 3, 4], [2.5] * 4, 1) is None


def test_the_dispersion_is_pearsons():
    observed = [3, 9, 4, 8, 6]
    theirs = scipy.stats.chisquare(observed)
    found = dispersion(observed, [6.0] * 5, 1)
    assert found is not None
    assert found.freedom == 4
    assert found.factor * 4 == pytest.approx(theirs.statistic)
    assert found.p_value == pytest.approx(theirs.pvalue)


def test_bursts_widen_an_interval_and_calm_does_not():
    ratio = rate_ratio(7, 41, 1, 1)
    assert widened(ratio, Dispersion(0.7, 20)) == ratio.interval
    wide = widened(ratio, Dispersion(4, 10**6))
    assert wide.low < ratio.interval.low < ratio.interval.high < wide.high
    assert wide.low == pytest.approx(
        ratio.value * (ratio.interval.low / ratio.value) ** 2, rel=1e-4
    )
    assert widened(ratio, Dispersion(4, 5)).low < wide.low
    assert thinned(40, Dispersion(4, 9)) == 10
    assert thinned(40, Dispersion(0.5, 9)) == 40
    one_sided = rate_ratio(0, 9, 1, 1)
    assert widened(one_sided, Dispersion(4, 9)) == one_sided.interval


@pytest.mark.slow
def test_holm_agrees_with_statsmodels():
    from tests.statistics.judges import multipletests

    p_values = np.random.default_rng(5).uniform(0, 0.2, 20).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert holm([]) == []


def test_what_is_no_exposure_is_refused():
    with pytest.raises(ValueError, match="exposure"):
        rate_interval(3, 0)
    with pytest.raises(ValueError, match="exposure"):
        rate_ratio(1, 1, 5, 0)
    with pytest.raises(ValueError, match="exposure"):
        rate_ratio(-1, 1, 5, 5)
