"""Whether a yes or no depends on the arm: joined, applied, opted out, measured.

Knows a table of counts. Must never know what its columns mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from fitly.core.statistics.chi_square import ChiSquare, chi_square
from fitly.core.statistics.missing import Missing

_LEAST: Final = 2


def contingency(table: Sequence[Sequence[int]]) -> ChiSquare | Missing:
    """Test whether rows and columns have to do with each other (Pearson 1900).

    Parameters
    ----------
    table : sequence of sequences of int
        One row per arm, one column per answer.

    Returns
    -------
    ChiSquare or Missing
        Equals ``scipy.stats.chi2_contingency(table, correction=False)``; missing where a row or a column is empty:
        if nobody opted out anywhere, there is nothing to test.

    Examples
    --------
    >>> round(contingency([[205, 132], [193, 153]]).chi2, 6)
    1.790894
    >>> contingency([[5, 0], [7, 0]])
    <Missing.EMPTY_CELL: 'EMPTY_CELL'>
    """
    if len(table) < _LEAST or len(table[0]) < _LEAST:
        return Missing.TOO_FEW
    rows, columns = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
    if not all(rows) or not all(columns):
        return Missing.EMPTY_CELL
    total = sum(rows)
    apart = (
        (seen - rows[i] * columns[j] / total) ** 2 / (rows[i] * columns[j] / total)
        for i, row in enumerate(table)
        for j, seen in enumerate(row)
    )
    return chi_square(math.fsum(apart), (len(rows) - 1) * (len(columns) - 1))


def by_arm(yes: Sequence[int], of: Sequence[int]) -> ChiSquare | Missing:
    """Test whether a share depends on the arm, given how many of how many said yes in each.

    >>> by_arm([205, 193], [337, 346]) == contingency([[205, 132], [193, 153]])
    True
    """
    return contingency([[count, whole - count] for count, whole in zip(yes, of, strict=True)])
