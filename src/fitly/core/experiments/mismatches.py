"""Did the arms differ in anything but their treatment? Every check of a report, from counts.

Knows which counts must not depend on the arm, and which of them forbid a verdict. Must never know conditions.

The sample ratio is looked at after every day, so what blocks is its e-process, whose chance of ever being wrong is one
in a thousand; the chi-square of the day stands beside it. The rest are chi-squares of the day at p < .001, over those
who count in the verdict. Whether a strategy was applied is told and blocks nothing: it may be what the strategy does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from fitly.core.experiments.counted import Arm
from fitly.core.experiments.figures import Check, CountedUnit, Suspicion
from fitly.core.experiments.plan import Measure, Plan
from fitly.core.experiments.trial import Trial
from fitly.core.numbers import CERTAIN
from fitly.core.statistics.bunched import share_by_arm
from fitly.core.statistics.chi_square import ChiSquare
from fitly.core.statistics.contingency import by_arm
from fitly.core.statistics.joint import JointSums
from fitly.core.statistics.mismatch import ALARM, CONCENTRATION, expected_counts, is_mismatch, log_e_value, sample_ratio
from fitly.core.statistics.missing import Missing

PER_CONCENTRATION: Final = 15
"""Of the planned size, one in so many is the e-process's concentration: that finds the smallest loss by then."""
METRICS: Final = tuple(measure for measure in Measure if measure is not Measure.COMPOSITE)


class Counted(NamedTuple):
    """Who is checked.

    Attributes
    ----------
    assigned, uniform : sequence of Arm
        By the weights of their epochs, and a bandit's uniform slice (nobody elsewhere).
    judged : sequence of Arm
        Who counts in the verdict.
    """

    assigned: Sequence[Arm]
    uniform: Sequence[Arm]
    judged: Sequence[Arm]


def checks(trial: Trial, counted: Counted, unit: CountedUnit) -> list[Check]:
    """Make every check.

    Parameters
    ----------
    trial : Trial
        The plan, and the weights that were in force.
    counted : Counted
        Arms in the order of the plan's variants.
    unit : CountedUnit
        Who was randomized.
    """
    found = [_sample_ratio(trial, counted, unit)]
    found += (
        _by_group(trial.plan, counted.judged) if unit is CountedUnit.GROUP else _by_learner(trial.plan, counted, unit)
    )
    return found


def weights(trial: Trial) -> dict[int, tuple[float, ...]]:
    """Give the weights of every epoch; the plan's where none was set."""
    told = {each.number: tuple(part / CERTAIN for part in each.weights) for each in trial.epochs}
    return told or {0: tuple(variant.weight for variant in trial.plan.variants)}


def _sample_ratio(trial: Trial, counted: Counted, unit: CountedUnit) -> Check:
    """Check how many were drawn into each arm, over the weights with which each was drawn.

    Whom an attribute assigned was drawn elsewhere, by shares that we do not know; so beside others they do not count.
    Where they are all there is, a trial was randomized elsewhere, and its shares are said to be those of the plan.
    """
    plan = trial.plan
    segments = [(seen, parts) for seen, parts in _drawn(trial, counted, unit) if sum(seen)]
    if not segments and plan.bandit is None:
        elsewhere = [len(arm.groups) if unit is CountedUnit.GROUP else arm.count("given") for arm in counted.judged]
        segments = [(elsewhere, [variant.weight for variant in plan.variants])] if sum(elsewhere) else []
    observed = [sum(column) for column in zip(*(seen for seen, _ in segments), strict=True)] or [0] * len(plan.variants)
    due = [expected_counts(sum(seen), parts) for seen, parts in segments]
    expected = [math.fsum(column) for column in zip(*due, strict=True)] or [0.0] * len(plan.variants)
    evidence = log_e_value(segments, max(CONCENTRATION, plan.planned_n / PER_CONCENTRATION))
    found = sample_ratio(observed, expected)
    blocks = is_mismatch(evidence)
    return _check(
        plan, Suspicion.SAMPLE_RATIO, unit, observed, expected, found, log10_e=evidence / math.log(10), blocks=blocks
    )


def _drawn(trial: Trial, counted: Counted, unit: CountedUnit) -> Iterator[tuple[list[int], Sequence[float]]]:
    """Give how many were drawn into each arm, and by which weights: of every epoch, and of a bandit's uniform slice."""
    if unit is CountedUnit.GROUP:
        yield [arm.drawn_groups() for arm in counted.judged], [variant.weight for variant in trial.plan.variants]
        return
    for epoch, parts in weights(trial).items():
        yield [arm.drawn(epoch) for arm in counted.assigned], parts
    yield [arm.count("enrolled") for arm in counted.uniform], [1.0] * len(trial.plan.variants)


def _by_learner(plan: Plan, counted: Counted, unit: CountedUnit) -> Iterator[Check]:
    """Check what became of learners and of their decisions."""
    arms = counted.judged
    measured, heard = ([arm.count(name) for arm in arms] for name in ("measured", "with_outcome"))
    yield _answered(plan, Suspicion.JOINS, unit, heard, measured)
    yield _bunched(plan, Suspicion.JOINS, CountedUnit.DECISION, [arm.shares("joined") for arm in arms])
    opted_out, enrolled = ([arm.count(name) for arm in arms] for name in ("opted_out", "enrolled"))
    yield _answered(plan, Suspicion.OPT_OUTS, unit, opted_out, enrolled)
    for measure in METRICS:
        have = [arm.of(measure).n for arm in arms]
        yield _answered(plan, Suspicion.MISSING_METRIC, unit, have, heard, measure)
    applying = {
        variant.variant_id: arm.shares("applied")
        for variant, arm in zip(plan.variants, arms, strict=True)
        if variant.config.strategy_variant is not None
    }
    if len(applying) > 1:
        yield _bunched(plan, Suspicion.APPLIED, CountedUnit.DECISION, [*applying.values()], names=[*applying])


def _by_group(plan: Plan, arms: Sequence[Arm]) -> Iterator[Check]:
    """Check what became of groups' learners; single ones would look like more than they are."""
    unit, heard = CountedUnit.GROUP, f"{Measure.COMPOSITE}.n"
    yield _bunched(plan, Suspicion.JOINS, unit, [arm.of_groups(heard, "measured") for arm in arms])
    yield _bunched(plan, Suspicion.OPT_OUTS, unit, [arm.of_groups("opted_out", "enrolled") for arm in arms])
    for measure in METRICS:
        have = [arm.of_groups(f"{measure}.n", heard) for arm in arms]
        yield _bunched(plan, Suspicion.MISSING_METRIC, unit, have, measure=measure)


def _answered(
    plan: Plan, suspicion: Suspicion, unit: CountedUnit, yes: Sequence[int], of: Sequence[int],
    measure: Measure | None = None,
) -> Check:  # fmt: skip
    """Check one yes or no of learners."""
    return _check(plan, suspicion, unit, yes, expected_counts(sum(yes), of) if sum(of) else [0.0] * len(of),
                  by_arm(yes, of), measure=measure)  # fmt: skip


def _bunched(
    plan: Plan, suspicion: Suspicion, unit: CountedUnit, arms: Sequence[JointSums],
    *, measure: Measure | None = None, names: Sequence[str] = (),
) -> Check:  # fmt: skip
    """Check one yes or no of whoever comes in bunches."""
    yes, of = [arm.y for arm in arms], [arm.x for arm in arms]
    expected = expected_counts(sum(yes), of) if sum(of) else [0.0] * len(of)
    return _check(plan, suspicion, unit, yes, expected, share_by_arm(arms), measure=measure, names=names)


def _check(
    plan: Plan, suspicion: Suspicion, unit: CountedUnit, observed: Sequence[int], expected: Sequence[float],
    found: ChiSquare | Missing, *, measure: Measure | None = None, names: Sequence[str] = (),
    log10_e: float | None = None, blocks: bool | None = None,
) -> Check:  # fmt: skip
    """Say what was found; what blocks, unless it is said, is an alarm of this look."""
    names = names or [variant.variant_id for variant in plan.variants]
    known = None if isinstance(found, Missing) else found
    alarm = known is not None and known.p_value < ALARM
    if blocks is None:
        blocks = alarm and _forbids(plan, suspicion, measure)
    return Check(
        suspicion=suspicion,
        measure=measure,
        unit=unit,
        observed=dict(zip(names, observed, strict=True)),
        expected=dict(zip(names, expected, strict=True)),
        chi2=known and known.chi2,
        df=known and known.df,
        p_value=known and known.p_value,
        log10_p_value=known and known.log10_p_value,
        p_value_reason=found.value if isinstance(found, Missing) else None,
        log10_e=log10_e,
        alarm=alarm or blocks,
        blocks=blocks,
    )


def _forbids(plan: Plan, suspicion: Suspicion, measure: Measure | None) -> bool:
    """Tell whether a verdict could come of what differs; the composite is made of all metrics."""
    if suspicion is Suspicion.MISSING_METRIC:
        return plan.primary_metric in {measure, Measure.COMPOSITE}
    return suspicion is not Suspicion.APPLIED
