"""How likely an effect of a size is to be found, how many people that takes, and how many days.

Knows standardized effects and sizes of samples. Must never know rates of arrival other than as a number.
"""

from __future__ import annotations

import math
from typing import Final

from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from fitly.core.statistics.missing import Missing

_LARGE: Final = 2_000
"""Degrees of freedom from which t is taken as normal: the difference is below a thousandth."""
_FAR: Final = 1e12


def power(d: float, n: float, *, ratio: float = 1.0, alpha: float = 0.05) -> float:
    """Give the chance that a two-sided t test finds an effect.

    Parameters
    ----------
    d : float
        The true difference in standard deviations.
    n : float
        People in the first arm, more than 1.
    ratio : float
        People in the second arm per one in the first.
    alpha : float
        Level of the test.

    Returns
    -------
    float
        Within 1 % of statsmodels' ``TTestIndPower().power``.

    Examples
    --------
    >>> round(power(0.5, 64), 3)
    0.801
    """
    df = n + n * ratio - 2
    away = abs(d) * math.sqrt(n * ratio / (1 + ratio))
    if df > _LARGE:
        z = float(ndtri(1 - alpha / 2))
        return float(ndtr(away - z)) + float(ndtr(-away - z))
    t = float(stdtrit(df, 1 - alpha / 2))
    return 1 - _below(t, df, away) + _below(-t, df, away)


def _below(t: float, df: float, away: float) -> float:
    """Give the noncentral t's distribution function; its approximation where the exact one does not converge.

    That happens far out only, where the function is close to 0 or 1 (Abramowitz and Stegun 1964, 26.7.10).
    """
    exact = float(nctdtr(df, away, t))
    if not math.isnan(exact):
        return exact
    return float(ndtr((t * (1 - 1 / (4 * df)) - away) / math.sqrt(1 + t * t / (2 * df))))


def needed(d: float, *, goal: float = 0.8, ratio: float = 1.0, alpha: float = 0.05) -> float | Missing:
    """Give how many people the first arm needs, for a power of ``goal``.

    Returns
    -------
    float or Missing
        Not rounded, 2 at least; within 1 % of statsmodels' ``TTestIndPower().solve_power``. Missing for no effect.

    Examples
    --------
    >>> round(needed(0.5), 1)
    63.8
    """
    low, high = 2.0, 4.0
    if power(d, low, ratio=ratio, alpha=alpha) >= goal:
        return low
    while power(d, high, ratio=ratio, alpha=alpha) < goal:
        low, high = high, high * 2
        if high > _FAR:
            return Missing.TOO_FEW
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if power(d, middle, ratio=ratio, alpha=alpha) < goal:
            low = middle
        else:
            high = middle
    return high


def days_left(wanted: float, have: int, per_day: float) -> float | Missing:
    """Give how long it takes until as many as wanted are there, at the rate observed.

    >>> days_left(100, 40, 6), days_left(100, 120, 0), days_left(100, 40, 0)
    (10.0, 0.0, <Missing.TOO_FEW: 'TOO_FEW'>)
    """
    if have >= wanted:
        return 0.0
    return (wanted - have) / per_day if per_day > 0 else Missing.TOO_FEW
