"""What an experiment can still find, and how long that takes: from the spread and the rate observed.

Knows power and arithmetic of days. Must never know whether anything was found: the difference observed is not asked,
for the power to find what was found says nothing but its p over again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fitly.core.experiments.comparing import Pair
from fitly.core.experiments.counted import Arm
from fitly.core.experiments.figures import CountedUnit
from fitly.core.experiments.plan import Plan
from fitly.core.experiments.trial import Trial
from fitly.core.experiments.verdict import RULE
from fitly.core.numbers import DAY, Millis
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.power import days_left, power
from fitly.core.statistics.welch import welch

GOAL: Final = 0.8
"""The power at which a difference counts as detectable."""
DIFFERENCES: Final = (0.01, 0.02, 0.05, 0.1)
"""Of which the power is told."""
_CLOSE: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What can still be found, and when; for one treatment and the primary metric.

    Attributes
    ----------
    n_now, n_planned : float
        Units (as the comparison's) of both arms, measured and expected at the planned end.
    detectable_now, detectable_planned : float or None
        Differences that one look at level .04 finds in 80 of 100 experiments.
    power : dict
        Difference -> chance that one look at the planned n finds it.
    """

    treatment: str
    unit: CountedUnit
    n_now: int
    n_planned: float
    detectable_now: float | None
    detectable_now_reason: str | None
    detectable_planned: float | None
    detectable_planned_reason: str | None
    power: dict[str, float]
    power_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Days until something is reached at the rate observed; 0 where it is."""

    minimum_duration: float
    minimum_participants: float | None
    minimum_participants_reason: str | None
    planned_end: float
    planned_n: float | None
    planned_n_reason: str | None
    measured_per_day: float | None
    measured_per_day_reason: str | None


def outlook(treatment: str, pair: Pair, unit: CountedUnit, planned: float) -> Outlook:
    """Tell what one look at the planned end finds.

    Parameters
    ----------
    treatment : str
        Whose comparison with the control this is.
    pair : Pair
        Both arms in the primary metric.
    unit : CountedUnit
        What n counts.
    planned : float
        Units of both arms expected at the planned end; their ratio stays as it is.
    """
    one, other = pair.treatment.units, pair.control.units
    test = welch(one, other, 0.95)
    if isinstance(test, Missing):
        reason = test.value
        return Outlook(
            treatment=treatment, unit=unit, n_now=one.n + other.n, n_planned=planned, detectable_now=None,
            detectable_now_reason=reason, detectable_planned=None, detectable_planned_reason=reason, power={},
            power_reason=reason,
        )  # fmt: skip
    ratio = other.n / one.n
    sd = test.se * math.sqrt(one.n * ratio / (1 + ratio))
    then = max(planned / (1 + ratio), 2.0)
    return Outlook(
        treatment=treatment,
        unit=unit,
        n_now=one.n + other.n,
        n_planned=planned,
        detectable_now=sd * detectable(one.n, ratio),
        detectable_now_reason=None,
        detectable_planned=sd * detectable(then, ratio),
        detectable_planned_reason=None,
        power={f"{each:g}": power(each / sd, then, ratio=ratio, alpha=RULE.fixed_p) for each in DIFFERENCES},
        power_reason=None,
    )


def detectable(n: float, ratio: float, *, goal: float = GOAL, alpha: float = RULE.fixed_p) -> float:
    """Give the difference, in standard deviations, that one look finds with a chance of ``goal``.

    Equals statsmodels' ``TTestIndPower().solve_power(effect_size=None)`` within 1 %.

    >>> round(detectable(64, 1.0, alpha=0.05), 3)
    0.499
    """
    low, high = 0.0, 1.0
    while power(high, n, ratio=ratio, alpha=alpha) < goal:
        low, high = high, 2 * high
    while high - low > _CLOSE * high:
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, n, ratio=ratio, alpha=alpha) < goal else (low, middle)
    return high


def left(trial: Trial, arms: Sequence[Arm], at: Millis) -> Left:
    """Tell how many days it takes to reach the minima and the plan.

    Parameters
    ----------
    trial : Trial
        The plan and the start.
    arms : sequence of Arm
        Who counts in the verdict.
    at : Millis
        The look's moment.
    """
    plan, days = trial.plan, elapsed(trial, at)
    waiting, per_day = _rates(plan, arms, days)
    measured = [arm.count("measured") for arm in arms]
    counting = [participants(plan, arm) for arm in arms]
    minima = [
        days_left(plan.min_participants, count, rate * count / whole_arm if whole_arm else rate)
        for count, whole_arm, rate in zip(counting, measured, per_day, strict=True)
    ]
    missing = next((each for each in minima if isinstance(each, Missing)), None)
    slowest = max((each for each in minima if not isinstance(each, Missing)), default=0.0)
    whole, pace = sum(measured), sum(per_day)
    planned = days_left(planned_units(plan), whole, pace)
    return Left(
        minimum_duration=max(plan.min_duration_days - ran(trial, at), 0.0),
        minimum_participants=None if missing else slowest and slowest + waiting,
        minimum_participants_reason=missing and missing.value,
        planned_end=max(plan.planned_days - days, 0.0),
        planned_n=None if isinstance(planned, Missing) else planned and planned + waiting,
        planned_n_reason=planned.value if isinstance(planned, Missing) else None,
        measured_per_day=pace if days else None,
        measured_per_day_reason=None if days else Missing.TOO_FEW.value,
    )


def participants(plan: Plan, arm: Arm) -> int:
    """Give how many learners count towards the minimum: with a value of the primary metric, each once.

    That a bandit's learner counts in several epochs makes nobody more of them.
    """
    if plan.bandit is not None:
        return arm.by_learner(plan.primary_metric).clusters
    return arm.of(plan.primary_metric).n


def elapsed(trial: Trial, at: Millis) -> float:
    """Give how many days ago an experiment started; what came after its end does not count.

    The planned look goes by it: were pauses left out, whoever looks on could put it off until it says what they like.
    """
    if trial.started_at is None:
        return 0.0
    end = at if trial.ended_at is None else min(at, trial.ended_at)
    return max(end - trial.started_at, 0) / DAY


def ran(trial: Trial, at: Millis) -> float:
    """Give how many days an experiment took learners in: those in which it was paused do not make it any longer."""
    now = 0 if trial.paused_since is None else max(at - trial.paused_since, 0)
    return max(elapsed(trial, at) - (trial.paused_for + now) / DAY, 0.0)


def planned_units(plan: Plan) -> float:
    """Give how many units are expected to count in the verdict.

    A plan counts learners, and of a bandit those of its uniform slice are judged, each once in every epoch that ends
    within the planned days.
    """
    if plan.bandit is None:
        return plan.planned_n
    return plan.planned_n * plan.bandit.uniform_share * max(plan.planned_days // plan.bandit.epoch_days, 1)


def _rates(plan: Plan, arms: Sequence[Arm], days: float) -> tuple[float, list[float]]:
    """Give how long nothing closes yet, and how many units of each arm close a day.

    Whoever closes today was enrolled so many days ago: until the first do, the rate of enrolment stands for it.
    """
    lag = plan.measurement_days if plan.bandit is None else plan.bandit.epoch_days
    if days > lag and any(arm.count("measured") for arm in arms):
        return 0.0, [arm.count("measured") / (days - lag) for arm in arms]
    return max(lag - days, 0.0), [arm.count("enrolled") / days if days else 0.0 for arm in arms]
