"""From the four metrics to one reward, and to what it is centred on.

Knows weights and prior means. Must never know which arm a reward teaches.
"""

from __future__ import annotations

from fitly.core.decisions import Measured
from fitly.core.events import OutcomeCorrected, OutcomeRecorded
from fitly.core.inforce import FourMetrics, InForce
from fitly.core.numbers import Micro, mean, micro


def measured(data: OutcomeRecorded | OutcomeCorrected) -> Measured:
    """Round the metrics of an event to millionths: the one place where they are rounded."""
    retention, performance = data.retention_score, data.performance_score
    completion, engagement = data.completion_rate, data.engagement_score
    return Measured(
        None if retention is None else micro(retention),
        None if performance is None else micro(performance),
        None if completion is None else micro(completion),
        None if engagement is None else micro(engagement),
    )


def reward(metrics: Measured, typical: FourMetrics, force: InForce) -> Micro:
    """Weigh the metrics into one number; an absent one stands at its prior mean.

    So a reward does not depend on which metrics happened to come.

    Parameters
    ----------
    metrics : Measured
        What came.
    typical : tuple of Micro
        Prior means of the metrics for the outcome's context and type (`InForce.typical`).
    force : InForce
        The rules in force, for their weights.

    Examples
    --------
    >>> from fitly.core.inforce import put_in_force
    >>> from fitly.core.rules import Rules
    >>> reward(Measured(None, Micro(900_000), None, None), (Micro(500_000),) * 4, put_in_force(Rules()))
    600000
    """
    no_retention, no_performance, no_completion, no_engagement = typical
    of_retention, of_performance, of_completion, of_engagement, whole = force.weights
    retention, performance, completion, engagement = metrics
    return mean(
        of_retention * (no_retention if retention is None else retention)
        + of_performance * (no_performance if performance is None else performance)
        + of_completion * (no_completion if completion is None else completion)
        + of_engagement * (no_engagement if engagement is None else engagement),
        whole,
    )


def centre(own_sum: int, own_n: int, context_mean: Micro, force: InForce) -> Micro:
    """Give the learner's own mean reward in a context, shrunk towards the context's.

    Arms learn from rewards minus this, so that an able learner does not make an arm look good.

    Examples
    --------
    >>> from fitly.core.inforce import put_in_force
    >>> from fitly.core.rules import Rules
    >>> force = put_in_force(Rules())
    >>> centre(0, 0, Micro(500_000), force), centre(9_000_000, 10, Micro(500_000), force)
    (500000, 700000)
    """
    weight = force.own_weight
    return mean(own_sum + weight * context_mean, own_n + weight)
