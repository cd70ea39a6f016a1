"""The mean of differences, each unit against itself: the paired t.

Knows the sums of the differences. Must never know what was taken from what, except that the sign is theirs.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from scipy.special import stdtr, stdtrit

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import Sums
from fitly.core.statistics.welch import Interval

_LEAST: Final = 2


class Shift(NamedTuple):
    """A mean difference, the two-sided p of there being none, and its interval."""

    mean: float
    p_value: float | Missing
    interval: Interval | Missing


def shift(differences: Sums, level: float) -> Shift | Missing:
    """Test whether differences are 0 in the mean.

    Parameters
    ----------
    differences : Sums
        One per unit.
    level : float
        Confidence of the interval.

    Returns
    -------
    Shift or Missing
        Equals ``scipy.stats.ttest_rel`` and its ``confidence_interval(level)`` on the raw pairs; missing without any.

    Examples
    --------
    >>> found = shift(Sums.of([100_000, 200_000, 300_000]), 0.95)
    >>> round(found.mean, 6), round(found.p_value, 6)
    (0.2, 0.07418)
    """
    if not differences.n:
        return Missing.TOO_FEW
    mean = differences.mean
    if differences.n < _LEAST or not differences.spread:
        why = Missing.TOO_FEW if differences.n < _LEAST else Missing.ZERO_VARIANCE
        return Shift(mean, why, why)
    error, freedom = math.sqrt(differences.variance / differences.n), differences.n - 1
    reach = float(stdtrit(freedom, 0.5 + level / 2)) * error
    p_value = 2 * float(stdtr(freedom, -abs(mean) / error))
    return Shift(mean, p_value, Interval(mean - reach, mean + reach))
