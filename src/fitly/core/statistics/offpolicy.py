"""What another policy would have been worth, from decisions that this one drew: IPS, SNIPS and doubly robust.

Knows totals per learner and how to weigh them. Must never know rows, nor how a weight came about.

Every estimate is a ratio of totals over learners: weighted rewards per decision (IPS: Horvitz and Thompson 1952), per
unit of weight (SNIPS: Swaminathan and Joachims 2015), and doubly robust terms per decision (Dudik, Langford and Li
2011). The learner is the unit: standard errors are those of a ratio of learners' totals (linearized, with the factor
L/(L-1)), so that many decisions of one learner do not look like knowledge about many.

Looks: whoever looks every week and stops when pleased is wrong more often than the level says. So the level is split
over the weeks: the k-th look has the error alpha/(k(k+1)), and all looks together alpha, for ever. That covers one look
a week.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, NamedTuple

from scipy.special import ndtri

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.welch import Interval

LEAST_LEARNERS: Final = 100
"""Effective learners below which there is no answer."""
_LEAST: Final = 2


class Weighed(NamedTuple):
    """Totals per learner and their products, summed over learners: integers, so that they merge and can be taken back.

    Attributes
    ----------
    learners : int
        With one decision at least.
    n, w, r, d : int
        Decisions, weights, weighted rewards, doubly robust terms.
    nn, ww, rr, dd, nw, nr, nd, wr : int
        Sums over learners of the products of their totals.

    Examples
    --------
    >>> Weighed.of([(2, 3, 4, 5), (1, 0, 0, 1)]).nn
    5
    """

    learners: int = 0
    n: int = 0
    w: int = 0
    r: int = 0
    d: int = 0
    nn: int = 0
    ww: int = 0
    rr: int = 0
    dd: int = 0
    nw: int = 0
    nr: int = 0
    nd: int = 0
    wr: int = 0

    @classmethod
    def of(cls, learners: Iterable[tuple[int, int, int, int]]) -> Weighed:
        """Sum up learners given by their totals (n, w, r, d)."""
        rows = ((1, n, w, r, d, n * n, w * w, r * r, d * d, n * w, n * r, n * d, w * r) for n, w, r, d in learners)
        return cls(*map(sum, zip(*rows, strict=True)))

    @classmethod
    def read(cls, sums: Mapping[str, int], behind: str = "") -> Weighed:
        """Read sums by their names, each with something behind it; an absent one is 0."""
        return cls(*(sums.get(name + behind, 0) for name in cls._fields))


class Estimate(NamedTuple):
    """An estimate, its standard error over learners, and the interval of the look."""

    value: float
    se: float
    interval: Interval


class OffPolicy(NamedTuple):
    """What can be said of a policy that did not act.

    Attributes
    ----------
    decisions, learners : int
        That inform it.
    ess : float
        Learners as good as these if all weighed the same: (sum w)^2 / sum w^2 over learners' total weights.
    mean_weight : float or Missing
        Near 1 where the logged probabilities are true and nothing is unsupported.
    ips, snips, dr : Estimate or Missing
        Expected reward of a decision; NOT_ENOUGH under 100 effective learners.
    """

    decisions: int
    learners: int
    ess: float
    mean_weight: float | Missing
    ips: Estimate | Missing
    snips: Estimate | Missing
    dr: Estimate | Missing


def alpha_of(look: int, alpha: float) -> float:
    """Give the error that the k-th weekly look may make; over all looks they add to alpha.

    >>> alpha_of(1, 0.06), alpha_of(2, 0.06)
    (0.03, 0.01)
    """
    return alpha / (look * (look + 1))


def off_policy(
    sums: Weighed, *, alpha: float = 0.05, look: int = 1, scale: int = 10**6, least: float = LEAST_LEARNERS
) -> OffPolicy:
    """Estimate from sums.

    Parameters
    ----------
    sums : Weighed
        Weights, rewards and terms in units of 1/scale.
    alpha : float
        Error of all looks together.
    look : int
        The how manieth weekly look this is, from 1.
    scale : int
        What stands for 1.
    least : float
        Effective learners below which there is no answer; where no decision weighs anything there is none either.

    Examples
    --------
    >>> off_policy(Weighed.of([(1, 10**6, 400_000, 450_000)] * 100)).ips.value
    0.4
    >>> off_policy(Weighed.of([(1, 10**6, 400_000, 450_000)] * 99)).ips
    <Missing.NOT_ENOUGH: 'NOT_ENOUGH'>
    """
    ess = sums.w * sums.w / sums.ww if sums.ww else 0.0
    mean_weight = sums.w / (sums.n * scale) if sums.n else Missing.NOT_ENOUGH
    ips: Estimate | Missing = Missing.NOT_ENOUGH
    snips, dr = ips, ips
    if sums.learners >= _LEAST and sums.w and ess >= least:
        error = alpha_of(look, alpha)
        ips = _ratio(sums.learners, (sums.r, sums.n), (sums.rr, sums.nr, sums.nn), scale, error)
        snips = _ratio(sums.learners, (sums.r, sums.w), (sums.rr, sums.wr, sums.ww), 1, error)
        dr = _ratio(sums.learners, (sums.d, sums.n), (sums.dd, sums.nd, sums.nn), scale, error)
    return OffPolicy(sums.n, sums.learners, ess, mean_weight, ips, snips, dr)


def _ratio(
    learners: int, totals: tuple[int, int], products: tuple[int, int, int], scale: int, error: float
) -> Estimate:
    """Give a ratio of totals over learners; exact until the last step, so that nothing cancels."""
    above, below = totals
    ratio = Fraction(above, below)
    squares = products[0] - 2 * ratio * products[1] + ratio * ratio * products[2]
    variance = squares * learners / ((learners - 1) * Fraction(below) ** 2)
    value = float(ratio / scale)
    try:
        se = math.sqrt(variance) / scale
    except OverflowError:  # weights of 1e99 on values of 1e99: the variance is no float, and nothing is known
        se = math.inf
    reach = float(ndtri(1 - error / 2)) * se
    return Estimate(value, se, Interval(value - reach, value + reach))
