"""Is a guardrail kept? The treatment may be worse, but not by a margin or more.

Knows two samples' moments and a margin in the metric's unit. Must never know which metrics are guardrails. Higher is
better; who watches a metric of which less is better turns its sign first.
"""

from __future__ import annotations

from typing import NamedTuple

from scipy.special import stdtr, stdtrit

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sequential import TUNING, Tuning, looked
from fitly.core.statistics.welch import welch


class Kept(NamedTuple):
    """Whether a margin is kept, the bound that says so, and in the fixed form the p of it not being kept."""

    kept: bool
    lower: float
    p_value: float | None = None


def kept_at_look(
    treatment: Moments, control: Moments, margin: float, tuning: Tuning = TUNING, *, binary: bool = False
) -> Kept | Missing:
    """Tell at any look: the lower end of the confidence sequence lies above -margin.

    Examples
    --------
    >>> same = Moments.of([0.0, 1.0] * 5_000)
    >>> kept_at_look(same, same, 0.05).kept, kept_at_look(same, same, 0.01).kept
    (True, False)
    """
    found = looked(treatment, control, tuning, binary=binary)
    if isinstance(found, Missing):
        return found
    return Kept(found.interval.lower > -margin, found.interval.lower)


def kept_at_end(treatment: Moments, control: Moments, margin: float, alpha: float = 0.05) -> Kept | Missing:
    """Tell once, at the planned end: the one-sided p of the difference being -margin or less is below alpha.

    Returns
    -------
    Kept or Missing
        p equals ``scipy.stats.ttest_ind(treatment + margin, control, equal_var=False, alternative="greater")``;
        ``lower`` is the one-sided bound of the difference.

    Examples
    --------
    >>> same = Moments.of([0.0, 1.0] * 500)
    >>> kept_at_end(same, same, 0.05).kept, kept_at_end(same, same, 0.01).kept
    (True, False)
    """
    found = welch(treatment, control, 0.95)
    if isinstance(found, Missing):
        return found
    p_value = float(stdtr(found.df, -(found.difference + margin) / found.se))
    lower = found.difference - float(stdtrit(found.df, 1 - alpha)) * found.se
    return Kept(p_value < alpha, lower, p_value)
