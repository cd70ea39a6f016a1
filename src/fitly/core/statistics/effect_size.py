"""How large a difference is beside how much people differ anyway.

Knows two samples' moments. Must never know whether a difference is more than chance.
"""

from __future__ import annotations

import math

from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments

_LEAST = 2


def cohens_d(treatment: Moments, control: Moments) -> float | Missing:
    """Give the difference in standard deviations, pooled over both samples with n + m - 2 (Cohen 1988).

    Examples
    --------
    >>> cohens_d(Moments.of([1.0, 2.0, 3.0]), Moments.of([0.0, 1.0, 2.0]))
    1.0
    """
    if min(treatment.n, control.n) < _LEAST:
        return Missing.TOO_FEW
    pooled = math.sqrt((treatment.squares + control.squares) / (treatment.n + control.n - 2))
    return (treatment.mean - control.mean) / pooled if pooled else Missing.ZERO_VARIANCE
