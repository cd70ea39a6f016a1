"""How far is this learner from others? Descriptions against the population's baseline, and no test.

Knows the sums of a learner's decisions and of other learners' means. Must never know rows, windows or ids.

A learner differs from the population by ability before anything is personalized: a test against it flags half of all
learners where personalizing does nothing (statistics.md, "Traps"). So there are differences here, but no p, no flag,
no direction and no interval: whoever sees that an interval leaves out 0 reads it as a flag, whatever stands beside it.
"""

from __future__ import annotations

from fitly.core.statistics.composite import composite_score, shrunk_distance
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.own_baseline import MEASURING, UNKNOWN, Figures, Measuring, Sample
from fitly.core.statistics.sums import EMPTY
from fitly.core.statistics.welch import difference, improvement


def informs(learners: int, measuring: Measuring = MEASURING) -> bool:
    """Tell whether so many learners make a baseline.

    >>> informs(5), informs(4)
    (True, False)
    """
    return learners >= measuring.least_learners


def described_figures(applied: Sample, learners: Sample, measuring: Measuring = MEASURING) -> Figures:
    """Describe a learner's personalized decisions against the population's baseline.

    Parameters
    ----------
    applied : Sample
        The unit is the decision.
    learners : Sample
        The unit is the learner: means of baseline decisions, each learner once.

    Returns
    -------
    Figures
        Differences and percentages of the means, the latter only where the baseline's own interval leaves out 0; the
        composite score; whatever tests is missing. `UNKNOWN` where there are too few learners; a single metric that
        too few learners have is missing alone.
    """
    if not informs(learners.composite.n, measuring):
        return UNKNOWN
    weights, untested = measuring.weights, Missing.NO_RANDOMIZED_OWN_BASELINE
    pairs = [
        (one, others if informs(others.n, measuring) else EMPTY)
        for one, others in zip(applied[1:], learners[1:], strict=True)
    ]
    return Figures(
        differences=tuple(difference(one, others) for one, others in pairs),
        improvements=tuple(improvement(one, others, measuring.level) for one, others in pairs),
        r=untested,
        p_value=untested,
        interval=untested,
        difference_interval=untested,
        composite_score=composite_score(
            [shrunk_distance(one, others, measuring.shrinkage) for one, others in pairs],
            (weights.retention, weights.performance, weights.completion, weights.engagement),
        ),
        significant=False,
    )
