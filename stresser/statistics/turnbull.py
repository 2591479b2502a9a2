"""Survival where deaths are only bracketed: Turnbull's estimate (J. Royal Stat. Soc. B 38, 1976).

A silent death happened after the last proof of life and no later than the first proof of death.
The estimate puts mass on a few ranges of time; within one the data say nothing of where. It is
found by self-consistency (EM) with squared steps (Varadhan and Roland 2008) and is known to be
the maximum by its gradient. Pure; times in any one unit. No interval: none is established.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy import ndarray
    from numpy.typing import ArrayLike

    Floats = ndarray[Any, Any]

_MOST_STEPS = 20_000
_TOLERANCE = 1e-9
"""Of the gradient: the likelihood of one lifetime cannot be raised by more than this share."""
_NO_MASS = 1e-13


class Masses(NamedTuple):
    """Where lifetimes end: a share of `mass[i]` after `left[i]` and no later than `right[i]`."""

    left: "Floats"
    right: "Floats"
    """Infinite in the last one where lifetimes are censored beyond all deaths."""
    mass: "Floats"
    gap: float
    """How far from the maximum this may be, as a share of one lifetime's likelihood."""

    def survival_after(self, time: float) -> float:
        """The share that outlives `time`, at most: all of a range that has begun counts as later.

        It is exact at the ends of the ranges and before the first.
        """
        return float(self.mass[self.right > time].sum())


def turnbull(alive_at: "ArrayLike", dead_by: "ArrayLike") -> Masses:
    """The non-parametric maximum likelihood estimate.

    A lifetime is in (alive_at, dead_by]; the same twice is an exact one, an infinite `dead_by` a
    censored one.

    Raises:
        ValueError: no lifetimes, or one that ends before it begins.
    """
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    lower, upper = np.asarray(alive_at, dtype=float), np.asarray(dead_by, dtype=float)
    if not len(lower) or len(lower) != len(upper) or not np.all(lower <= upper):
        raise ValueError("each lifetime needs a last proof of life and, later, one of death")
    left, right, first, last = _ranges(lower, upper)
    mass, gap = _maximise(first, last, len(left))
    has_mass = mass > _NO_MASS
    return Masses(left[has_mass], right[has_mass], mass[has_mass] / mass[has_mass].sum(), gap)


def _ranges(lower: "Floats", upper: "Floats") -> tuple["Floats", "Floats", "Floats", "Floats"]:
    """Turnbull's innermost ranges, and from which to which of them each lifetime reaches.

    Ends are ordered by time; at one time an exact lifetime's left end comes before the right ends
    there and all other left ends after them: (a, b] and (b, c] do not meet, [b, b] is in (a, b].
    """
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    is_exact = lower == upper
    times = np.concatenate((lower, upper))
    rank = np.concatenate((np.where(is_exact, 0, 2), np.ones_like(upper)))
    order = np.lexsort((rank, times))
    is_right = rank[order] == 1
    starts = ~is_right[:-1] & is_right[1:]  # a left end with a right end next to it
    position = np.empty(len(order), dtype=int)
    position[order] = np.arange(len(order))
    left_positions = np.nonzero(starts)[0]
    first = np.searchsorted(left_positions, position[: len(lower)], side="left")
    last = np.searchsorted(left_positions, position[len(lower) :], side="left") - 1
    return times[order][left_positions], times[order][left_positions + 1], first, last


def _maximise(first: "Floats", last: "Floats", ranges: int) -> tuple["Floats", float]:
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    spans, weights = np.unique(np.stack((first, last)), axis=1, return_counts=True)
    shares = weights / len(first)
    mass = np.full(ranges, 1 / ranges)
    gap = np.inf
    for _ in range(_MOST_STEPS):
        gradient = _gradient(mass, spans, shares)
        gap = float(max(gradient.max() - 1, 0.0))
        if gap < _TOLERANCE:
            break
        mass = _squared_step(mass, mass * gradient, spans, shares)
    return mass, gap


def _gradient(mass: "Floats", spans: "Floats", shares: "Floats") -> "Floats":
    """By how much more mass on each range would raise the mean log likelihood; 1 at the maximum."""
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    before = np.concatenate(([0.0], np.cumsum(mass)))
    likelihood = np.maximum(before[spans[1] + 1] - before[spans[0]], 1e-300)
    change = np.zeros(len(mass) + 1)
    np.add.at(change, spans[0], shares / likelihood)
    np.add.at(change, spans[1] + 1, -shares / likelihood)
    return np.cumsum(change)[:-1]


def _squared_step(mass: "Floats", once: "Floats", spans: "Floats", shares: "Floats") -> "Floats":
    """Two steps of EM, and as far on in their direction as the likelihood allows."""
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    twice = once * _gradient(once, spans, shares)
    step, bend = once - mass, twice - 2 * once + mass
    curvature = float(np.sqrt(np.sum(bend**2)))
    if curvature == 0:
        return twice
    length = -max(float(np.sqrt(np.sum(step**2))) / curvature, 1.0)
    tried = np.maximum(mass - 2 * length * step + length**2 * bend, 0.0)
    tried /= tried.sum()
    tried *= _gradient(tried, spans, shares)
    is_better = _likelihood(tried, spans, shares) >= _likelihood(twice, spans, shares)
    return tried if is_better else twice


def _likelihood(mass: "Floats", spans: "Floats", shares: "Floats") -> float:
    import numpy as np  # noqa: PLC0415 - start-up stays quick

    before = np.concatenate(([0.0], np.cumsum(mass)))
    of_each = before[spans[1] + 1] - before[spans[0]]
    return float(np.sum(shares * np.log(np.maximum(of_each, 1e-300))))
