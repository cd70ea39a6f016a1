"""Experiments whose variants are cells of factors: main effects and interactions by the factors' names.

Knows how a plan's cells are coded as numbers. Must never know the estimator (``statistics.factors``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fitly.core.experiments.counted import Arm
from fitly.core.experiments.figures import Contrast
from fitly.core.experiments.plan import Plan
from fitly.core.statistics.factors import factorial
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments

LEVEL: Final = 0.95


def contrasts(plan: Plan, arms: Sequence[Arm]) -> tuple[tuple[Contrast, ...], str | None]:
    """Give every main effect and two-way interaction in the primary metric, or the reason why there is none.

    Parameters
    ----------
    plan : Plan
        A variant's ``cell`` names its level of each factor; a factor's first level is the one met first.
    arms : sequence of Arm
        In the order of the variants.

    Returns
    -------
    tuple
        Contrasts, main effects first; and None, or why there are none: ``NO_FACTORS`` where the plan has none.
    """
    factors = sorted(plan.variants[0].cell)
    if not factors:
        return (), "NO_FACTORS"
    if plan.group_kind is not None or plan.bandit is not None:
        return (), Missing.CLUSTERED.value
    levels = [list(dict.fromkeys(variant.cell[factor] for variant in plan.variants)) for factor in factors]
    cells = {
        tuple(known.index(variant.cell[factor]) for factor, known in zip(factors, levels, strict=True)): Moments.read(
            arm.of(plan.primary_metric)
        )
        for variant, arm in zip(plan.variants, arms, strict=True)
    }
    if any(len(known) == 1 for known in levels):
        return (), Missing.EMPTY_CELL.value
    found = factorial([len(known) for known in levels], cells, LEVEL)
    if isinstance(found, Missing):
        return (), found.value
    n = sum(cell.n for cell in cells.values())
    return tuple(
        Contrast(
            factors=tuple(factors[place] for place in effect.factors),
            levels=tuple(levels[place][level] for place, level in zip(effect.factors, effect.levels, strict=True)),
            n=n,
            estimate=effect.estimate,
            se=effect.se,
            p_value=effect.p_value,
            ci=effect.interval,
        )
        for effect in found
    ), None
