"""Count, sum and sum of squares: all that is kept of a sample.

Knows integers of 10^-6 and how to add, take back and read them. Must never know what was measured.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_MICRO: Final = 10**6
_MICRO2: Final = 10**12


class Sums(NamedTuple):
    """A sample of numbers in millionths, exact whatever the order in which it grew.

    Attributes
    ----------
    n : int
        How many.
    total : int
        Their sum (10^-6).
    squares : int
        The sum of their squares (10^-12).

    Examples
    --------
    >>> sample = Sums.of([250_000, 750_000])
    >>> sample.mean, sample.variance
    (0.5, 0.125)
    >>> sample.merged(Sums.of([10])).without(Sums.of([10])) == sample
    True
    """

    n: int
    total: int
    squares: int

    @classmethod
    def of(cls, values: list[int]) -> Sums:
        """Sum up values given in millionths."""
        return cls(len(values), sum(values), sum(value * value for value in values))

    def merged(self, other: Sums) -> Sums:
        """Give the sums of both samples together."""
        return Sums(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def without(self, other: Sums) -> Sums:
        """Take a sample out again; the exact inverse of `merged`."""
        return Sums(self.n - other.n, self.total - other.total, self.squares - other.squares)

    @property
    def mean(self) -> float:
        """Arithmetic mean; equals ``numpy.mean``. Needs ``n >= 1``."""
        return self.total / (self.n * _MICRO)

    @property
    def spread(self) -> int:
        """n·Σx² - (Σx)² in 10^-12: n(n-1) times the variance as an exact integer, 0 only where all values are equal."""
        return self.n * self.squares - self.total * self.total

    @property
    def variance(self) -> float:
        """Sample variance; equals ``numpy.var(ddof=1)``. Needs ``n >= 2``.

        One division of exact integers: nothing cancels, however small the spread beside the mean.
        """
        return self.spread / (self.n * (self.n - 1) * _MICRO2)

    @property
    def is_binary(self) -> bool:
        """Whether values, which are within 0 and 1, are all 0 or 1: a square is as large as its number only there.

        >>> Sums.of([0, 1_000_000]).is_binary, Sums.of([0, 999_999]).is_binary
        (True, False)
        """
        return self.squares == self.total * _MICRO


EMPTY: Final = Sums(0, 0, 0)
