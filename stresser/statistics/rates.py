"""Rates of incidents: their exact intervals, the ratio of two, and what could have been seen.

The methods were chosen before any data and are not to be chosen among (docs/comparison.md):
a rate has Garwood's interval (Biometrika 28, 1936), a ratio of two the conditional one: given
how many incidents there were in all, those of the candidate are binomial, so the interval of
Clopper and Pearson (Biometrika 26, 1934) is that of the ratio. Its p-value is the central one,
twice the smaller tail, which never contradicts the interval. Pure.
"""

from collections.abc import Callable, Sequence
from math import exp, inf, log, sqrt
from typing import NamedTuple

from stresser.statistics.numerics import ArrayLike, np, special

CONFIDENCE = 0.95
POWER = 0.8
_MOST_COUNT = 10**9
_LARGEST_RATIO = 1e6
_SEARCH_STEPS = 60


class Interval(NamedTuple):
    """A confidence interval; `high` may be infinite."""

    low: float
    high: float


class Ratio(NamedTuple):
    """The candidate's rate divided by the baseline's."""

    value: float
    """Infinite where the baseline has no incident; not a number where neither has."""
    interval: Interval
    p_value: float
    """Of equal rates, two-sided, central."""


def rate_interval(count: int, exposure: float, confidence: float = CONFIDENCE) -> Interval:
    """Garwood's exact interval of a rate: `count` events in `exposure` (hours, say).

    Raises:
        ValueError: no exposure, or a negative count.
    """
    _require(count, exposure)
    tail = (1 - confidence) / 2
    low = float(special.gammaincinv(count, tail)) if count else 0.0
    return Interval(low / exposure, float(special.gammaincinv(count + 1, 1 - tail)) / exposure)


def rate_ratio(
    baseline: int,
    candidate: int,
    baseline_exposure: float,
    candidate_exposure: float,
    confidence: float = CONFIDENCE,
) -> Ratio:
    """The ratio of two rates with its exact conditional interval.

    Raises:
        ValueError: a side has no exposure, or a negative count.
    """
    _require(baseline, baseline_exposure)
    _require(candidate, candidate_exposure)
    scale = baseline_exposure / candidate_exposure
    tail = (1 - confidence) / 2
    low = special.betaincinv(candidate, baseline + 1, tail) if candidate else 0.0
    high = special.betaincinv(candidate + 1, baseline, 1 - tail) if baseline else 1.0
    share = candidate_exposure / (baseline_exposure + candidate_exposure)
    # The tails of a binomial are incomplete beta functions.
    at_most = float(special.betainc(baseline, candidate + 1, 1 - share)) if baseline else 1.0
    at_least = float(special.betainc(candidate, baseline + 1, share)) if candidate else 1.0
    return Ratio(
        value=_quotient(candidate, baseline) * scale,
        interval=Interval(_odds(float(low)) * scale, _odds(float(high)) * scale),
        p_value=min(1.0, 2 * min(at_most, at_least)),
    )


def needed_incidents(
    baseline: int, baseline_exposure: float, candidate_exposure: float
) -> int | None:
    """The least number on the candidate whose ratio's interval lies above 1; None: beyond reach."""
    share = candidate_exposure / (baseline_exposure + candidate_exposure)
    return int(found) if (found := _critical([baseline], share)[0]) < inf else None


def smallest_ratio(
    baseline: int, baseline_exposure: float, candidate_exposure: float, power: float = POWER
) -> float | None:
    """The least ratio that would have been seen with this power; None where none would.

    The baseline's true rate is taken to be the observed one; with no incident there is nothing
    to multiply, and the answer is None. "Seen": the interval of the ratio lies above 1.
    """
    _require(baseline, baseline_exposure)
    _require(candidate_exposure > 0, candidate_exposure)
    if not baseline:
        return None
    reach = 8 * sqrt(baseline) + 10
    counts = np.arange(max(0, int(baseline - reach)), int(baseline + reach) + 1)
    weights = np.exp(counts * np.log(baseline) - baseline - special.gammaln(counts + 1))
    share = candidate_exposure / (baseline_exposure + candidate_exposure)
    critical = np.asarray(_critical(counts, share), dtype=float)
    reachable = np.isfinite(critical)
    expected = baseline * candidate_exposure / baseline_exposure

    def seen(ratio: float) -> float:
        # P(Poisson(mean) >= c) = 1 - Q(c, mean), the regularised upper incomplete gamma function.
        likely = 1 - special.gammaincc(critical[reachable], ratio * expected)
        return float(np.sum(weights[reachable] * likely))

    return _least(seen, power)


class Dispersion(NamedTuple):
    """How much counts vary, against independent incidents."""

    factor: float
    """Their variance by that of independent ones (Pearson's); about 1 for these."""
    freedom: int

    @property
    def p_value(self) -> float:
        """How often independent incidents vary as much."""
        return float(special.chdtrc(self.freedom, self.factor * self.freedom))


def dispersion(
    observed: Sequence[float], expected: Sequence[float], fitted: int
) -> Dispersion | None:
    """The dispersion of counts over parts of the time.

    `fitted`: degrees of freedom that `expected` took. None: fewer than four are left.
    """
    pairs = [(o, e) for o, e in zip(observed, expected, strict=True) if e > 0]
    freedom = len(pairs) - fitted
    if freedom < 4:  # noqa: PLR2004 - with fewer the figure says nothing
        return None
    return Dispersion(sum((o - e) ** 2 / e for o, e in pairs) / freedom, freedom)


def widened(ratio: Ratio, by: Dispersion) -> Interval:
    """The ratio's interval where incidents vary so much more than independent ones.

    On the log scale each half grows by the root of the factor, and by Student's t over the normal
    quantile because the factor is itself an estimate (McCullagh and Nelder 1989, section 4.5).
    """
    if by.factor <= 1 or not (0 < ratio.value < inf):
        return ratio.interval
    upper = (1 + CONFIDENCE) / 2
    wider = sqrt(by.factor) * float(special.stdtrit(by.freedom, upper) / special.ndtri(upper))
    middle = log(ratio.value)
    low, high = ratio.interval
    return Interval(
        exp(middle - wider * (middle - log(low))), exp(middle + wider * (log(high) - middle))
    )


def thinned(count: int, by: Dispersion) -> int:
    """As many independent incidents tell as much as these do.

    For a side without incidents: a ratio of 0 or infinity has no log scale to widen it on.
    """
    return int(count / max(by.factor, 1.0))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (Scand. J. Statistics 6, 1979): no assumption on dependence."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _critical(baseline_counts: ArrayLike, share: float) -> list[float]:
    """For each baseline count the least candidate count whose interval lies above 1."""
    tail = (1 - CONFIDENCE) / 2
    baseline = np.asarray(baseline_counts, dtype=float)
    low, high = np.zeros_like(baseline), np.full_like(baseline, 1.0)
    while True:  # the upper end of the search, doubled until it is beyond all of them
        is_seen = special.betainc(high, baseline + 1, share) <= tail
        if np.all(is_seen | (high > _MOST_COUNT)):
            break
        high = np.where(is_seen, high, high * 2)
    for _ in range(_SEARCH_STEPS):
        middle = np.floor((low + high) / 2)
        is_seen = special.betainc(np.maximum(middle, 1), baseline + 1, share) <= tail
        is_seen &= middle > 0
        low, high = np.where(is_seen, low, middle), np.where(is_seen, middle, high)
        if np.all(high - low <= 1):
            break
    return [float(count) for count in np.where(high > _MOST_COUNT, inf, high)]


def _least(seen: Callable[[float], float], power: float) -> float | None:
    low, high = 1.0, 2.0
    while seen(high) < power:
        high *= 2
        if high > _LARGEST_RATIO:
            return None
    for _ in range(_SEARCH_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) >= power else (middle, high)
    return high


def _quotient(candidate: int, baseline: int) -> float:
    if baseline:
        return candidate / baseline
    return inf if candidate else float("nan")


def _odds(share: float) -> float:
    return inf if share >= 1 else share / (1 - share)


def _require(count: int, exposure: float) -> None:
    if count < 0 or not exposure > 0:
        raise ValueError(f"{count} incidents in an exposure of {exposure}")
