"""The p of all comparisons of a report, held together: Holm over the primary metric, Benjamini and Hochberg elsewhere.

Knows which comparisons are one family, and which p of a comparison decides. Must never know how a p comes about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fitly.core.experiments.comparing import value
from fitly.core.experiments.figures import Adjusted, Comparison, Family, Role
from fitly.core.statistics.adjust import benjamini_hochberg, holm
from fitly.core.statistics.missing import Missing


def held_together(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Adjust the p of all comparisons of a report: Holm over the primary metric, Benjamini and Hochberg over the rest.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Of one allocation.
    """
    found = list(comparisons)
    for family, adjust in ((Family.HOLM, holm), (Family.BENJAMINI_HOCHBERG, benjamini_hochberg)):
        of_primary = family is Family.HOLM
        mine = [place for place, each in enumerate(found) if (each.role is Role.PRIMARY) is of_primary]
        fixed = adjust([decisive(found[place]) for place in mine])
        tests = sum(not isinstance(p, Missing) for p in fixed)
        valid = adjust([_always_valid_p(found[place]) for place in mine])
        for place, one, other in zip(mine, fixed, valid, strict=True):
            together = Adjusted(family=family, tests=tests, fixed=value(one), always_valid=value(other))
            found[place] = replace(found[place], adjusted=together)
    return found


def decisive(comparison: Comparison) -> float | Missing:
    """Give the p of one look that takes clusters into account: the robust one where there are any, else Welch's."""
    if comparison.robust is not None:
        return comparison.robust.p_value
    missing = comparison.robust_reason or comparison.fixed_reason
    return Missing(missing or Missing.TOO_FEW) if missing or comparison.fixed is None else comparison.fixed.p_value


def _always_valid_p(comparison: Comparison) -> float | Missing:
    told = comparison.always_valid
    return Missing(comparison.always_valid_reason or Missing.TOO_FEW) if told is None else told.p_value
