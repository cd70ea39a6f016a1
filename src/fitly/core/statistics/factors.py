"""Experiments whose arms are combinations: what each factor does, and what two do together, from the cells' sums.

Knows cells (one level of each factor) and their moments. Must never know the factors' names.

Least squares on levels coded as "this level, less one over the number of levels": an effect is the mean difference
of a level from the factor's first, averaged evenly over the other factors' levels, and an interaction is a difference
of such differences. Errors are HC1 (MacKinnon and White 1985): cells may differ in spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple, TypeAlias

from scipy.special import ndtr, ndtri

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.welch import Interval

Cell: TypeAlias = tuple[int, ...]
_Matrix: TypeAlias = list[list[float]]


class Effect(NamedTuple):
    """Of one level of a factor against its first, or of two such together.

    Attributes
    ----------
    factors, levels : tuple of int
        Which factors, and which of their levels, counted from 0; one each, or two for an interaction.
    estimate, se, p_value : float
        Normal quantiles, as statsmodels has it by default for robust errors.
    interval : Interval
    """

    factors: tuple[int, ...]
    levels: tuple[int, ...]
    estimate: float
    se: float
    p_value: float
    interval: Interval


def factorial(levels: Sequence[int], cells: Mapping[Cell, Moments], level: float) -> tuple[Effect, ...] | Missing:
    """Estimate all main effects and two-way interactions.

    Parameters
    ----------
    levels : sequence of int
        How many levels each factor has, 2 or more.
    cells : mapping of tuple of int to Moments
        Level of each factor, from 0; all combinations.
    level : float
        Confidence of the intervals.

    Returns
    -------
    tuple of Effect or Missing
        Main effects first. Equals statsmodels' ``OLS(...).fit(cov_type="HC1")`` on the raw data in this coding; missing
        where a combination holds nobody, or nobody is left over to learn the spread from.

    Examples
    --------
    >>> cells = {(i, j): Moments.of([i + 2.0 * j, i + 2.0 * j + 1]) for i in (0, 1) for j in (0, 1)}
    >>> [(one.factors, round(one.estimate, 6), round(one.se, 6)) for one in factorial([2, 2], cells, 0.95)]
    [((0,), 1.0, 0.5), ((1,), 2.0, 0.5), ((0, 1), 0.0, 1.0)]
    """
    places = list(product(*map(range, levels)))
    if any(not cells.get(place, Moments()).n for place in places):
        return Missing.EMPTY_CELL
    terms = list(_terms(levels))
    rows = [(_coded(place, levels, terms), cells[place]) for place in places]
    n, width = sum(sample.n for _, sample in rows), len(terms) + 1
    if n <= width:
        return Missing.TOO_FEW
    inverse = _inverse(_gram(width, ((x, sample.n) for x, sample in rows)))
    totals = [math.fsum(x[i] * sample.n * sample.mean for x, sample in rows) for i in range(width)]
    found = _times_vector(inverse, totals)
    left = (
        (x, sample.squares + sample.n * (sample.mean - math.fsum(map(_product, x, found))) ** 2) for x, sample in rows
    )
    robust = _times(_times(inverse, _gram(width, left)), inverse)
    z = float(ndtri(0.5 + level / 2))
    return tuple(
        _effect(term, found[place], robust[place][place] * n / (n - width), z) for place, term in enumerate(terms, 1)
    )


def _product(one: float, other: float) -> float:
    return one * other


def _effect(term: tuple[Cell, Cell], estimate: float, variance: float, z: float) -> Effect:
    se = math.sqrt(max(variance, 0.0))
    away = abs(estimate) / se if se else math.inf if estimate else 0.0
    return Effect(*term, estimate, se, 2 * float(ndtr(-away)), Interval(estimate - z * se, estimate + z * se))


def _terms(levels: Sequence[int]) -> Iterator[tuple[Cell, Cell]]:
    """Give (factors, levels) of each effect, main effects first."""
    for size in (1, 2):
        for chosen in combinations(range(len(levels)), size):
            for which in product(*(range(1, levels[factor]) for factor in chosen)):
                yield chosen, which


def _coded(place: Cell, levels: Sequence[int], terms: Iterable[tuple[Cell, Cell]]) -> list[float]:
    """Give a cell's regressors: 1, and for each term the product of "is this level" less its even share."""
    return [
        1.0,
        *(
            math.prod((place[factor] == which) - 1 / levels[factor] for factor, which in zip(*term, strict=True))
            for term in terms
        ),
    ]


def _gram(width: int, rows: Iterable[tuple[list[float], float]]) -> _Matrix:
    """Sum up weight · x xᵀ."""
    found = [[0.0] * width for _ in range(width)]
    for x, weight in rows:
        for i, one in enumerate(x):
            for j, other in enumerate(x):
                found[i][j] += weight * one * other
    return found


def _times(left: _Matrix, right: _Matrix) -> _Matrix:
    return [[math.fsum(map(_product, row, column)) for column in zip(*right, strict=True)] for row in left]


def _times_vector(left: _Matrix, right: Sequence[float]) -> list[float]:
    return [math.fsum(map(_product, row, right)) for row in left]


def _inverse(matrix: _Matrix) -> _Matrix:
    """Invert a positive definite matrix by elimination with pivots; all cells being filled, it is one."""
    width = len(matrix)
    rows = [[*row, *(float(i == j) for j in range(width))] for i, row in enumerate(matrix)]
    for i in range(width):
        best = max(range(i, width), key=lambda k: abs(rows[k][i]))
        rows[i], rows[best] = rows[best], rows[i]
        pivot = rows[i][i]
        rows[i] = [value / pivot for value in rows[i]]
        for k in range(width):
            if k != i and rows[k][i]:
                factor = rows[k][i]
                rows[k] = [value - factor * above for value, above in zip(rows[k], rows[i], strict=True)]
    return [row[width:] for row in rows]
