"""Less noise by what was known before: CUPED (Deng, Xu, Kohavi and Walker 2013).

Knows pairs (covariate, outcome) of each arm. Must never know the covariate's meaning; that it was measured before the
arm was drawn is the caller's promise, and without it the figure is wrong.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from fitly.core.statistics.joint import JointMoments
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.welch import Welch, welch

_LEAST: Final = 2
_ROUNDING: Final = 1e-14
"""What is left of a spread by rounding alone, where the covariate explains everything."""


class Cuped(NamedTuple):
    """How much of the covariate was taken out, and Welch's test of what is left."""

    theta: float
    test: Welch | Missing


def slope(everybody: JointMoments) -> float | Missing:
    """Give theta = cov(x, y) / var(x) around the grand means.

    Parameters
    ----------
    everybody : JointMoments
        x the covariate, y the outcome, all arms of the experiment together.

    Examples
    --------
    >>> slope(JointMoments.of([1.0, 2.0], [2.0, 4.0]))
    2.0
    """
    if everybody.n < _LEAST:
        return Missing.TOO_FEW
    return everybody.xy / everybody.xx if everybody.xx else Missing.CONSTANT_COVARIATE


def cuped(treatment: JointMoments, control: JointMoments, everybody: JointMoments, level: float) -> Cuped | Missing:
    """Compare outcomes less theta times the covariate.

    Parameters
    ----------
    treatment, control, everybody : JointMoments
        x the covariate, y the outcome; the last holds all arms, not only these two.
    level : float
        Confidence of the interval.

    Returns
    -------
    Cuped or Missing
        Equals ``scipy.stats.ttest_ind(equal_var=False)`` on y - theta (x - mean x), theta taken as known.

    Examples
    --------
    >>> one = JointMoments.of([1.0, 2.0, 3.0], [2.0, 4.0, 7.0])
    >>> other = JointMoments.of([1.0, 2.0, 4.0], [1.0, 4.0, 7.0])
    >>> found = cuped(one, other, one + other, 0.95)
    >>> round(found.theta, 6), round(found.test.difference, 6)
    (2.02439, 1.00813)
    """
    theta = slope(everybody)
    if isinstance(theta, Missing):
        return theta
    one, other = (adjusted(side, theta, everybody.mean_x) for side in (treatment, control))
    return Cuped(theta, welch(one, other, level))


def adjusted(sample: JointMoments, theta: float, middle: float) -> Moments:
    """Take theta times the covariate out of a sample's outcomes."""
    squares = sample.yy + theta * theta * sample.xx - 2 * theta * sample.xy
    if squares <= _ROUNDING * (sample.yy + theta * theta * sample.xx):
        squares = 0.0
    return Moments(sample.n, sample.mean_y - theta * (sample.mean_x - middle), squares)
