"""From the four metrics to one reward, and to what it is centred on.

Knows weights and prior means. Must never know which arm a reward teaches.
"""

from __future__ import annotations

from fitly.core.decisions import Measured
from fitly.core.events import OutcomeCorrected, OutcomeRecorded
from fitly.core.numbers import Micro, mean, micro, nano
from fitly.core.rules import Priors, RewardWeights


def measured(data: OutcomeRecorded | OutcomeCorrected) -> Measured:
    """Round the metrics of an event to millionths: the one place where they are rounded."""
    return Measured(
        None if data.retention_score is None else micro(data.retention_score),
        None if data.performance_score is None else micro(data.performance_score),
        None if data.completion_rate is None else micro(data.completion_rate),
        None if data.engagement_score is None else micro(data.engagement_score),
    )


def reward(metrics: Measured, weights: RewardWeights, priors: Priors) -> Micro:
    """Weigh the metrics into one number; an absent one stands at its prior mean.

    So a reward does not depend on which metrics happened to come.

    Examples
    --------
    >>> reward(Measured(None, Micro(900_000), None, None), RewardWeights(), Priors())
    600000
    """
    absent = micro(priors.metric_mean)
    of_retention, of_performance = nano(weights.retention), nano(weights.performance)
    of_completion, of_engagement = nano(weights.completion), nano(weights.engagement)
    total = (
        of_retention * (absent if metrics.retention is None else metrics.retention)
        + of_performance * (absent if metrics.performance is None else metrics.performance)
        + of_completion * (absent if metrics.completion is None else metrics.completion)
        + of_engagement * (absent if metrics.engagement is None else metrics.engagement)
    )
    return mean(total, of_retention + of_performance + of_completion + of_engagement)


def centre(own_sum: int, own_n: int, priors: Priors) -> Micro:
    """Give the learner's own mean reward in a context, shrunk towards the context's.

    Arms learn from rewards minus this, so that an able learner does not make an arm look good.

    Examples
    --------
    >>> centre(0, 0, Priors()), centre(9_000_000, 10, Priors())
    (500000, 700000)
    """
    weight = max(priors.own_weight, 1)
    return mean(own_sum + weight * micro(priors.metric_mean), own_n + weight)
