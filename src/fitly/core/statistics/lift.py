"""The difference as a share of the baseline, with its interval by the delta method.

Knows two samples' means and variances. Must never know whether the baseline may be nothing: that the interval of such
a share says little is for the reader, who sees the baseline's own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import stdtr, stdtrit

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.welch import Interval, freedom

_LEAST = 2


class Lift(NamedTuple):
    """A relative difference, its standard error, two-sided p and interval; the last three may be missing."""

    lift: float
    se: float | Missing
    p_value: float | Missing
    interval: Interval | Missing


def lift(treatment: Moments, control: Moments, level: float, *, binary: bool = False) -> Lift | Missing:
    """Give (treatment - control) / control.

    Parameters
    ----------
    treatment, control : Moments
        The two samples.
    level : float
        Confidence of the interval.
    binary : bool
        Whether values are 0 and 1, whose variance is p(1-p), with divisor n.

    Returns
    -------
    Lift or Missing
        Equals gbstats' ``TwoSidedTTest`` of the relative difference: variance of the ratio by the delta method, and
        Welch's degrees of freedom of the two means.

    Examples
    --------
    >>> found = lift(Moments.of([2.0, 3.0, 4.0]), Moments.of([1.0, 2.0, 3.0]), 0.95)
    >>> round(found.lift, 6), round(found.se, 6)
    (0.5, 0.520416)
    """
    if not treatment.n or not control.n:
        return Missing.TOO_FEW
    if not control.mean:
        return Missing.ZERO_BASELINE
    between = (treatment.mean - control.mean) / control.mean
    if min(treatment.n, control.n) < _LEAST:
        return Lift(between, *(Missing.TOO_FEW,) * 3)
    first, second = ((one.population_variance if binary else one.variance) / one.n for one in (treatment, control))
    if not first + second:
        return Lift(between, *(Missing.ZERO_VARIANCE,) * 3)
    ratio = treatment.mean / control.mean
    se = math.sqrt(first + second * ratio * ratio) / abs(control.mean)
    df = freedom(first, treatment.n, second, control.n)
    if not se:
        return Lift(between, *(Missing.ZERO_VARIANCE,) * 3)
    reach = float(stdtrit(df, 0.5 + level / 2)) * se
    p_value = 2 * float(stdtr(df, -abs(between) / se))
    return Lift(between, se, p_value, Interval(between - reach, between + reach))
