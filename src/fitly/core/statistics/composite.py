"""One number, 0 to 100, for how a personalized outcome compares with an ordinary one.

Knows standardized differences and weights. Must never know the metrics' names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import Sums


def shrunk_effect(applied: Sums, baseline: Sums, weight: float) -> float | Missing:
    """Give Cohen's d (pooled sd), drawn towards 0 as far as the samples are small.

    Parameters
    ----------
    applied, baseline : Sums
        Two values at least on either side.
    weight : float
        What the prior "no effect" weighs, in decisions: d is multiplied by h / (h + weight) with
        h = n₁n₀ / (n₁ + n₀). It is the posterior mean of d under the prior N(0, 1 / weight), the sampling
        variance of d being close to 1/n₁ + 1/n₀.

    Examples
    --------
    >>> shrunk_effect(Sums.of([1, 2, 3]), Sums.of([0, 1, 2]), 0)
    1.0
    >>> shrunk_effect(Sums.of([1, 2, 3]), Sums.of([0, 1, 2]), 1.5)
    0.5
    """
    if min(applied.n, baseline.n) < 2:  # noqa: PLR2004 - a variance needs two values
        return Missing.TOO_FEW
    if not applied.spread and not baseline.spread:
        return Missing.ZERO_VARIANCE
    within = (applied.n - 1) * applied.variance + (baseline.n - 1) * baseline.variance
    pooled = math.sqrt(within / (applied.n + baseline.n - 2))
    size = applied.n * baseline.n / (applied.n + baseline.n)
    return (applied.mean - baseline.mean) / pooled * size / (size + weight)


def shrunk_distance(applied: Sums, learners: Sums, weight: float) -> float | Missing:
    """Give how far one learner's mean is from other learners' means, in their standard deviations, drawn towards 0.

    Parameters
    ----------
    applied : Sums
        The learner's decisions; one at least.
    learners : Sums
        Means of other learners, each counted once; two at least.
    weight : float
        As in `shrunk_effect`, with h = n₁n₀ / (n₁ + n₀) of decisions and learners.

    Notes
    -----
    The yardstick is the spread between learners alone: the spread of one learner's decisions is another thing, and a
    pooled one would be neither.

    Examples
    --------
    >>> round(shrunk_distance(Sums.of([4, 6]), Sums.of([1, 2, 3]), 0), 6)
    3.0
    """
    if not applied.n or learners.n < 2:  # noqa: PLR2004 - a variance needs two values
        return Missing.TOO_FEW
    if not learners.spread:
        return Missing.ZERO_VARIANCE
    size = applied.n * learners.n / (applied.n + learners.n)
    return (applied.mean - learners.mean) / math.sqrt(learners.variance) * size / (size + weight)


def composite_score(effects: Sequence[float | Missing], weights: Sequence[float]) -> float | Missing:
    """Give 100·Φ(Σ w·d / √2): the chance in percent that a personalized outcome beats an ordinary one.

    Parameters
    ----------
    effects : sequence
        Standardized differences, missing ones as such.
    weights : sequence of float
        One per effect, 0 or more; made to add to 1 over the effects present.

    Returns
    -------
    float or Missing
        50 where there is no effect; the first reason where no effect with a weight is present.

    Examples
    --------
    >>> composite_score([0.0, Missing.TOO_FEW], [0.25, 0.25])
    50.0
    >>> round(composite_score([1.0, 0.0], [0.75, 0.25]), 6)
    70.205845
    """
    pairs = zip(effects, weights, strict=True)
    present = [(effect, weight) for effect, weight in pairs if not isinstance(effect, Missing)]
    whole = math.fsum(weight for _, weight in present)
    if not whole:
        return next((effect for effect in effects if isinstance(effect, Missing)), Missing.TOO_FEW)
    leaning = math.fsum(effect * weight for effect, weight in present) / whole
    return 50 * math.erfc(-leaning / 2)
