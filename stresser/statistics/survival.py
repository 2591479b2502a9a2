"""How long sessions live: Kaplan-Meier with log-log bands, median, restricted mean.

Lifetimes are right-censored where a session outlived the run or ended by the plan, this host or
stresser itself. An unannounced ending is only bracketed: it stands at its first proof, so
that curves are upper bounds. Pure; times in any one unit.

Sessions through one box end together, so bands and p-values here, which take each session for
independent of the others, are too narrow: they describe, they do not decide (docs/comparison.md).
"""

from math import inf, nan
from typing import NamedTuple

from stresser.statistics.numerics import ArrayLike, Numbers, np, special
from stresser.statistics.rates import CONFIDENCE, Interval


class Curve(NamedTuple):
    """A survival curve as steps: from `times[i]` on, the share `survival[i]` is alive."""

    times: Numbers
    """Distinct times of endings, ascending."""
    survival: Numbers
    low: Numbers
    high: Numbers
    """Pointwise log-log band (Kalbfleisch and Prentice); not a number where it has none."""
    at_risk: Numbers
    """Alive and watched just before each time."""
    deaths: Numbers
    last_seen: float
    """The longest that anything was watched: nothing is known beyond."""


class Estimate(NamedTuple):
    """A figure with its interval; not a number or infinite where the data do not reach."""

    value: float
    interval: Interval


def kaplan_meier(durations: ArrayLike, died: ArrayLike, confidence: float = CONFIDENCE) -> Curve:
    """The product-limit estimate with Greenwood's variance on the log-log scale.

    Raises:
        ValueError: no lifetimes, or a negative one.
    """
    lived, is_death = _checked(durations, died)
    times, deaths, at_risk = _table(lived, is_death)
    survival = np.cumprod(1 - deaths / at_risk)
    greenwood = np.cumsum(_over(deaths, at_risk * (at_risk - deaths)))
    low, high = _log_log(survival, greenwood, confidence)
    return Curve(times, survival, low, high, at_risk, deaths, float(lived.max()))


def median_lifetime(curve: Curve, share: float = 0.5) -> Estimate:
    """The first time by which no more than `share` is alive; infinite where more outlived it.

    The interval holds all times at which the band includes `share` (Brookmeyer and Crowley 1982).
    """
    return Estimate(
        _first_at_most(curve.times, curve.survival, share),
        Interval(
            _first_at_most(curve.times, curve.low, share),
            _first_at_most(curve.times, curve.high, share),
        ),
    )


def restricted_mean(curve: Curve, until: float, confidence: float = CONFIDENCE) -> Estimate:
    """The mean lifetime within the first `until`: the area under the curve.

    Its variance is the sum over endings of the squared area that is left then, times
    d / n (n - d) (Klein and Moeschberger 2003, section 4.5).

    Raises:
        ValueError: `until` is not positive, or later than anything was watched.
    """
    if not 0 < until <= curve.last_seen:
        raise ValueError(f"nothing is known of {until}: watched until {curve.last_seen}")
    within = curve.times < until
    edges = np.concatenate(([0.0], curve.times[within], [until]))
    areas = np.concatenate(([1.0], curve.survival[within])) * np.diff(edges)
    mean = float(areas.sum())
    left = mean - np.cumsum(areas)[:-1]  # from each death on
    deaths, at_risk = curve.deaths[within], curve.at_risk[within]
    variance = float(np.sum(left**2 * _over(deaths, at_risk * (at_risk - deaths), zero=0.0)))
    half = float(special.ndtri((1 + confidence) / 2)) * variance**0.5
    return Estimate(mean, Interval(max(mean - half, 0.0), min(mean + half, until)))


def _checked(durations: ArrayLike, died: ArrayLike) -> tuple[Numbers, Numbers]:

    lived = np.asarray(durations, dtype=float)
    is_death = np.asarray(died, dtype=bool)
    if not len(lived) or len(lived) != len(is_death) or not np.all(lived >= 0):
        raise ValueError("lifetimes are zero or more, at least one, each with its ending")
    return lived, is_death


def _table(lived: Numbers, is_death: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Distinct times of endings, how many ended then, and how many were at risk just before."""
    times, deaths = np.unique(lived[is_death], return_counts=True)
    # Who is censored at the very time of a death was still watched then.
    at_risk = len(lived) - np.searchsorted(np.sort(lived), times, side="left")
    return times, deaths.astype(float), at_risk.astype(float)


def _log_log(survival: Numbers, greenwood: Numbers, confidence: float) -> tuple[Numbers, Numbers]:

    z = float(special.ndtri((1 + confidence) / 2))
    inside = (survival > 0) & (survival < 1)
    log_survival = np.log(survival, where=inside, out=np.full_like(survival, nan))
    half = z * np.sqrt(greenwood) / np.abs(log_survival)
    low = np.exp(log_survival * np.exp(half))
    high = np.exp(log_survival * np.exp(-half))
    # Where all are dead the variance is not defined; the curve and its band are at 0.
    return np.where(survival == 0, 0.0, low), np.where(survival == 0, 0.0, high)


def _over(numerator: Numbers, denominator: Numbers, zero: float = inf) -> Numbers:

    return np.divide(
        numerator, denominator, where=denominator != 0, out=np.full_like(denominator, zero)
    )


def _first_at_most(times: Numbers, values: Numbers, share: float) -> float:

    below = np.nonzero(values <= share)[0]
    return float(times[below[0]]) if len(below) else inf
