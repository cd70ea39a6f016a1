"""What is believed of an arm's effect on one learner, and how sure that is.

Knows normal conjugacy on centred rewards. Must never know modes or draws.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from fitly.core.entries import ArmEntry
from fitly.core.numbers import ONE
from fitly.core.rules import Policy, Priors

ENOUGH_OF_BOTH = 2
"""Decisions with the arm, and without, from which their difference is a datum."""


class Belief(NamedTuple):
    """Posterior mean and standard deviation of an arm's effect (in units of reward, 0-1)."""

    mean: float
    sd: float


def belief(arm: ArmEntry | None, control: ArmEntry, priors: Priors) -> Belief:
    """Combine the prior with the learner's own decisions.

    With at least two decisions on each side the datum is the difference of the centred means, of variance
    sigma^2 (1/n1 + 1/n0); before that it is the arm's centred mean, of variance sigma^2 / n1, counted half.

    Parameters
    ----------
    arm, control : ArmEntry
        The learner's sums with the arm (None for none) and of their control decisions.
    priors : Priors
        Spread of effects and of rewards.

    Examples
    --------
    >>> from fitly.core.tally import empty_arm
    >>> belief(empty_arm(1), empty_arm(0), Priors())
    Belief(mean=0.0, sd=0.1)
    """
    if arm is None or not arm.n:
        return Belief(0.0, priors.effect_sd)
    variance = priors.effect_sd**2
    datum = arm.centred / arm.n / ONE
    noise = priors.reward_sd**2
    if arm.n >= ENOUGH_OF_BOTH and control.n >= ENOUGH_OF_BOTH:
        datum -= control.centred / control.n / ONE
        of_datum = noise * (1 / arm.n + 1 / control.n)
    else:
        of_datum = 2 * noise / arm.n
    weight = variance / (variance + of_datum)
    return Belief(weight * datum, math.sqrt(variance * (1 - weight)))


def confidence(greedy: Belief, policy: Policy, priors: Priors) -> float:
    """Give the probability that the greedy arm helps this learner.

    The policy's initial confidence until enough learners inform the population's effects: a posterior
    around an assumed prior would only look like knowledge.

    Examples
    --------
    >>> confidence(Belief(0.1, 0.1), Policy(), Priors())
    0.7
    >>> round(confidence(Belief(0.1, 0.1), Policy(), Priors(informed=20)), 4)
    0.8413
    """
    if priors.informed < priors.enough:
        return policy.initial_confidence
    return 0.5 * math.erfc(-greedy.mean / (greedy.sd * math.sqrt(2)))
