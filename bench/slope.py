"""Owns the question whether a series of samples grows. Pure.

Neighbouring samples are alike, so that a plain regression would be far too sure of itself. The
series is cut into blocks whose means are nearly independent; the line goes through those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean

BLOCKS = 20
_T_95 = 2.101
"""Student's t for 95 % on both sides and BLOCKS - 2 degrees of freedom."""
TOLERANCE_PER_HOUR = 0.02
"""Growth in an hour at this slope, as a share of the mean, that still counts as flat.

By the hour and not over the series: otherwise a shorter series would pass more easily.
"""


@dataclass(frozen=True, slots=True)
class Slope:
    """A straight line through a series."""

    per_second: float
    low: float
    """Lower end of the 95 % confidence interval of `per_second`."""
    high: float
    mean: float
    seconds: float
    """Length of the series."""

    @property
    def flat(self) -> bool:
        """No growth is shown, or none that matters."""
        return self.low <= 0 or self.shown_flat

    @property
    def shown_flat(self) -> bool:
        """Growth that matters is ruled out: the series was long and quiet enough to say so."""
        return self.high * 3600 <= TOLERANCE_PER_HOUR * self.mean


def slope(times_s: Sequence[float], values: Sequence[float]) -> Slope:
    """The line through the means of the blocks (least squares).

    Raises:
        ValueError: fewer than two samples a block.
    """
    if len(values) < 2 * BLOCKS:
        raise ValueError(f"{len(values)} samples are too few: {2 * BLOCKS} at least")
    edges = [round(block * len(values) / BLOCKS) for block in range(BLOCKS + 1)]
    x = [fmean(times_s[start:end]) for start, end in pairwise(edges)]
    y = [fmean(values[start:end]) for start, end in pairwise(edges)]
    mean_x, mean_y = fmean(x), fmean(y)
    spread = sum((at - mean_x) ** 2 for at in x)
    rise = sum((at - mean_x) * (value - mean_y) for at, value in zip(x, y, strict=True)) / spread
    misses = [value - mean_y - rise * (at - mean_x) for at, value in zip(x, y, strict=True)]
    error = sqrt(sum(miss**2 for miss in misses) / (BLOCKS - 2) / spread)
    margin = _T_95 * error
    return Slope(rise, rise - margin, rise + margin, mean_y, times_s[-1] - times_s[0])
