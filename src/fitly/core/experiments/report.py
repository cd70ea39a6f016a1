"""The report of an experiment at one look: a pure function of the trial, the merged sums and the look's moment.

Knows which figures, checks and conditions belong together. Must never know who merged the sums, nor who reads it.

Counted are those whose measuring is over, each once, with a mean that moves no more; who is still open stands apart,
and no test is made of them. Whoever is enrolled is counted, whether or not anything was applied (intention to treat).
Of a bandit, the uniform slice alone is tested and judged; all its learners together are described, and labelled so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from fitly.core.experiments.alerting import Alert, alerts
from fitly.core.experiments.comparing import Setting, compared, paired
from fitly.core.experiments.counted import Arm, arms
from fitly.core.experiments.describing import described, not_enrolled
from fitly.core.experiments.factors import contrasts
from fitly.core.experiments.families import held_together
from fitly.core.experiments.figures import (
    Allocation,
    ArmFigures,
    Check,
    Comparison,
    Contrast,
    CountedUnit,
    Role,
)
from fitly.core.experiments.judging import Judgement, Known, judge, planned_look
from fitly.core.experiments.mismatches import Counted, checks
from fitly.core.experiments.plan import ExperimentType, Measure, Plan, RandomizationUnit
from fitly.core.experiments.planned import PlannedLook
from fitly.core.experiments.planning import Left, Outlook, elapsed, left, outlook, participants, planned_units, ran
from fitly.core.experiments.sums import ASSIGNED, ROLLED_OUT, UNIFORM
from fitly.core.experiments.trial import Afterwards, Status, Trial
from fitly.core.numbers import Millis, to_datetime
from fitly.core.statistics.joint import JointMoments, JointSums
from fitly.core.vocabulary import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was counted: who was enrolled since the start and measured, ``days`` later, before the look."""

    start: datetime | None
    end: datetime
    measurement_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An experiment at one look.

    Attributes
    ----------
    look : int
        Number, from 1; 0 for a view in between, which is provisional and never judged.
    closed_at : datetime
        The event clock of the look.
    unit : CountedUnit
        Who was randomized, and counts once.
    window : Window
        Over which time.
    not_enrolled : dict
        Name of `Reason` -> learners.
    arms : tuple of ArmFigures
        Of everybody enrolled; in a bandit both slices together.
    comparisons : tuple of Comparison
        Every treatment less the control in every measure: what a verdict rests on.
    allocated : tuple of Comparison
        Of a bandit, everybody together, labelled BANDIT_ALLOCATED; else nothing.
    roll_out : tuple of Comparison
        After the end: the winner against who was held back.
    checks, factors, outlooks, left, planned_look, verdict, alerts
        See there.
    """

    experiment_name: str
    experiment_type: ExperimentType
    context: Context
    status: Status
    revision: int
    plan_hash: str
    primary_metric: Measure
    look: int
    is_provisional: bool
    closed_at: datetime
    unit: CountedUnit
    window: Window
    participants: int
    not_enrolled: dict[str, int]
    arms: tuple[ArmFigures, ...]
    comparisons: tuple[Comparison, ...]
    allocated: tuple[Comparison, ...]
    roll_out: tuple[Comparison, ...]
    factors: tuple[Contrast, ...]
    factors_reason: str | None
    checks: tuple[Check, ...]
    outlooks: tuple[Outlook, ...]
    left: Left
    planned_look: PlannedLook | None
    verdict: Judgement
    alerts: tuple[Alert, ...]


def report(
    trial: Trial, sums: Mapping[str, int], *, look: int, closed_at: Millis, planned: PlannedLook | None
) -> Report:
    """Report on an experiment.

    Parameters
    ----------
    trial : Trial
        As in force at the look.
    sums : mapping
        Merged over all partitions, named as in `sums`.
    look : int
        Number of the look, from 1; 0 for a view in between.
    closed_at : Millis
        The event clock that all partitions have passed.
    planned : PlannedLook or None
        That of the former look's report: what the one planned look found stands afterwards, and no other look is
        taken for it. None until a report had one.
    """
    plan, subject = trial.plan, _subject(trial.plan, sums)
    comparisons = held_together(_comparisons(plan, subject.judged, subject.allocation, subject.unit))
    found = checks(trial, Counted(subject.assigned, subject.uniform, subject.judged), subject.unit)
    days = elapsed(trial, closed_at)
    if planned is None and look and days >= plan.planned_days:
        planned = planned_look(look, comparisons)
    said = judge(_known(plan, subject, comparisons, found, ran(trial, closed_at), planned))
    if not look:
        said = replace(said, winner=None)
    figures = tuple(described(trial, arm, subject.unit) for arm in subject.everybody)
    main, missing = contrasts(plan, subject.judged)
    return Report(
        experiment_name=plan.experiment_name,
        experiment_type=plan.experiment_type,
        context=plan.context,
        status=trial.status,
        revision=trial.revision,
        plan_hash=trial.plan_hash,
        primary_metric=plan.primary_metric,
        look=look,
        is_provisional=not look,
        closed_at=to_datetime(closed_at),
        unit=subject.unit,
        window=_window(trial, closed_at),
        participants=sum(arm.enrolled for arm in figures),
        not_enrolled=not_enrolled(sums),
        arms=figures,
        comparisons=tuple(comparisons),
        allocated=_allocated(plan, subject),
        roll_out=_rolled_out(trial, sums, subject.unit),
        factors=main,
        factors_reason=missing,
        checks=tuple(found),
        outlooks=tuple(_outlooks(plan, subject)),
        left=left(trial, subject.judged, closed_at),
        planned_look=planned,
        verdict=said,
        alerts=tuple(alerts(plan, figures, comparisons, found, said)),
    )


class _Subject(NamedTuple):
    """Who is reported on: everybody, those assigned by weights, a bandit's uniform slice, and who is judged."""

    everybody: list[Arm]
    assigned: list[Arm]
    uniform: list[Arm]
    judged: list[Arm]
    allocation: Allocation
    unit: CountedUnit


def _subject(plan: Plan, sums: Mapping[str, int]) -> _Subject:
    count = len(plan.variants)
    everybody, assigned, uniform = (
        arms(sums, count, slices) for slices in ((ASSIGNED, UNIFORM), (ASSIGNED,), (UNIFORM,))
    )
    if plan.bandit is None:
        unit = CountedUnit.GROUP if plan.unit is RandomizationUnit.GROUP else CountedUnit.LEARNER
        return _Subject(everybody, assigned, uniform, assigned, Allocation.RANDOMIZED, unit)
    return _Subject(everybody, assigned, uniform, uniform, Allocation.UNIFORM_SLICE, CountedUnit.LEARNER_EPOCH)


def _window(trial: Trial, closed_at: Millis) -> Window:
    plan = trial.plan
    return Window(
        start=None if trial.started_at is None else to_datetime(trial.started_at),
        end=to_datetime(closed_at),
        measurement_days=plan.measurement_days if plan.bandit is None else plan.bandit.epoch_days,
    )


def _pairs(plan: Plan, counted: Sequence[Arm]) -> Iterator[tuple[str, Arm, Arm, float]]:
    """Give each treatment, its arm, the control's, and the share of the planned size that is theirs."""
    names = [variant.variant_id for variant in plan.variants]
    control = names.index(plan.controls)
    shares = [variant.weight for variant in plan.variants]
    if plan.bandit is not None:
        shares = [1 / len(names)] * len(names)
    for place, name in enumerate(names):
        if place != control:
            yield name, counted[place], counted[control], shares[place] + shares[control]


def _comparisons(plan: Plan, counted: Sequence[Arm], allocation: Allocation, unit: CountedUnit) -> list[Comparison]:
    """Compare every treatment with the control in every measure; the primary metric first."""
    rails = {rail.metric: rail.margin for rail in plan.guardrails}
    everybody = {
        measure: JointMoments.read(sum((arm.before(measure) for arm in counted), JointSums())) for measure in Measure
    }
    found = []
    for name, treatment, control, share in _pairs(plan, counted):
        planned = (plan.planned_n if unit is CountedUnit.LEARNER else planned_units(plan)) * share
        setting = Setting(unit=unit, allocation=allocation, planned=planned, everybody=everybody)
        for measure in Measure:
            role = Role.GUARDRAIL if measure in rails else Role.SECONDARY
            role = Role.PRIMARY if measure is plan.primary_metric else role
            sides = (name, treatment), (plan.controls, control)
            found.append(compared(setting, *sides, measure, role, rails.get(measure)))
    return sorted(found, key=lambda each: each.role is not Role.PRIMARY)


def _known(
    plan: Plan, subject: _Subject, comparisons: Sequence[Comparison], found: Sequence[Check], days: float,
    planned: PlannedLook | None,
) -> Known:  # fmt: skip
    named = list(zip([variant.variant_id for variant in plan.variants], subject.judged, strict=True))
    filled: dict[str, float | None] = {}
    for name, treatment, control, _ in _pairs(plan, subject.judged):
        pair = paired(treatment, control, plan.primary_metric, subject.unit, ".filled")
        one, other = pair.treatment.people, pair.control.people
        filled[name] = one.mean - other.mean if one.n and other.n else None
    groups = {name: arm.by_group(plan.primary_metric).clusters for name, arm in named}
    return Known(
        plan=plan,
        comparisons=comparisons,
        filled=filled,
        checks=found,
        participants={name: participants(plan, arm) for name, arm in named},
        groups=groups if subject.unit is CountedUnit.GROUP else None,
        days=days,
        planned=planned,
    )


def _allocated(plan: Plan, subject: _Subject) -> tuple[Comparison, ...]:
    if plan.bandit is None:
        return ()
    return tuple(_comparisons(plan, subject.everybody, Allocation.BANDIT_ALLOCATED, subject.unit))


def _rolled_out(trial: Trial, sums: Mapping[str, int], unit: CountedUnit) -> tuple[Comparison, ...]:
    """Compare who got the winner with who was held back, once there is a roll-out: there each learner counts once."""
    if trial.afterwards is not Afterwards.ROLL_OUT or trial.winner == trial.plan.controls:
        return ()
    unit = CountedUnit.LEARNER if unit is CountedUnit.LEARNER_EPOCH else unit
    found = _comparisons(trial.plan, arms(sums, len(trial.plan.variants), (ROLLED_OUT,)), Allocation.ROLL_OUT, unit)
    return tuple(each for each in found if each.treatment == trial.winner)


def _outlooks(plan: Plan, subject: _Subject) -> Iterator[Outlook]:
    for name, treatment, control, share in _pairs(plan, subject.judged):
        pair = paired(treatment, control, plan.primary_metric, subject.unit)
        people, units = (
            getattr(pair.treatment, side).n + getattr(pair.control, side).n for side in ("people", "units")
        )
        planned = planned_units(plan) * share * (units / people if people else 1.0)
        yield outlook(name, pair, subject.unit, planned)
