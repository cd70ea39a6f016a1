"""What another policy would have been worth, from decisions logged with their propensities.

Knows which decisions inform it, and the answer's keys. Must never know formulas other than weights.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Final

from fitly.cli.analysis.documents import Document, put
from fitly.cli.analysis.plan import UNIFORM, Plan
from fitly.cli.analysis.trial import Trial
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.offpolicy import LEAST_LEARNERS, Weighed, off_policy
from fitly.core.statistics.welch import Interval

_SCALE: Final = 10**18
"""What stands for 1 where weights become integers: what is lost is far below a float's own rounding."""


def logged(trial: Trial, plan: Plan) -> Document:
    """Estimate the first metric's mean under the target.

    Notes
    -----
    The point estimates and the effective sample size are those of the decisions; the interval (of IPS) takes the unit
    as the unit of chance, so that many decisions of one are not knowledge about many. Under 100 effective decisions
    there is no estimate, under 100 effective units no interval.
    """
    plan.check_target(trial.arms)
    rows = [
        (unit.name, _weight(unit.arm, unit.propensity, plan.target, len(trial.arms)), value)
        for unit in trial.units
        if unit.propensity is not None and (value := unit.value(0)) is not None
    ]
    document: Document = {"target": plan.target, "metric": trial.columns.metrics[0], "n": len(rows)}
    weights = [weight for _, weight, _ in rows]
    whole, squares = math.fsum(weights), math.fsum(weight * weight for weight in weights)
    ess = whole * whole / squares if squares else 0.0
    rewards = math.fsum(weight * value for _, weight, value in rows)
    enough = ess >= LEAST_LEARNERS
    return put(
        document,
        ips=rewards / len(rows) if enough else Missing.NOT_ENOUGH,
        snips=rewards / whole if enough else Missing.NOT_ENOUGH,
        ess=ess,
        mean_weight=whole / len(rows) if rows else Missing.TOO_FEW,
        max_weight=max(weights) if rows else Missing.TOO_FEW,
        ci=_interval(rows, plan.level) if enough else Missing.NOT_ENOUGH,
    )


def _weight(arm: str, propensity: float, target: str, arms: int) -> float:
    """Give how likely the arm is under the target, over how likely it was."""
    if target == UNIFORM:
        return 1 / arms / propensity
    return 1 / propensity if arm == target else 0.0


def _interval(rows: list[tuple[str, float, float]], level: float) -> Interval | Missing:
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for name, weight, value in rows:
        total = totals[name]
        total[0] += 1
        total[1] += round(weight * _SCALE)
        total[2] += round(weight * value * _SCALE)
    sums = Weighed.of((n, w, r, 0) for n, w, r in totals.values())
    # One look, which off_policy takes for the first of many: half of what it may spend.
    found = off_policy(sums, alpha=2 * (1 - level), scale=_SCALE).ips
    return found if isinstance(found, Missing) else found.interval
