"""Does a share depend on the arm? Where yes and no come in bunches, such as a learner's decisions, errors do too.

Knows pairs (how many, how many of them said yes), one per bunch. Must never know what was asked. Pearson's chi-square
would take every answer for a fact of its own; here it is divided by how much more the bunches vary than single answers
would (Rao and Scott 1987, with one design effect for all arms, as it is when the arms do not differ).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from fitly.core.statistics.chi_square import ChiSquare, chi_square
from fitly.core.statistics.joint import JointSums
from fitly.core.statistics.missing import Missing

_LEAST: Final = 2


def share_by_arm(arms: Sequence[JointSums]) -> ChiSquare | Missing:
    """Test whether a share depends on the arm.

    Parameters
    ----------
    arms : sequence of JointSums
        One per arm, over bunches: x how many, y how many of them said yes (plain counts).

    Returns
    -------
    ChiSquare or Missing
        Where every bunch is of one, equals ``scipy.stats.chi2_contingency(correction=False)``. Missing where an arm has
        nobody, or all said the same.

    Examples
    --------
    >>> one, other = JointSums(337, 337, 205, 337, 205, 205), JointSums(346, 346, 193, 346, 193, 193)
    >>> round(share_by_arm([one, other]).chi2, 6)
    1.790894
    """
    if len(arms) < _LEAST or not all(arm.x for arm in arms):
        return Missing.TOO_FEW
    whole = sum(arms, JointSums())
    share = Fraction(whole.y, whole.x)
    spread = (whole.yy - 2 * share * whole.xy + share * share * whole.xx) / whole.x
    if not spread:
        return Missing.EMPTY_CELL
    apart = (float(arm.x * (Fraction(arm.y, arm.x) - share) ** 2 / spread) for arm in arms)
    return chi_square(math.fsum(apart), len(arms) - 1)
