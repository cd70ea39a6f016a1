"""What a bandit's weights become in its next epoch, from what was measured until now.

Knows posteriors of the variants' means and how weights follow from them. Must never know learners, nor draw: Thompson's
weights are the chances to be best, integrated and not sampled, so that the same sums give the same weights anywhere.

A variant's posterior is normal, around the mean of its learner-epochs: with prior N(.5, 1), which says nothing beside
a handful of rewards between 0 and 1, and the spread of all variants together, since that of one with few learners may
be 0 by chance. Learners of the uniform slice and of the rest inform alike: within an epoch every variant's learners
were drawn from the same people. Over epochs they were not, since the weights moved while the people changed; so each
epoch's means are taken relative to the mean of that epoch (drawn variants weighted alike), as in a block design.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fitly.core.confidence import Belief
from fitly.core.experiments.plan import Bandit, BanditAlgorithm
from fitly.core.numbers import CERTAIN, Nano
from fitly.core.policies import with_floor
from fitly.core.statistics.moments import Moments, together
from fitly.core.thompson import chances

PRIOR_MEAN: Final = 0.5
PRIOR_VARIANCE: Final = 1.0
"""Of a variant's mean before anything was measured; means lie between 0 and 1."""
LEAST: Final = 2
"""Learner-epochs of all variants together from which a spread is known."""

Block = Mapping[int, Moments]
"""What was measured in one epoch: place of a variant -> its learners' means."""


@dataclass(frozen=True, slots=True)
class Reweighted:
    """Weights of the next epoch, and what they follow from; all in the order of the plan's variants.

    Attributes
    ----------
    weights : tuple of Nano
        10^-9; they add to 10^9, and none is below the floor but by rounding.
    posteriors : tuple of Belief
        Mean and standard deviation of each variant's mean (unit: reward, 0-1).
    n : tuple of int
        Learner-epochs behind each.
    """

    weights: tuple[Nano, ...]
    posteriors: tuple[Belief, ...]
    n: tuple[int, ...]


def reweighted(bandit: Bandit, blocks: Sequence[Block], variants: int) -> Reweighted:
    """Give the weights of the next epoch.

    Parameters
    ----------
    bandit : Bandit
        Algorithm, epsilon and floor.
    blocks : sequence of mapping
        Per epoch that was measured, the primary metric of each variant's learners; a variant nobody was drawn for may
        be missing.
    variants : int
        How many the plan has, 2 or more.

    Returns
    -------
    Reweighted
        A function of the sums alone. Before anything was measured, all variants weigh alike.

    Examples
    --------
    >>> seen = {0: Moments.of([0.4, 0.6] * 50), 1: Moments.of([0.5, 0.7] * 50)}
    >>> [round(part / 10**9, 3) for part in reweighted(Bandit(), [seen], 2).weights]
    [0.095, 0.905]
    """
    n = tuple([sum(block.get(place, _NOBODY).n for block in blocks) for place in range(variants)])
    posteriors = tuple(_posterior(belief, PRIOR_VARIANCE) for belief in _levels(blocks, n, variants))
    return Reweighted(_whole(with_floor(_odds(bandit, posteriors), bandit.floor)), posteriors, n)


_NOBODY: Final = Moments()


def _odds(bandit: Bandit, posteriors: Sequence[Belief]) -> tuple[float, ...]:
    """Give each variant's share before the floor."""
    if bandit.algorithm is BanditAlgorithm.THOMPSON:
        return chances(posteriors)
    top = max(belief.mean for belief in posteriors)
    leading = sum(belief.mean == top for belief in posteriors)
    each = bandit.epsilon / len(posteriors)
    return tuple(each + (1 - bandit.epsilon) / leading * (belief.mean == top) for belief in posteriors)


def _levels(blocks: Sequence[Block], n: Sequence[int], variants: int) -> list[tuple[float, float]]:
    """Give each variant's mean with the epochs' levels taken out, and its variance; infinite where nobody was measured.

    Within an epoch the level is the plain mean of the variants' means, so that it does not move with the weights. Where
    an epoch lacks a variant, its level is not comparable with the others': such an epoch waits.
    """
    full = [block for block in blocks if all(block.get(place, _NOBODY).n for place in range(variants))]
    everybody = sum(n)
    if not full or everybody < LEAST:
        return [(PRIOR_MEAN, math.inf)] * variants
    levels = [math.fsum(block[place].mean for place in range(variants)) / variants for block in full]
    sizes = [sum(block[place].n for place in range(variants)) for block in full]
    level = math.fsum(size * each for size, each in zip(sizes, levels, strict=True)) / sum(sizes)
    spread = _spread(full, variants)
    found = []
    for place in range(variants):
        count = sum(block[place].n for block in full)
        above = math.fsum(block[place].n * (block[place].mean - each) for block, each in zip(full, levels, strict=True))
        found.append((level + above / count, spread / count))
    return found


def _spread(blocks: Sequence[Block], variants: int) -> float:
    """Give the variance within variants and epochs, pooled."""
    samples = [block[place] for block in blocks for place in range(variants)]
    left = sum(sample.n - 1 for sample in samples)
    return math.fsum(sample.squares for sample in samples) / left if left else together(samples).population_variance


def _posterior(datum: tuple[float, float], prior: float) -> Belief:
    """Combine the prior with what was measured, by normal conjugacy.

    >>> _posterior((0.7, 1.0), 1.0)
    Belief(mean=0.6, sd=0.7071067811865476)
    >>> _posterior((0.5, math.inf), 1.0)
    Belief(mean=0.5, sd=1.0)
    """
    mean, variance = datum
    share = prior / (prior + variance) if math.isfinite(variance) else 0.0
    return Belief(PRIOR_MEAN + share * (mean - PRIOR_MEAN), math.sqrt(prior * (1 - share)))


def _whole(shares: Sequence[float]) -> tuple[Nano, ...]:
    """Turn shares into integers of 10^-9 that add to 10^9; what rounding leaves goes to the largest.

    >>> _whole((1 / 3, 1 / 3, 1 / 3))
    (333333334, 333333333, 333333333)
    """
    parts = [int(CERTAIN * share) for share in shares]
    parts[parts.index(max(parts))] += CERTAIN - sum(parts)
    return tuple(map(Nano, parts))
