"""A p and an interval that may be looked at after every value: the asymptotic confidence sequence, tuned to a plan.

Knows two samples' moments, and values one after another. Must never know who looks, nor when: the error holds for
however many looks (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, arXiv 2103.06476, equations 9, 155 and 161).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.welch import Interval

_LEAST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What has to be chosen before the first look.

    Attributes
    ----------
    alpha : float
        The error over all looks together.
    planned : float
        Values of both arms together at which the interval shall be narrowest; it is valid at all others too.
    burn_in : int
        Values in each arm before the first look: the sequence is valid asymptotically, and a variance of three values
        is no knowledge.
    """

    alpha: float = 0.05
    planned: float = 5_000
    burn_in: int = 10

    @property
    def rho2(self) -> float:
        """The square of the mixture's scale that is best at the planned number of values.

        >>> round(Tuning().rho2, 9)
        0.001587231
        """
        spent = -2 * math.log(self.alpha)
        return (spent + math.log(spent + 1)) / self.planned


TUNING: Final = Tuning()


class Sequential(NamedTuple):
    """An always-valid p at this look, and the interval at this look."""

    p_value: float
    interval: Interval


class Watched(NamedTuple):
    """What was seen by looking after every value.

    Attributes
    ----------
    looks : int
        After the burn-in, with some variance.
    min_p : float or Missing
        The smallest p of all looks: itself an always-valid p.
    first_crossing : int or Missing
        Where p first was at or below alpha.
    """

    looks: int
    min_p: float | Missing
    first_crossing: int | Missing


def always_valid(
    treatment: Moments, control: Moments, tuning: Tuning = TUNING, *, binary: bool = False
) -> Sequential | Missing:
    """Look once.

    Parameters
    ----------
    treatment, control : Moments
        The two samples so far.
    tuning : Tuning
        Chosen before the first look. Its burn-in is not asked for here: `looked` does.
    binary : bool
        Whether values are 0 and 1, whose variance is p(1-p), with divisor n.

    Returns
    -------
    Sequential or Missing
        Equals gbstats' ``SequentialTwoSidedTTest`` of the absolute difference. p is that of this look; the smallest
        so far is valid too.

    Examples
    --------
    >>> one, other = Moments.of([1.0] * 205 + [0.0] * 132), Moments.of([1.0] * 193 + [0.0] * 153)
    >>> found = always_valid(one, other, binary=True)
    >>> round(found.p_value, 6), round(found.interval.lower, 6), round(found.interval.upper, 6)
    (0.904783, -0.084992, 0.186002)
    """
    if min(treatment.n, control.n) < _LEAST:
        return Missing.TOO_FEW
    first, second = ((one.population_variance if binary else one.variance) / one.n for one in (treatment, control))
    variance = first + second
    if not variance:
        return Missing.ZERO_VARIANCE
    count, rho2 = treatment.n + control.n, tuning.rho2
    between = treatment.mean - control.mean
    grown = count * rho2 + 1
    spent = 2 * grown * math.log(math.sqrt(grown) / tuning.alpha) / (count * rho2)
    reach = math.sqrt(variance * spent)
    log_p = math.log(grown) / 2 - rho2 * between * between * count / (2 * variance * grown)
    return Sequential(math.exp(min(log_p, 0.0)), Interval(between - reach, between + reach))


def looked(
    treatment: Moments, control: Moments, tuning: Tuning = TUNING, *, binary: bool = False
) -> Sequential | Missing:
    """Look once, where the burn-in is over.

    >>> looked(Moments.of([1.0, 2.0]), Moments.of([1.0, 2.0]))
    <Missing.BURN_IN: 'BURN_IN'>
    """
    if min(treatment.n, control.n) < tuning.burn_in:
        return Missing.BURN_IN
    return always_valid(treatment, control, tuning, binary=binary)


def watch(values: Iterable[tuple[int, float, int]], tuning: Tuning = TUNING, *, binary: bool = False) -> Watched:
    """Look after every value.

    Parameters
    ----------
    values : iterable of (arm, value, at)
        In the order in which they became known: 1 for the treatment and 0 for the control, and where that was.
    tuning, binary
        As in `always_valid`.

    Notes
    -----
    Means and squares are carried on as values come (Welford 1962), so a look costs the same however many came before.
    A look without any variance says nothing and is left out.

    Examples
    --------
    >>> watch([(at % 2, at % 2 + at % 3, at) for at in range(1, 1_001)])._replace(min_p=0.0)
    Watched(looks=981, min_p=0.0, first_crossing=114)
    """
    rho2, burn_in, level = tuning.rho2, tuning.burn_in, math.log(tuning.alpha)
    missing = 0 if binary else 1
    n, mean, squares = [0, 0], [0.0, 0.0], [0.0, 0.0]
    looks, least, crossed = 0, math.inf, None
    for arm, value, at in values:
        n[arm] += 1
        step = value - mean[arm]
        mean[arm] += step / n[arm]
        squares[arm] += step * (value - mean[arm])
        control, treatment = n
        if control < burn_in or treatment < burn_in:
            continue
        variance = squares[0] / (control * (control - missing)) + squares[1] / (treatment * (treatment - missing))
        if not variance:
            continue
        looks += 1
        between = mean[1] - mean[0]
        grown = (control + treatment) * rho2 + 1
        log_p = math.log(grown) / 2 - (grown - 1) * between * between / (2 * variance * grown)
        if log_p < least:
            least = log_p
            if crossed is None and log_p <= level:
                crossed = at
    if not looks:
        nothing = Missing.BURN_IN if min(n) < burn_in else Missing.ZERO_VARIANCE
        return Watched(0, nothing, nothing)
    return Watched(looks, math.exp(min(least, 0.0)), Missing.NO_CROSSING if crossed is None else crossed)
