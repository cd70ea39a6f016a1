"""Many tests at once: Holm's p against a single false alarm, Benjamini's and Hochberg's against a share of them.

Knows p values. Must never know what was tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

from fitly.core.statistics.missing import Missing


def holm(p_values: Sequence[float | Missing]) -> list[float | Missing]:
    """Adjust so that the chance of any false alarm in the family stays below the level (Holm 1979).

    Parameters
    ----------
    p_values : sequence
        Of the family, in any order; a missing one is no test, stays missing and does not count.

    Returns
    -------
    list
        In the order given. Equals statsmodels' ``multipletests(method="holm")``.

    Examples
    --------
    >>> holm([0.01, Missing.TOO_FEW, 0.04, 0.03])
    [0.03, <Missing.TOO_FEW: 'TOO_FEW'>, 0.06, 0.06]
    """

    def adjusted(ordered: list[float]) -> list[float]:
        count = len(ordered)
        return list(accumulate(((count - rank) * p for rank, p in enumerate(ordered)), max))

    return _in_order(p_values, adjusted)


def benjamini_hochberg(p_values: Sequence[float | Missing]) -> list[float | Missing]:
    """Adjust so that the expected share of false alarms among alarms stays below the level (1995).

    Equals statsmodels' ``multipletests(method="fdr_bh")``; missing ones as in `holm`.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """

    def adjusted(ordered: list[float]) -> list[float]:
        count = len(ordered)
        raised = [p * count / rank for rank, p in enumerate(ordered, 1)]
        return list(accumulate(reversed(raised), min))[::-1]

    return _in_order(p_values, adjusted)


def _in_order(
    p_values: Sequence[float | Missing], adjusted: Callable[[list[float]], list[float]]
) -> list[float | Missing]:
    """Adjust the tests that there are, smallest first, and put each where it stood."""
    tests = sorted((p, place) for place, p in enumerate(p_values) if not isinstance(p, Missing))
    found = list(p_values)
    for (_, place), p in zip(tests, adjusted([p for p, _ in tests]), strict=True):
        found[place] = min(p, 1.0)
    return found
