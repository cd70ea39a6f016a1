"""A ratio of two sums over learners, such as minutes per session, by the delta method.

Knows pairs (denominator, numerator), one per learner. Must never know what is divided by what.
"""

from __future__ import annotations

from typing import Final

from fitly.core.statistics.joint import JointMoments
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments

_LEAST: Final = 2


def ratio(sample: JointMoments) -> Moments | Missing:
    """Give the ratio of totals as the mean of a sample whose variance is the delta method's.

    Parameters
    ----------
    sample : JointMoments
        x the denominator, y the numerator; one pair per learner.

    Returns
    -------
    Moments or Missing
        Mean Σy/Σx, and the spread of (y - ratio x) / mean(x): to be compared by `welch.welch` as any other sample.

    Examples
    --------
    >>> found = ratio(JointMoments.of([1.0, 3.0], [2.0, 4.0]))
    >>> found.mean, found.variance
    (1.5, 0.125)
    """
    if sample.n < _LEAST:
        return Missing.TOO_FEW
    if not sample.mean_x:
        return Missing.ZERO_BASELINE
    share = sample.mean_y / sample.mean_x
    squares = sample.yy + share * share * sample.xx - 2 * share * sample.xy
    return Moments(sample.n, share, max(squares, 0.0) / sample.mean_x**2)
