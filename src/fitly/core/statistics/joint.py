"""Two numbers of the same unit: their means, spreads and how they go together.

Knows pairs (x, y). Must never know which of them is a covariate, a denominator or an outcome.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sums import Sums

_MICRO2 = 10**12


@dataclass(frozen=True, slots=True)
class JointSums:
    """Pairs of numbers in millionths: exact, in whatever order they come, and fit to be taken back.

    Attributes
    ----------
    n : int
        How many pairs.
    x, y : int
        Their sums (10^-6).
    xx, yy, xy : int
        Sums of squares and products (10^-12).

    Examples
    --------
    >>> pairs = JointSums.of([(1, 2), (3, 4)])
    >>> pairs + JointSums.of([(5, 6)]) - JointSums.of([(5, 6)]) == pairs
    True
    """

    n: int = 0
    x: int = 0
    y: int = 0
    xx: int = 0
    yy: int = 0
    xy: int = 0

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> JointSums:
        """Sum up pairs (x, y) given in millionths."""
        found = cls()
        for x, y in pairs:
            found += cls(1, x, y, x * x, y * y, x * y)
        return found

    def __add__(self, other: JointSums) -> JointSums:
        """Give the sums of both samples together."""
        return JointSums(
            self.n + other.n,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.yy + other.yy,
            self.xy + other.xy,
        )

    def __sub__(self, other: JointSums) -> JointSums:
        """Take a sample out again; the exact inverse of `+`."""
        return self + JointSums(-other.n, -other.x, -other.y, -other.xx, -other.yy, -other.xy)

    @property
    def sums_x(self) -> Sums:
        """The sums of x alone."""
        return Sums(self.n, self.x, self.xx)

    @property
    def sums_y(self) -> Sums:
        """The sums of y alone."""
        return Sums(self.n, self.y, self.yy)


@dataclass(frozen=True, slots=True)
class JointMoments:
    """Pairs of numbers, in the units in which they were measured.

    Attributes
    ----------
    n : int
        How many pairs.
    mean_x, mean_y : float
        Means.
    xx, yy, xy : float
        Sums of squared deviations from the means, and of their products.

    Examples
    --------
    >>> JointMoments.of([1.0, 2.0], [2.0, 4.0])
    JointMoments(n=2, mean_x=1.5, mean_y=3.0, xx=0.5, yy=2.0, xy=1.0)
    """

    n: int = 0
    mean_x: float = 0.0
    mean_y: float = 0.0
    xx: float = 0.0
    yy: float = 0.0
    xy: float = 0.0

    @classmethod
    def of(cls, xs: Sequence[float], ys: Sequence[float]) -> JointMoments:
        """Take the moments of pairs, in two passes and with sums that do not round."""
        x, y = Moments.of(xs), Moments.of(ys)
        both = zip(xs, ys, strict=True)
        across = math.fsum((one - x.mean) * (other - y.mean) for one, other in both)
        return cls(x.n, x.mean, y.mean, x.squares, y.squares, across)

    @classmethod
    def read(cls, sums: JointSums) -> JointMoments:
        """Read exact sums; nothing cancels.

        >>> JointMoments.read(JointSums.of([(1_000_000, 2_000_000), (2_000_000, 4_000_000)])).xy
        1.0
        """
        x, y = Moments.read(sums.sums_x), Moments.read(sums.sums_y)
        across = (sums.n * sums.xy - sums.x * sums.y) / (sums.n * _MICRO2) if sums.n else 0.0
        return cls(sums.n, x.mean, y.mean, x.squares, y.squares, across)

    def __add__(self, other: JointMoments) -> JointMoments:
        """Give the moments of both samples together."""
        x, y = self.x + other.x, self.y + other.y
        shared = self.n * other.n / (x.n or 1)
        across = (other.mean_x - self.mean_x) * (other.mean_y - self.mean_y) * shared
        return JointMoments(x.n, x.mean, y.mean, x.squares, y.squares, self.xy + other.xy + across)

    @property
    def x(self) -> Moments:
        """The moments of x alone."""
        return Moments(self.n, self.mean_x, self.xx)

    @property
    def y(self) -> Moments:
        """The moments of y alone."""
        return Moments(self.n, self.mean_y, self.yy)


NO_PAIRS = JointMoments()
