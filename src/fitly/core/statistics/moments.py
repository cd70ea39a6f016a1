"""Count, mean and spread: what figures are computed from, whether it came from integers of the stream or from a file.

Knows how samples add without cancelling (Chan, Golub and LeVeque 1983). Must never know what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fitly.core.statistics.sums import Sums

_MICRO2 = 10**12


@dataclass(frozen=True, slots=True)
class Moments:
    """A sample of numbers, in the unit in which they were measured.

    Attributes
    ----------
    n : int
        How many.
    mean : float
        Arithmetic mean; 0 where there is none.
    squares : float
        Sum of squared deviations from the mean; exactly 0 where all values are equal.

    Examples
    --------
    >>> Moments.of([1.0, 2.0]) + Moments.of([3.0]) == Moments.of([1.0, 2.0, 3.0])
    True
    """

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Sequence[float]) -> Moments:
        """Take the moments of values, in two passes and with sums that do not round.

        >>> Moments.of([0.25, 0.75])
        Moments(n=2, mean=0.5, squares=0.125)
        """
        if not values:
            return cls()
        mean = math.fsum(values) / len(values)
        if min(values) == max(values):
            return cls(len(values), values[0])
        return cls(len(values), mean, math.fsum((value - mean) ** 2 for value in values))

    @classmethod
    def read(cls, sums: Sums) -> Moments:
        """Read exact sums; nothing cancels, since the only rounding is the last division.

        >>> Moments.read(Sums.of([250_000, 750_000]))
        Moments(n=2, mean=0.5, squares=0.125)
        """
        return cls(sums.n, sums.mean, sums.spread / (sums.n * _MICRO2)) if sums.n else cls()

    def __add__(self, other: Moments) -> Moments:
        """Give the moments of both samples together."""
        n = self.n + other.n
        if not self.n or not other.n:
            return self if self.n else other
        step = other.mean - self.mean
        mean = (self.n * self.mean + other.n * other.mean) / n
        squares = self.squares + other.squares + step * step * self.n * other.n / n
        return Moments(n, mean, squares)

    @property
    def variance(self) -> float:
        """Sample variance; equals ``numpy.var(ddof=1)``. Needs ``n >= 2``."""
        return self.squares / (self.n - 1)

    @property
    def population_variance(self) -> float:
        """Variance with divisor n: p(1-p) where values are 0 and 1. Needs ``n >= 1``."""
        return self.squares / self.n


EMPTY = Moments()


def together(samples: Iterable[Moments]) -> Moments:
    """Add up samples.

    >>> together([Moments.of([1.0]), Moments.of([3.0])])
    Moments(n=2, mean=2.0, squares=2.0)
    """
    return sum(samples, EMPTY)
