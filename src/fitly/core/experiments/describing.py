"""Every arm of a report as it is: who is in it, where their measuring stands, what was measured.

Knows counts and means. Must never know comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from fitly.core.experiments.counted import Arm
from fitly.core.experiments.enrolment import Reason
from fitly.core.experiments.figures import ArmFigures, CountedUnit, Mean
from fitly.core.experiments.plan import Measure
from fitly.core.experiments.sums import sample
from fitly.core.experiments.trial import Trial
from fitly.core.numbers import CERTAIN
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.moments import Moments
from fitly.core.statistics.sums import Sums

_LEAST: Final = 2
_REASON: Final = "reason."


def described(trial: Trial, arm: Arm, unit: CountedUnit) -> ArmFigures:
    """Describe one arm.

    Parameters
    ----------
    trial : Trial
        The plan and the weights in force.
    arm : Arm
        What was counted.
    unit : CountedUnit
        Who was randomized.
    """
    plan, epoch = trial.plan, trial.epoch
    variant = plan.variants[arm.place]
    joined, applied = (_share(arm, part) for part in ("joined", "applied"))
    return ArmFigures(
        variant_id=variant.variant_id,
        is_control=variant.variant_id == plan.controls,
        weight=None if epoch is None else epoch.weights[arm.place] / CERTAIN,
        enrolled=arm.count("enrolled"),
        open=arm.count("open"),
        measured=arm.count("measured"),
        opted_out=arm.count("opted_out"),
        with_outcome=arm.count("with_outcome"),
        decisions=arm.count("decisions"),
        join_rate=joined,
        join_rate_reason=None if joined is not None else Missing.TOO_FEW.value,
        applied_share=applied,
        applied_share_reason=None if applied is not None else Missing.TOO_FEW.value,
        groups=len(arm.groups) if unit is CountedUnit.GROUP else None,
        measures={measure: mean_of(arm.of(measure)) for measure in Measure},
        provisional={measure: mean_of(sample(arm.still_open, measure.value)) for measure in Measure},
        unjoined_as_zero=mean_of(arm.of(plan.primary_metric, ".filled")),
        applied_only=mean_of(arm.of(plan.primary_metric, ".exposed")),
    )


def mean_of(sums: Sums) -> Mean:
    """Give mean and standard deviation of a sample.

    >>> mean_of(Sums(1, 500_000, 500_000**2))
    Mean(n=1, mean=0.5, mean_reason=None, sd=None, sd_reason='TOO_FEW')
    """
    found, few = Moments.read(sums), Missing.TOO_FEW.value
    return Mean(
        n=sums.n,
        mean=found.mean if sums.n else None,
        mean_reason=None if sums.n else few,
        sd=math.sqrt(found.variance) if sums.n >= _LEAST else None,
        sd_reason=None if sums.n >= _LEAST else few,
    )


def _share(arm: Arm, part: str) -> float | None:
    whole = arm.count("decisions")
    return arm.count(part) / whole if whole else None


def not_enrolled(sums: Mapping[str, int]) -> dict[str, int]:
    """Give how many learners are not enrolled, by the reason.

    >>> not_enrolled({"reason.6": 2, "0.a.enrolled": 5})
    {'HOLDOUT': 2}
    """
    codes = {int(name.removeprefix(_REASON)): count for name, count in sums.items() if name.startswith(_REASON)}
    return {Reason(code).name: count for code, count in sorted(codes.items())}
