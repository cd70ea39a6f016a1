"""Did the arms get the shares they should have? Chi-square for one look, an e-process for as many as one likes.

Knows counts and what they should be. Must never know who was counted: where clusters are randomized, those are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from fitly.core.statistics.chi_square import ChiSquare, chi_square
from fitly.core.statistics.missing import Missing

ALARM: Final = 0.001
"""A sample ratio whose p is below is a mismatch: something between drawing and counting is broken."""
CONCENTRATION: Final = 100.0
"""How firmly the e-process expects a mismatch to be small: pseudo-counts around the shares in force."""
_LEAST: Final = 2


def expected_counts(total: int, weights: Sequence[float]) -> list[float]:
    """Share out a total by positive weights, which need not add to 1.

    >>> expected_counts(10, [4, 1])
    [8.0, 2.0]
    """
    whole = math.fsum(weights)
    return [weight / whole * total for weight in weights]


def sample_ratio(observed: Sequence[int], expected: Sequence[float]) -> ChiSquare | Missing:
    """Compare counts with what they should be, once.

    Parameters
    ----------
    observed : sequence of int
        One per arm.
    expected : sequence of float
        One per arm, positive, with the same total; where weights changed, summed over the weights in force.

    Returns
    -------
    ChiSquare or Missing
        Equals ``scipy.stats.chisquare(observed, expected)``; missing with fewer than two arms or nobody.

    Examples
    --------
    >>> found = sample_ratio([4072, 2035], expected_counts(6107, [0.8, 0.2]))
    >>> round(found.chi2, 6), round(found.log10_p_value, 6)
    (677.444899, -148.619426)
    """
    if len(observed) < _LEAST or not sum(observed):
        return Missing.TOO_FEW
    apart = ((seen - due) ** 2 / due for seen, due in zip(observed, expected, strict=True))
    return chi_square(math.fsum(apart), len(observed) - 1)


def log_e_value(
    segments: Iterable[tuple[Sequence[int], Sequence[float]]], concentration: float = CONCENTRATION
) -> float:
    """Give the logarithm of the evidence against the shares, which may be looked at after every enrolment.

    Parameters
    ----------
    segments : iterable of (counts, weights)
        Enrolled per arm while these positive weights were in force; one segment per set of weights, in any order.
    concentration : float
        Of the Dirichlet distribution around the weights from which a mismatch is imagined to come.

    Returns
    -------
    float
        ln E. While the shares are right, E is a martingale from 1: it ever reaches 1/a with a chance of at most a
        (Ville 1939; Lindon and Malek 2022, arXiv 2011.03567). A segment's evidence multiplies what came before.

    Examples
    --------
    >>> log_e_value([([500, 500], [0.5, 0.5])]) < 0
    True
    >>> round(log_e_value([([600, 400], [0.5, 0.5])]), 3)
    17.099
    """
    return math.fsum(_evidence(counts, weights, concentration) for counts, weights in segments)


def is_mismatch(log_e: float, alarm: float = ALARM) -> bool:
    """Tell whether the evidence has reached the alarm; who looks often keeps the largest evidence so far.

    >>> is_mismatch(6.9), is_mismatch(6.91)
    (False, True)
    """
    return log_e >= -math.log(alarm)


def _evidence(counts: Sequence[int], weights: Sequence[float], concentration: float) -> float:
    """Give ln of the chance of these draws if the shares come from a Dirichlet, over that if they are the weights'."""
    whole, total = math.fsum(weights), sum(counts)
    terms = [math.lgamma(concentration) - math.lgamma(concentration + total)]
    for count, weight in zip(counts, weights, strict=True):
        share = weight / whole
        terms += [math.lgamma(concentration * share + count) - math.lgamma(concentration * share)]
        terms += [-count * math.log(share)]
    return math.fsum(terms)
