"""The difference of two means with unequal variances (Welch 1947, Satterthwaite's degrees of freedom).

Knows two samples' sums. Must never know which of them is the treatment, except that the first comes first:
differences are always first minus second, applied minus baseline.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from scipy.special import stdtr, stdtrit

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sums import Sums

_LEAST: Final = 2


class Interval(NamedTuple):
    """A confidence interval."""

    lower: float
    upper: float


class Welch(NamedTuple):
    """The difference of two means, its standard error, degrees of freedom, t, two-sided p and interval."""

    difference: float
    se: float
    df: float
    t: float
    p_value: float
    interval: Interval


def welch(treatment: Moments, control: Moments, level: float) -> Welch | Missing:
    """Test whether two means differ.

    Parameters
    ----------
    treatment, control : Moments
        The two samples; two values at least on either side, and not all of each side equal.
    level : float
        Confidence of the interval.

    Returns
    -------
    Welch or Missing
        Equals ``scipy.stats.ttest_ind(equal_var=False)`` and its ``confidence_interval(level)`` on the raw data.

    Examples
    --------
    >>> found = welch(Moments.of([1.0, 2.0, 3.0]), Moments.of([1.0, 2.0, 4.0]), 0.95)
    >>> round(found.t, 6), round(found.df, 6), round(found.p_value, 6)
    (-0.316228, 3.448276, 0.770026)
    """
    if treatment.n < _LEAST or control.n < _LEAST:
        return Missing.TOO_FEW
    first, second = treatment.variance / treatment.n, control.variance / control.n
    if not first + second:
        return Missing.ZERO_VARIANCE
    df = freedom(first, treatment.n, second, control.n)
    between, se = treatment.mean - control.mean, math.sqrt(first + second)
    reach = float(stdtrit(df, 0.5 + level / 2)) * se
    t = between / se
    return Welch(between, se, df, t, 2 * float(stdtr(df, -abs(t))), Interval(between - reach, between + reach))


def freedom(first: float, n: int, second: float, m: int) -> float:
    """Give Satterthwaite's degrees of freedom from two squared standard errors and their sample sizes.

    Written with the share of the first, so that tiny variances do not underflow when squared.

    >>> freedom(1.0, 11, 1.0, 11), freedom(1e-200, 11, 0.0, 2)
    (20.0, 10.0)
    """
    share = first / (first + second)
    return 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))


def difference(applied: Sums, baseline: Sums) -> float | Missing:
    """Give mean(applied) - mean(baseline).

    >>> difference(Sums.of([750_000]), Sums.of([500_000]))
    0.25
    >>> difference(Sums.of([750_000]), Sums.of([]))
    <Missing.TOO_FEW: 'TOO_FEW'>
    """
    if not applied.n or not baseline.n:
        return Missing.TOO_FEW
    across = applied.total * baseline.n - baseline.total * applied.n
    return across / (applied.n * baseline.n * 10**6)


def difference_interval(applied: Sums, baseline: Sums, level: float) -> Interval | Missing:
    """Give the interval of the difference of two means.

    Parameters
    ----------
    applied, baseline : Sums
        The two samples.
    level : float
        Confidence, such as 0.95.

    Returns
    -------
    Interval or Missing
        Equals ``scipy.stats.ttest_ind(equal_var=False).confidence_interval(level)``.

    Examples
    --------
    >>> lower, upper = difference_interval(Sums.of([1, 2, 3]), Sums.of([1, 2, 4]), 0.95)
    >>> round(lower * 1e6, 3), round(upper * 1e6, 3)
    (-3.454, 2.788)
    """
    found = _error(applied, baseline)
    if isinstance(found, Missing):
        return found
    between, error, freedom = found
    reach = float(stdtrit(freedom, 0.5 + level / 2)) * error
    return Interval(between - reach, between + reach)


def difference_p(applied: Sums, baseline: Sums) -> float | Missing:
    """Give the two-sided p of there being no difference of the means.

    Returns
    -------
    float or Missing
        Equals ``scipy.stats.ttest_ind(equal_var=False).pvalue``.

    Examples
    --------
    >>> round(difference_p(Sums.of([1, 2, 3]), Sums.of([1, 2, 4])), 6)
    0.770026
    """
    found = _error(applied, baseline)
    if isinstance(found, Missing):
        return found
    between, error, freedom = found
    return 2 * float(stdtr(freedom, -abs(between) / error))


def _error(applied: Sums, baseline: Sums) -> tuple[float, float, float] | Missing:
    """Give the difference of the means, its standard error, and that one's degrees of freedom."""
    between = difference(applied, baseline)
    if isinstance(between, Missing) or applied.n < _LEAST or baseline.n < _LEAST:
        return Missing.TOO_FEW
    if not applied.spread and not baseline.spread:
        return Missing.ZERO_VARIANCE
    first, second = applied.variance / applied.n, baseline.variance / baseline.n
    freedom = (first + second) ** 2 / (first**2 / (applied.n - 1) + second**2 / (baseline.n - 1))
    return between, math.sqrt(first + second), freedom


def improvement(applied: Sums, baseline: Sums, level: float) -> float | Missing:
    """Give the difference in percent of the baseline, where the baseline is surely not nothing.

    Returns
    -------
    float or Missing
        ``100 * (mean(applied) - mean(baseline)) / mean(baseline)``; missing where the baseline's own t interval at
        ``level`` touches 0, for then the percentage has no bound.

    Examples
    --------
    >>> improvement(Sums.of([750_000, 850_000]), Sums.of([400_000, 400_000]), 0.95)
    100.0
    >>> improvement(Sums.of([750_000, 850_000]), Sums.of([0, 100_000]), 0.95)
    <Missing.BASELINE_TOUCHES_ZERO: 'BASELINE_TOUCHES_ZERO'>
    """
    between = difference(applied, baseline)
    return between if isinstance(between, Missing) else percent_of(between, baseline, level)


def percent_of(between: float, baseline: Sums, level: float) -> float | Missing:
    """Give a difference in percent of a baseline, where that is surely not nothing.

    >>> percent_of(0.2, Sums.of([400_000, 400_000]), 0.95)
    50.0
    """
    if baseline.n < _LEAST:
        return Missing.TOO_FEW
    reach = float(stdtrit(baseline.n - 1, 0.5 + level / 2)) * math.sqrt(baseline.variance / baseline.n)
    return Missing.BASELINE_TOUCHES_ZERO if abs(baseline.mean) <= reach else 100 * between / baseline.mean
