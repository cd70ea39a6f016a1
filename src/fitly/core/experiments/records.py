"""Record 4: an experiment as the table of experiments shows it, from what the control log has set.

Knows how each column follows from the experiment. Must never know a database, nor what was measured: those columns are
filled from the reports. Field names are the columns.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from fitly.core.events import ControlEvent, ExperimentReweighted
from fitly.core.experiments.trial import Trial, written
from fitly.core.names import named
from fitly.core.numbers import Millis, span, to_datetime
from fitly.core.plain import Json, as_json, plain


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """Record 4, but for what reports say; ``trial`` is the whole of what is known, for the next event to move."""

    id: str
    experiment_name: str
    experiment_type: str
    context: str
    variants: Json
    status: str
    start_date: datetime | None
    end_date: datetime | None
    min_participants: int
    min_duration_days: int
    revision: int
    primary_metric: str
    guardrails: Json
    margins: Json
    planned_n: int
    plan_hash: str | None
    created_at: datetime
    completed_at: datetime | None
    trial: Json


@dataclass(frozen=True, slots=True)
class ReweightingRecord:
    """New weights of a bandit, and what they follow from; ``posteriors`` are {variant_id: {mean, sd}}."""

    experiment_id: str
    epoch: int
    control_number: int
    weights: Json
    posteriors: Json
    seed: str
    look: int
    issued_at: datetime


def experiment_id(name: str) -> str:
    """Identify the record of an experiment.

    >>> experiment_id("spring") == named("experiment", "spring")
    True
    """
    return named("experiment", name)


def experiment_record(trial: Trial) -> ExperimentRecord:
    """Project an experiment whose moments are those of issue."""
    plan = trial.plan
    planned_end = None if trial.started_at is None else Millis(trial.started_at + span(plan.planned_days))
    return ExperimentRecord(
        id=experiment_id(plan.experiment_name),
        experiment_name=plan.experiment_name,
        experiment_type=plan.experiment_type.value,
        context=plan.context.value,
        variants=as_json([asdict(variant) for variant in plan.variants]),
        status=trial.status.value,
        start_date=_moment(trial.started_at),
        end_date=_moment(planned_end if trial.ended_at is None else trial.ended_at),
        min_participants=plan.min_participants,
        min_duration_days=plan.min_duration_days,
        revision=trial.revision,
        primary_metric=plan.primary_metric.value,
        guardrails=as_json([asdict(guardrail) for guardrail in plan.guardrails]),
        margins=as_json({guardrail.metric: guardrail.margin for guardrail in plan.guardrails}),
        planned_n=plan.planned_n,
        plan_hash=trial.plan_hash or None,
        created_at=to_datetime(trial.defined_at),
        completed_at=_moment(trial.ended_at),
        trial=as_json({name: value for name, value in asdict(trial).items() if name in written(trial)}),
    )


def reweighting_record(event: ControlEvent, trial: Trial) -> ReweightingRecord | None:
    """Project new weights; None where the event says none, or the experiment never took them.

    Parameters
    ----------
    event : ControlEvent
        Any.
    trial : Trial
        The experiment it is about, after it or later: every epoch it ever had begins at the issue of its weights.
    """
    said = event.data
    if not isinstance(said, ExperimentReweighted):
        return None
    if (said.epoch, event.issued_at) not in {(epoch.number, epoch.since) for epoch in trial.epochs}:
        return None
    return ReweightingRecord(
        experiment_id=experiment_id(said.experiment_name),
        epoch=said.epoch,
        control_number=event.number,
        weights=as_json(said.weights),
        posteriors={name: {"mean": said.means.get(name), "sd": said.sds.get(name)} for name in said.weights},
        seed=plain(said.seed),
        look=said.look,
        issued_at=to_datetime(event.issued_at),
    )


def _moment(value: Millis | None) -> datetime | None:
    return None if value is None else to_datetime(value)
