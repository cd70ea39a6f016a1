"""The upper tail of the chi-square distribution, also where it is too small to be a float.

Knows a statistic and its degrees of freedom. Must never know what was counted.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from scipy.special import chdtrc

_SMALL: Final = 1e-280
"""Below, floats thin out: the tail is taken from its continued fraction instead."""
_CLOSE: Final = 1e-15


class ChiSquare(NamedTuple):
    """The statistic, its degrees of freedom, the p, and the p's common logarithm, which does not underflow."""

    chi2: float
    df: int
    p_value: float
    log10_p_value: float


def chi_square(statistic: float, df: int) -> ChiSquare:
    """Give the p of a statistic.

    >>> found = chi_square(3.841459, 1)
    >>> round(found.p_value, 6), round(found.log10_p_value, 6)
    (0.05, -1.30103)
    >>> round(chi_square(1e5, 1).log10_p_value, 3)
    -21717.322
    >>> chi_square(-1.0, 1)
    Traceback (most recent call last):
    ValueError: a chi-square of -1: some count is larger than what it is a part of
    """
    if statistic < 0:
        message = f"a chi-square of {statistic:g}: some count is larger than what it is a part of"
        raise ValueError(message)
    p_value = float(chdtrc(df, statistic))
    log10 = math.log10(p_value) if p_value > _SMALL else _log_tail(df / 2, statistic / 2) / math.log(10)
    return ChiSquare(statistic, df, p_value, log10)


def _log_tail(a: float, x: float) -> float:
    """Give ln Q(a, x) for x far above a, by the continued fraction of the incomplete gamma function (Lentz 1976)."""
    if math.isinf(x):
        return -math.inf
    b = x + 1 - a
    c, d = math.inf, 1 / b
    product, k, change = d, 0, 0.0
    while abs(change - 1) > _CLOSE:
        k += 1
        factor = -k * (k - a)
        b += 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        change = c * d
        product *= change
    return -x + a * math.log(x) - math.lgamma(a) + math.log(product)
