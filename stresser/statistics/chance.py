"""How likely a count as large as this one is by chance: tails of Poisson and binomial counts.

Sums of the terms themselves, largest first, so that small probabilities keep their digits
(Johnson, Kemp, Kotz, "Univariate Discrete Distributions", 3rd edition, sections 3.1 and 4.1).
Pure.
"""

from math import exp, lgamma, log, log1p

_NEGLIGIBLE = 1e-17
_MOST_TERMS = 100_000


def poisson_tail(mean: float, least: int) -> float:
    """The probability that a Poisson count with this mean is `least` or more."""
    if least <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if least <= mean:
        return _clamped(1 - _poisson_sum(mean, least - 1, -1))
    return _clamped(_poisson_sum(mean, least, 1))


def binomial_tail(trials: int, share: float, least: int) -> float:
    """The probability that `least` or more of `trials` succeed, each with chance `share`."""
    if least <= 0:
        return 1.0
    if least > trials or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    if least <= trials * share:
        return _clamped(1 - _binomial_sum(trials, share, least - 1, -1))
    return _clamped(_binomial_sum(trials, share, least, 1))


def _poisson_sum(mean: float, start: int, step: int) -> float:
    """The terms from `start` away from the mean, until they no longer matter."""
    term = exp(start * log(mean) - mean - lgamma(start + 1))
    total, at = term, start
    for _ in range(_MOST_TERMS):
        term *= mean / (at + 1) if step > 0 else at / mean
        at += step
        total += term
        if at <= 0 or term <= total * _NEGLIGIBLE:
            break
    return total


def _binomial_sum(trials: int, share: float, start: int, step: int) -> float:
    odds = share / (1 - share)
    choose = lgamma(trials + 1) - lgamma(start + 1) - lgamma(trials - start + 1)
    term = exp(choose + start * log(share) + (trials - start) * log1p(-share))
    total, at = term, start
    for _ in range(_MOST_TERMS):
        if step > 0:
            term *= (trials - at) / (at + 1) * odds
        else:
            term *= at / (trials - at + 1) / odds
        at += step
        total += term
        if not 0 < at < trials or term <= total * _NEGLIGIBLE:
            break
    return total


def _clamped(probability: float) -> float:
    return min(max(probability, 0.0), 1.0)
