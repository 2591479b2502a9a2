import warnings

import numpy as np
import pytest
import scipy

from stresser.statistics.survival import kaplan_meier, median_lifetime, restricted_mean


def made_lifetimes(seed, count=300, scale=100.0):
    random = np.random.default_rng(seed)
    lived, watched = random.exponential(scale, count), random.uniform(10, 300, count)
    # Whole seconds, so that there are ties, also of deaths with censorings.
    return np.ceil(np.minimum(lived, watched)), lived <= watched


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_the_curve_and_its_band_agree_with_lifelines(seed):
    from tests.statistics.judges import lifelines

    durations, died = made_lifetimes(seed)
    ours = kaplan_meier(durations, died)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lifelines.KaplanMeierFitter().fit(durations, died)
    curve = theirs.survival_function_["KM_estimate"].loc[ours.times]
    band = theirs.confidence_interval_survival_function_.loc[ours.times]
    assert np.allclose(ours.survival, curve, atol=1e-6, rtol=0)
    inside = ours.survival > 0
    assert np.allclose(ours.low[inside], band.iloc[:, 0][inside], atol=1e-6, rtol=0)
    assert np.allclose(ours.high[inside], band.iloc[:, 1][inside], atol=1e-6, rtol=0)
    median = lifelines.utils.median_survival_times(theirs.confidence_interval_)
    assert median_lifetime(ours).value == theirs.median_survival_time_
    assert median_lifetime(ours).interval == pytest.approx(tuple(median.iloc[0]), abs=1e-6)
    mean = lifelines.utils.restricted_mean_survival_time(theirs, t=80)
    assert restricted_mean(ours, 80).value == pytest.approx(mean, abs=1e-6)


def test_the_curve_agrees_with_scipy():
    durations, died = made_lifetimes(11)
    data = scipy.stats.CensoredData.right_censored(durations, ~died)
    curve = scipy.stats.ecdf(data).sf
    ours = kaplan_meier(durations, died)
    assert np.allclose(ours.survival, curve.evaluate(ours.times), atol=1e-6, rtol=0)


def test_with_nobody_censored_the_restricted_mean_is_the_mean():
    lived = np.random.default_rng(4).exponential(50, 400)
    ours = restricted_mean(kaplan_meier(lived, [True] * 400), 60)
    cut = np.minimum(lived, 60)
    half = scipy.stats.norm.ppf(0.975) * np.sqrt(cut.var() / 400)
    assert ours.value == pytest.approx(cut.mean(), abs=1e-9)
    assert ours.interval == pytest.approx((cut.mean() - half, cut.mean() + half), abs=1e-9)


def test_a_median_that_was_not_reached_is_infinite():
    curve = kaplan_meier([1, 5, 5, 5], [True, False, False, False])
    assert median_lifetime(curve).value == np.inf
    assert list(curve.survival) == [0.75]
    assert list(curve.at_risk) == [4]


def test_nothing_died():
    curve = kaplan_meier([3, 4], [False, False])
    assert len(curve.times) == 0
    assert restricted_mean(curve, 4).value == 4


def test_all_died_at_once():
    curve = kaplan_meier([300, 300], [True, True])
    assert list(curve.survival) == [0]
    assert list(curve.low) == list(curve.high) == [0]
    assert median_lifetime(curve).value == 300


def test_what_is_no_lifetime_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        kaplan_meier([], [])
    with pytest.raises(ValueError, match="zero or more"):
        kaplan_meier([-1], [True])
    with pytest.raises(ValueError, match="watched until 4"):
        restricted_mean(kaplan_meier([3, 4], [True, False]), 5)
