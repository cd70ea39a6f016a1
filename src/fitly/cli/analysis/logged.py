"""What another policy would have been worth, from decisions logged with their propensities.

Knows which decisions inform it, and the answer's keys. Must never know formulas other than weights.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from scipy.special import ndtri

from fitly.cli.analysis.documents import Document, put
from fitly.cli.analysis.plan import UNIFORM, Plan
from fitly.cli.analysis.trial import Trial
from fitly.core.statistics.mismatch import ALARM
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.offpolicy import LEAST_LEARNERS, Estimate, OffPolicy, Weighed, off_policy
from fitly.core.statistics.welch import Interval

_SCALE: Final = 10**18
"""What stands for 1 where weights become integers: what is lost is far below a float's own rounding."""
_FAR: Final = -float(ndtri(ALARM / 2))
"""Standard errors beyond which a mean weight is as unlikely as a sample ratio that raises its alarm."""
_WRITTEN: Final = 0.01
"""A mean weight that is off by less may be that of propensities written with two digits."""
Row = tuple[str, float, float]
"""A decision: whose, its weight, its value."""


class Caution(StrEnum):
    """Why an estimate is to be read with care; it is given all the same."""

    NOT_ENOUGH = "NOT_ENOUGH"
    """Few effective decisions or units: a few carry the estimate, and the interval may be far too narrow."""
    MEAN_WEIGHT = "MEAN_WEIGHT"
    """Weights do not average to 1: propensities are not those of the draws, or the target was not always possible."""


CAUTIONS: Final = {
    Caution.NOT_ENOUGH: "fewer than 100 effective decisions or units: a few carry the estimate",
    Caution.MEAN_WEIGHT: "weights do not average to 1: the propensities are not those of the draws, or do not allow "
    "the target everywhere",
}


def logged(trial: Trial, plan: Plan) -> Document:
    """Estimate the first metric's mean under the target.

    Notes
    -----
    The point estimates and the effective sample size are those of the decisions; the interval (of IPS) takes the unit
    as the unit of chance, so that many decisions of one are not knowledge about many. No figure is kept back for being
    weak: what weakens it stands under ``warnings``. Where no decision supports the target there is no estimate.
    """
    plan.check_target(trial.arms)
    rows = [
        (unit.name, _weight(unit.arm, unit.propensity, plan.target, len(trial.arms)), value)
        for unit in trial.units
        if unit.propensity is not None and (value := unit.value(0)) is not None
    ]
    weights = [weight for _, weight, _ in rows]
    whole, squares = math.fsum(weights), math.fsum(weight * weight for weight in weights)
    ess = whole * whole / squares if squares else 0.0
    rewards = math.fsum(weight * value for _, weight, value in rows)
    found = _by_unit(rows, plan.level)
    document = put(
        {"target": plan.target, "metric": trial.columns.metrics[0], "n": len(rows)},
        ips=rewards / len(rows) if whole else Missing.NOT_ENOUGH,
        snips=rewards / whole if whole else Missing.NOT_ENOUGH,
        ess=ess,
        mean_weight=whole / len(rows) if rows else Missing.TOO_FEW,
        max_weight=max(weights) if rows else Missing.TOO_FEW,
        ci=_interval(found.ips),
    )
    cautions = [caution.value for caution in _cautions(min(ess, found.ess), found.dr)]
    return document | ({"warnings": cautions} if cautions else {})


def _weight(arm: str, propensity: float, target: str, arms: int) -> float:
    """Give how likely the arm is under the target, over how likely it was."""
    if target == UNIFORM:
        return 1 / arms / propensity
    return 1 / propensity if arm == target else 0.0


def _by_unit(rows: list[Row], level: float) -> OffPolicy:
    """Estimate with the unit as the unit of chance: as IPS the metric, and in the place of DR the weight itself."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for name, weight, value in rows:
        total = totals[name]
        total[0] += 1
        total[1] += round(weight * _SCALE)
        total[2] += round(weight * value * _SCALE)
    sums = Weighed.of((n, w, r, w) for n, w, r in totals.values())
    # One look, which off_policy takes for the first of many: half of what it may spend.
    return off_policy(sums, alpha=2 * (1 - level), scale=_SCALE, least=0)


def _interval(ips: Estimate | Missing) -> Interval | Missing:
    """Give the interval; one without width would pretend to know exactly."""
    if isinstance(ips, Missing):
        return ips
    return ips.interval if ips.se else Missing.ZERO_VARIANCE


def _cautions(ess: float, weight: Estimate | Missing) -> Iterator[Caution]:
    if ess < LEAST_LEARNERS:
        yield Caution.NOT_ENOUGH
    if not isinstance(weight, Missing) and abs(weight.value - 1) > max(_FAR * weight.se, _WRITTEN):
        yield Caution.MEAN_WEIGHT
