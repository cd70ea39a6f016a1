"""Pearson's correlation, with Fisher's interval: of being personalized (0 or 1) and how it went, or of any two numbers.

Knows two samples' sums, or the moments of pairs. Must never know how decisions came to be in one or the other:
whether they were randomized is the caller's business, and without that the figure means nothing.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from scipy.special import betainc, ndtri

from fitly.core.statistics.joint import JointMoments
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import Sums
from fitly.core.statistics.welch import Interval

_LEAST: Final = 4


class Correlation(NamedTuple):
    """A correlation, the two-sided p of there being none, and its interval."""

    r: float
    p_value: float
    interval: Interval


def correlation(applied: Sums, baseline: Sums, level: float) -> Correlation | Missing:
    """Correlate membership (1 applied, 0 baseline) with the value.

    Parameters
    ----------
    applied, baseline : Sums
        The two samples; four values at least between them, and one on either side.
    level : float
        Confidence of the interval.

    Returns
    -------
    Correlation or Missing
        Equals ``scipy.stats.pearsonr`` and its ``confidence_interval(level)`` on the raw data.

    Notes
    -----
    With x in {0, 1} all five sums of Pearson's formula follow from the two samples, as integers; so numerator,
    squared denominator and 1 - r² are exact before the first float. The p is that of Student's t with n - 2
    degrees of freedom, written as an incomplete beta function of 1 - r².

    Examples
    --------
    >>> found = correlation(Sums.of([3, 4, 5]), Sums.of([1, 2, 3]), 0.95)
    >>> round(found.r, 6), round(found.p_value, 6)
    (0.774597, 0.070484)
    """
    count = applied.n + baseline.n
    if count < _LEAST or not applied.n or not baseline.n:
        return Missing.TOO_FEW
    spread = applied.merged(baseline).spread
    if not spread:
        return Missing.ZERO_VARIANCE
    across = applied.total * baseline.n - baseline.total * applied.n
    square = applied.n * baseline.n * spread
    r = across / math.sqrt(square)
    left = (square - across * across) / square
    p_value = float(betainc(count / 2 - 1, 0.5, left))
    return Correlation(r, p_value, _fisher(r, count, level))


def pearson(pairs: JointMoments, level: float) -> Correlation | Missing:
    """Correlate two numbers of the same people.

    Returns
    -------
    Correlation or Missing
        Equals ``scipy.stats.pearsonr`` and its ``confidence_interval(level)`` on the raw pairs; four pairs at least.

    Examples
    --------
    >>> found = pearson(JointMoments.of([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]), 0.95)
    >>> round(found.r, 6), round(found.p_value, 6)
    (0.8, 0.2)
    """
    if pairs.n < _LEAST:
        return Missing.TOO_FEW
    if not pairs.xx or not pairs.yy:
        return Missing.ZERO_VARIANCE
    r = pairs.xy / math.sqrt(pairs.xx) / math.sqrt(pairs.yy)
    r = max(-1.0, min(1.0, r))
    # P(|R| > r) of a symmetric beta distribution on [-1, 1]; near r = 1 nothing of 1 - r is squared away.
    half = pairs.n / 2 - 1
    p_value = 2 * float(betainc(half, half, (1 - abs(r)) / 2))
    return Correlation(r, p_value, _fisher(r, pairs.n, level))


def _fisher(r: float, count: int, level: float) -> Interval:
    """Fisher's z; a perfect correlation has no width, as scipy has it too."""
    if abs(r) >= 1:
        edge = math.copysign(1.0, r)
        return Interval(edge, edge)
    reach = float(ndtri(0.5 + level / 2)) / math.sqrt(count - 3)
    middle = math.atanh(r)
    return Interval(math.tanh(middle - reach), math.tanh(middle + reach))
