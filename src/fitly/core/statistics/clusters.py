"""The difference of two means where people come in groups: cluster-robust errors from each group's sum.

Knows groups' totals. Must never know what a group is. The estimator is that of a regression on the arm with CR1 (Liang
and Zeger 1986, with G/(G-1) (N-1)/(N-2)): people may be unevenly spread over groups, and groups may stand in both arms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from scipy.special import ndtr, ndtri, stdtr, stdtrit

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.welch import Interval

_LEAST: Final = 2
_MICRO: Final = 10**6


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Groups of one arm, exact: counts and totals (10^-6) of people, and their products summed over groups.

    Attributes
    ----------
    clusters, n, total : int
        Groups, people, and the sum of their values.
    nn, nt, tt : int
        Sums over groups of n², n·total, total².

    Examples
    --------
    >>> groups = ClusterSums.of([(2, 3_000_000), (1, 1_000_000)])
    >>> groups + ClusterSums.of([(1, 5)]) - ClusterSums.of([(1, 5)]) == groups
    True
    """

    clusters: int = 0
    n: int = 0
    total: int = 0
    nn: int = 0
    nt: int = 0
    tt: int = 0

    @classmethod
    def of(cls, groups: Iterable[tuple[int, int]]) -> ClusterSums:
        """Sum up groups given as (people, total of their values in millionths)."""
        found = cls()
        for n, total in groups:
            found += cls(1, n, total, n * n, n * total, total * total)
        return found

    def __add__(self, other: ClusterSums) -> ClusterSums:
        """Give both together; they must not share a group."""
        return ClusterSums(
            self.clusters + other.clusters,
            self.n + other.n,
            self.total + other.total,
            self.nn + other.nn,
            self.nt + other.nt,
            self.tt + other.tt,
        )

    def __sub__(self, other: ClusterSums) -> ClusterSums:
        """Take groups out again."""
        return self + ClusterSums(-other.clusters, -other.n, -other.total, -other.nn, -other.nt, -other.tt)


@dataclass(frozen=True, slots=True)
class Clustered:
    """Groups of one arm as the figures need them.

    Attributes
    ----------
    clusters, n : int
        Groups and people.
    mean : float
        Of the people.
    squares : float
        Sum over groups of the square of its summed deviations from the mean.
    """

    clusters: int
    n: int
    mean: float
    squares: float

    @classmethod
    def read(cls, sums: ClusterSums) -> Clustered | Missing:
        """Read exact sums; nothing cancels.

        >>> Clustered.read(ClusterSums.of([(2, 3_000_000), (1, 3_000_000)]))
        Clustered(clusters=2, n=3, mean=2.0, squares=2.0)
        """
        if not sums.n:
            return Missing.TOO_FEW
        mean = Fraction(sums.total, sums.n)
        squares = sums.tt - 2 * mean * sums.nt + mean * mean * sums.nn
        return cls(sums.clusters, sums.n, float(mean / _MICRO), float(squares / _MICRO**2))


class ClusterTest(NamedTuple):
    """The difference of means with its cluster-robust error: by the normal quantile, and by t with G-1 beside it."""

    clusters: int
    difference: float
    se: float
    p_value: float
    interval: Interval
    t_p_value: float
    t_interval: Interval


def clustered_difference(
    treatment: Clustered, control: Clustered, level: float, *, shared: int = 0, across: float = 0.0
) -> ClusterTest | Missing:
    """Test whether two means differ, the group being the unit of chance.

    Parameters
    ----------
    treatment, control : Clustered
        The two arms.
    level : float
        Confidence of the intervals.
    shared : int
        Groups that stand in both arms, as where people were randomized within groups.
    across : float
        Sum over these of the product of the group's summed deviations in either arm.

    Returns
    -------
    ClusterTest or Missing
        Equals statsmodels' ``OLS(y, [1, arm]).fit(cov_type="cluster")``, and the same with ``use_t=True``.

    Examples
    --------
    >>> one, other = (Clustered.read(ClusterSums.of(groups)) for groups in ([(2, 4), (2, 8)], [(2, 2), (2, 4)]))
    >>> found = clustered_difference(one, other, 0.95)
    >>> found.clusters, round(found.difference * 1e6, 6), round(found.se * 1e6, 6)
    (4, 1.5, 0.986013)
    """
    clusters, n = treatment.clusters + control.clusters - shared, treatment.n + control.n
    if min(treatment.clusters, control.clusters) < _LEAST:
        return Missing.TOO_FEW
    variance = (
        treatment.squares / treatment.n**2 + control.squares / control.n**2 - 2 * across / (treatment.n * control.n)
    )
    if variance <= 0:
        return Missing.ZERO_VARIANCE
    between = treatment.mean - control.mean
    se = math.sqrt(variance * clusters / (clusters - 1) * (n - 1) / (n - 2))
    z = abs(between) / se
    normal, student = float(ndtri(0.5 + level / 2)) * se, float(stdtrit(clusters - 1, 0.5 + level / 2)) * se
    return ClusterTest(
        clusters,
        between,
        se,
        2 * float(ndtr(-z)),
        Interval(between - normal, between + normal),
        2 * float(stdtr(clusters - 1, -z)),
        Interval(between - student, between + student),
    )
