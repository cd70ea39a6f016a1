"""What is believed of an arm's effect on one learner, and how sure that is.

Knows normal conjugacy on centred rewards. Must never know modes or draws.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from fitly.core.entries import Evidence
from fitly.core.inforce import Prior
from fitly.core.numbers import ONE
from fitly.core.rules import Policy

ENOUGH_OF_BOTH = 2
"""Decisions with the arm, and without, from which their difference is a datum."""


class Belief(NamedTuple):
    """Posterior mean and standard deviation of an arm's effect (in units of reward, 0-1)."""

    mean: float
    sd: float


def belief(said: Evidence | None, prior: Prior) -> Belief:
    """Combine what is believed of everybody with the learner's own decisions.

    The datum is the difference of two weighted means of centred rewards, with the arm and without, of variance
    sigma^2 (sum w^2 / (sum w)^2) on either side; it counts from two decisions on both sides on. Weights, because arms
    are drawn more often as time goes by, and a learner's centre still lags behind their ability in the beginning: plain
    means would compare early decisions with later ones, and make ability look like an effect.

    Parameters
    ----------
    said : Evidence or None
        The learner's closed decisions with the arm, and not to apply beside it; None for none.
    prior : Prior
        Mean and variance of the effect between learners, and the noise of a decision's reward.

    Examples
    --------
    >>> belief(None, Prior(0.02, 0.01, 0.04, informed=True))
    Belief(mean=0.02, sd=0.1)
    """
    if said is None or said.drawn < ENOUGH_OF_BOTH or said.n0 < ENOUGH_OF_BOTH:
        return Belief(prior.mean, math.sqrt(prior.variance))
    w, w0 = said.w, said.w0
    datum = said.wx / (w * ONE) - said.wx0 / (w0 * ONE)
    of_datum = prior.noise * ONE * (said.w2 / (w * w) + said.v0 / (w0 * w0))
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
