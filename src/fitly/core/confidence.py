"""What is believed of an arm's effect on one learner, and how sure that is.

Knows normal conjugacy on centred rewards. Must never know modes or draws.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from fitly.core.entries import ArmEntry
from fitly.core.inforce import Prior
from fitly.core.numbers import ONE
from fitly.core.rules import Policy

ENOUGH_OF_BOTH = 2
"""Decisions with the arm, and without, from which their difference is a datum."""


class Belief(NamedTuple):
    """Posterior mean and standard deviation of an arm's effect (in units of reward, 0-1)."""

    mean: float
    sd: float


class NotApplied(NamedTuple):
    """A learner's randomized decisions not to apply: how many have a reward, and the sum of their centred rewards."""

    n: int
    centred: int


def belief(arm: ArmEntry | None, not_applied: NotApplied, prior: Prior) -> Belief:
    """Combine what is believed of everybody with the learner's own decisions.

    With at least two decisions on each side the datum is the difference of the centred means, of variance
    sigma^2 (1/n1 + 1/n0); before that it is the arm's centred mean, of variance sigma^2 / n1, counted half.

    Parameters
    ----------
    arm : ArmEntry or None
        The learner's sums with the arm; None for none.
    not_applied : NotApplied
        Their control decisions, and those that fell back though a probe was possible.
    prior : Prior
        Mean and variance of the effect between learners, and the noise of a decision's reward.

    Examples
    --------
    >>> belief(None, NotApplied(0, 0), Prior(0.02, 0.01, 0.04, informed=True))
    Belief(mean=0.02, sd=0.1)
    """
    if arm is None or not arm.n:
        return Belief(prior.mean, math.sqrt(prior.variance))
    datum = arm.centred / arm.n / ONE
    if arm.n >= ENOUGH_OF_BOTH and not_applied.n >= ENOUGH_OF_BOTH:
        datum -= not_applied.centred / not_applied.n / ONE
        of_datum = prior.noise * (1 / arm.n + 1 / not_applied.n)
    else:
        of_datum = 2 * prior.noise / arm.n
    weight = prior.variance / (prior.variance + of_datum)
    return Belief(prior.mean + weight * (datum - prior.mean), math.sqrt(prior.variance * (1 - weight)))


def confidence(greedy: Belief, prior: Prior, policy: Policy) -> float:
    """Give the probability that the greedy arm helps this learner.

    The policy's initial confidence until enough learners inform the population's effect of that arm: a posterior
    around an assumed prior would only look like knowledge.

    Examples
    --------
    >>> confidence(Belief(0.1, 0.1), Prior(0.0, 0.01, 0.04, informed=False), Policy())
    0.7
    >>> round(confidence(Belief(0.1, 0.1), Prior(0.0, 0.01, 0.04, informed=True), Policy()), 4)
    0.8413
    """
    if not prior.informed:
        return policy.initial_confidence
    return 0.5 * math.erfc(-greedy.mean / (greedy.sd * math.sqrt(2)))
