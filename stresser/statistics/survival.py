"""How long sessions live: Kaplan-Meier with log-log bands, median, restricted mean, log-rank.

Lifetimes are right-censored where a session outlived the run or ended by the plan, this host or
stresser itself. A death that nobody announced is only bracketed: `turnbull.py` is for those; here
it stands at its first proof, so that curves are upper bounds. Pure; times in any one unit.

Sessions through one box die together, so bands and p-values here, which take each session for
independent of the others, are too narrow: they describe, they do not decide (docs/comparison.md).
"""

from math import inf, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from stresser.statistics.rates import CONFIDENCE, Interval

if TYPE_CHECKING:
    from numpy import ndarray
    from numpy.typing import ArrayLike

    Floats = ndarray[Any, Any]


class Curve(NamedTuple):
    """A survival curve as steps: from `times[i]` on, the share `survival[i]` is alive."""

    times: "Floats"
    """Distinct times of death, ascending."""
    survival: "Floats"
    low: "Floats"
    high: "Floats"
    """Pointwise log-log band (Kalbfleisch and Prentice); not a number where it has none."""
    at_risk: "Floats"
    """Alive and watched just before each time."""
    deaths: "Floats"
    last_seen: float
    """The longest that anything was watched: nothing is known beyond."""


class Estimate(NamedTuple):
    """A figure with its interval; not a number or infinite where the data do not reach."""

    value: float
    interval: Interval


class LogRank(NamedTuple):
    """The two-sample log-rank test (Mantel 1966)."""

    statistic: float
    """Chi-square with one degree of freedom."""
    p_value: float


def kaplan_meier(
    durations: "ArrayLike", died: "ArrayLike", confidence: float = CONFIDENCE
) -> Curve:
    """The product-limit estimate with Greenwood's variance on the log-log scale.

    Raises:
        ValueError: no lifetimes, or a negative one.
    """
    import numpy as np  # noqa: PLC0415 - start-up stays quick

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

    Its variance is the sum over deaths of the squared area that is left then, times
    d / n (n - d) (Klein and Moeschberger 2003, section 4.5).

    Raises:
        ValueError: `until` is not positive, or later than anything was watched.
    """
    import numpy as np  # noqa: PLC0415 - start-up stays quick
    from scipy.special import ndtri  # noqa: PLC0415 - same

    if not 0 < until <= curve.last_seen:
        raise ValueError(f"nothing is known of {until}: watched until {curve.last_seen}")
    within = curve.times < until
    edges = np.concatenate(([0.0], curve.times[within], [until]))
    areas = np.concatenate(([1.0], curve.survival[within])) * np.diff(edges)
    mean = float(areas.sum())
    left = mean - np.cumsum(areas)[:-1]  # from each death on
    deaths, at_risk = curve.deaths[within], curve.at_risk[within]
    variance = float(np.sum(left**2 * _over(deaths, at_risk * (at_risk - deaths), zero=0.0)))
    half = float(ndtri((1 + confidence) / 2)) * variance**0.5
    return Estimate(mean, Interval(max(mean - half, 0.0), min(mean + half, until)))


def log_rank(
    durations: "ArrayLike",
    died: "ArrayLike",
    other_durations: "ArrayLike",
    other_died: "ArrayLike",
) -> LogRank:
    """Whether two groups of independent lifetimes have one curve.

    Raises:
        ValueError: a group is empty.
    """
    import numpy as np  # noqa: PLC0415 - start-up stays quick
    from scipy.special import chdtrc  # noqa: PLC0415 - same

    ours, our_deaths = _checked(durations, died)
    theirs, their_deaths = _checked(other_durations, other_died)
    times, deaths, at_risk = _table(
        np.concatenate((ours, theirs)), np.concatenate((our_deaths, their_deaths))
    )
    our_risk = len(ours) - np.searchsorted(np.sort(ours), times, side="left")
    observed = our_deaths.sum()
    expected = np.sum(deaths * our_risk / at_risk)
    share = our_risk / at_risk
    left = _over(at_risk - deaths, at_risk - 1, zero=0.0)
    variance = float(np.sum(deaths * share * (1 - share) * left))
    if variance == 0:
        return LogRank(nan, 1.0)
    statistic = float((observed - expected) ** 2) / variance
    return LogRank(statistic, float(chdtrc(1, statistic)))


def _checked(durations: "ArrayLike", died: "ArrayLike") -> tuple["Floats", "Floats"]:
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    lived = np.asarray(durations, dtype=float)
    is_death = np.asarray(died, dtype=bool)
    if not len(lived) or len(lived) != len(is_death) or not np.all(lived >= 0):
        raise ValueError("lifetimes are zero or more, at least one, each with its ending")
    return lived, is_death


def _table(lived: "Floats", is_death: "Floats") -> tuple["Floats", "Floats", "Floats"]:
    """Distinct times of death, how many died then, and how many were at risk just before."""
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    times, deaths = np.unique(lived[is_death], return_counts=True)
    # Who is censored at the very time of a death was still watched then.
    at_risk = len(lived) - np.searchsorted(np.sort(lived), times, side="left")
    return times, deaths.astype(float), at_risk.astype(float)


def _log_log(
    survival: "Floats", greenwood: "Floats", confidence: float
) -> tuple["Floats", "Floats"]:
    import numpy as np  # noqa: PLC0415 - start-up stays quick
    from scipy.special import ndtri  # noqa: PLC0415 - same

    z = float(ndtri((1 + confidence) / 2))
    inside = (survival > 0) & (survival < 1)
    log_survival = np.log(survival, where=inside, out=np.full_like(survival, nan))
    half = z * np.sqrt(greenwood) / np.abs(log_survival)
    low = np.exp(log_survival * np.exp(half))
    high = np.exp(log_survival * np.exp(-half))
    # Where all are dead the variance is not defined; the curve and its band are at 0.
    return np.where(survival == 0, 0.0, low), np.where(survival == 0, 0.0, high)


def _over(numerator: "Floats", denominator: "Floats", zero: float = inf) -> "Floats":
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    return np.divide(
        numerator, denominator, where=denominator != 0, out=np.full_like(denominator, zero)
    )


def _first_at_most(times: "Floats", values: "Floats", share: float) -> float:
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    below = np.nonzero(values <= share)[0]
    return float(times[below[0]]) if len(below) else inf
