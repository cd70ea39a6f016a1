"""Two shares of yes: pooled z, Wald's and Newcombe's intervals, and Cohen's h.

Knows counts. Must never know what was answered with yes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from scipy.special import ndtr, ndtri

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.welch import Interval


@dataclass(frozen=True, slots=True)
class Successes:
    """So many of n said yes.

    Examples
    --------
    >>> (Successes(4, 1) + Successes(4, 3)).rate
    0.5
    """

    n: int = 0
    count: int = 0

    def __add__(self, other: Successes) -> Successes:
        """Give both samples together."""
        return Successes(self.n + other.n, self.count + other.count)

    @property
    def rate(self) -> float:
        """The share. Needs ``n >= 1``."""
        return self.count / self.n


class Proportions(NamedTuple):
    """What two shares say; z and p are missing where everybody said the same."""

    difference: float
    z: float | Missing
    p_value: float | Missing
    wald: Interval
    newcombe: Interval
    h: float


def wilson(sample: Successes, level: float) -> Interval:
    """Give the score interval of a share (Wilson 1927), without continuity correction. Needs ``n >= 1``.

    Equals statsmodels' ``proportion_confint(method="wilson")``.

    >>> lower, upper = wilson(Successes(346, 193), 0.95)
    >>> round(lower, 6), round(upper, 6)
    (0.505122, 0.609215)
    """
    n, rate = sample.n, sample.rate
    z = float(ndtri(0.5 + level / 2))
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At the ends the bound is 0 or 1 exactly, where the difference of two roundings would not be.
    lower = middle - reach if sample.count else 0.0
    upper = middle + reach if sample.count < n else 1.0
    return Interval(lower, upper)


def cohens_h(treatment: float, control: float) -> float:
    """Give the distance of two shares where a step is as large near 0 and 1 as in the middle (Cohen 1988).

    >>> round(cohens_h(1.0, 0.0), 6)
    3.141593
    """
    return 2 * math.asin(math.sqrt(treatment)) - 2 * math.asin(math.sqrt(control))


def proportions(treatment: Successes, control: Successes, level: float) -> Proportions | Missing:
    """Compare two shares.

    Parameters
    ----------
    treatment, control : Successes
        The two samples.
    level : float
        Confidence of the intervals.

    Returns
    -------
    Proportions or Missing
        z and p equal statsmodels' ``proportions_ztest`` (pooled variance), the intervals
        ``confint_proportions_2indep`` with the methods ``wald`` (unpooled) and ``newcomb`` (hybrid score, Newcombe
        1998), h ``proportion_effectsize``.

    Examples
    --------
    >>> found = proportions(Successes(337, 205), Successes(346, 193), 0.95)
    >>> round(found.z, 6), round(found.p_value, 6)
    (1.338243, 0.180817)
    """
    if not treatment.n or not control.n:
        return Missing.TOO_FEW
    one, other = treatment.rate, control.rate
    between = one - other
    pooled = (treatment + control).rate
    variance = pooled * (1 - pooled) * (1 / treatment.n + 1 / control.n)
    z: float | Missing = between / math.sqrt(variance) if variance else Missing.ZERO_VARIANCE
    p_value = z if isinstance(z, Missing) else 2 * float(ndtr(-abs(z)))
    apart = math.sqrt(one * (1 - one) / treatment.n + other * (1 - other) / control.n)
    reach = float(ndtri(0.5 + level / 2)) * apart
    first, second = wilson(treatment, level), wilson(control, level)
    newcombe = Interval(
        between - math.hypot(one - first.lower, second.upper - other),
        between + math.hypot(other - second.lower, first.upper - one),
    )
    return Proportions(between, z, p_value, Interval(between - reach, between + reach), newcombe, cohens_h(one, other))
