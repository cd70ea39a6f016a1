"""Does personalizing help this learner? Every figure against their own control decisions, from two samples' sums.

Knows when a learner's own baseline is enough, and which figure is missing for which reason when it is not.
Must never know rows, windows or ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fitly.core.rules import RewardWeights
from fitly.core.statistics.composite import composite_score, shrunk_effect
from fitly.core.statistics.correlation import correlation
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.sums import EMPTY, Sums
from fitly.core.statistics.welch import Interval, difference, difference_interval, improvement


class Sample(NamedTuple):
    """Decisions of one kind: their composite outcome, and each metric where it was measured."""

    composite: Sums = EMPTY
    retention: Sums = EMPTY
    performance: Sums = EMPTY
    completion: Sums = EMPTY
    engagement: Sums = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """What has to be chosen to measure at all.

    Attributes
    ----------
    rolling_days : int
        Event days of the rolling window.
    least_applied, least_control : int
        Decisions from which a learner's own baseline carries a test.
    least_learners : int
        Learners from which the population's baseline is one: fewer would show what another learner did.
    level : float
        Confidence of every interval.
    alpha : float
        A result whose p is below is flagged.
    shrinkage : float
        Decisions that the prior "no effect" weighs in the composite score.
    weights : RewardWeights
        What each metric counts in the composite score. Not those of the policy in force: the record must follow
        from the learner's row alone, so that it can be recomputed later and compared.
    """

    rolling_days: int = 14
    least_applied: int = 8
    least_control: int = 6
    least_learners: int = 5
    level: float = 0.95
    alpha: float = 0.05
    shrinkage: float = 10.0
    weights: RewardWeights = field(default_factory=RewardWeights)


MEASURING: Final = Measuring()


@dataclass(frozen=True, slots=True)
class Figures:
    """What two samples say; each figure or the reason why there is none, metrics in the vocabulary's order."""

    differences: tuple[float | Missing, ...]
    improvements: tuple[float | Missing, ...]
    r: float | Missing
    p_value: float | Missing
    interval: Interval | Missing
    difference_interval: Interval | Missing
    composite_score: float | Missing
    significant: bool


def _nothing(described: Missing, tested: Missing) -> Figures:
    four = (described,) * 4
    return Figures(four, four, tested, tested, tested, tested, described, significant=False)


UNKNOWN: Final = _nothing(Missing.NO_POPULATION_BASELINE, Missing.NO_RANDOMIZED_OWN_BASELINE)
"""Too little of the learner's own, and no population to describe them against."""


def suffices(applied: int, control: int, measuring: Measuring = MEASURING) -> bool:
    """Tell whether so many of the learner's own randomized decisions carry a test.

    >>> suffices(8, 6), suffices(8, 5), suffices(7, 6)
    (True, False, False)
    """
    return applied >= measuring.least_applied and control >= measuring.least_control


def by_chance(tested: int, measuring: Measuring = MEASURING) -> float:
    """Give how many of so many tested records chance alone would flag, were there no effect anywhere.

    Windows and variants of one learner overlap; what is expected of a sum does not mind that.

    >>> by_chance(240)
    12.0
    """
    return measuring.alpha * tested


def own_figures(applied: Sample, control: Sample, measuring: Measuring = MEASURING) -> Figures:
    """Compare a learner's personalized decisions with their own control decisions.

    Parameters
    ----------
    applied, control : Sample
        The unit is the decision; control holds only decisions drawn at random not to apply.

    Returns
    -------
    Figures
        `UNKNOWN` where the learner's own baseline does not suffice.
    """
    if not suffices(applied.composite.n, control.composite.n, measuring):
        return UNKNOWN
    level, weights = measuring.level, measuring.weights
    pairs = tuple(zip(applied[1:], control[1:], strict=True))
    found = correlation(applied.composite, control.composite, level)
    r, p_value, interval = (found,) * 3 if isinstance(found, Missing) else found
    return Figures(
        differences=tuple(difference(one, other) for one, other in pairs),
        improvements=tuple(improvement(one, other, level) for one, other in pairs),
        r=r,
        p_value=p_value,
        interval=interval,
        difference_interval=difference_interval(applied.composite, control.composite, level),
        composite_score=composite_score(
            [shrunk_effect(one, other, measuring.shrinkage) for one, other in pairs],
            (weights.retention, weights.performance, weights.completion, weights.engagement),
        ),
        significant=not isinstance(p_value, Missing) and p_value < measuring.alpha,
    )
