"""The records of what went out: outcomes (record 5) and decisions.

Knows how each column follows from what was sent, and which of several filings of one outcome is its record.
Must never know a database. Field names are the columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from fitly.core.decisions import ArmView, Enrolled, Measured, OutcomeAmended, OutcomeFiled, Selected
from fitly.core.numbers import CERTAIN, to_datetime
from fitly.core.plain import Json, as_json, plain, rendered, share
from fitly.core.vocabulary import Bin


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """Record 5: one outcome event and what became of it."""

    id: str
    user_id: str
    config_id: str | None
    decision_id: str | None
    outcome_type: str
    context: str
    timestamp: datetime
    retention_score: float | None
    performance_score: float | None
    completion_rate: float | None
    engagement_score: float | None
    session_duration: float | None
    content_type: str | None
    difficulty_level: int | None
    personalization_applied: bool | None
    strategy_variant: str | None
    disposition: str
    corrected_by: str | None


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision as it was sent, with what explains it."""

    decision_id: str
    user_id: str
    context: str
    mode: str
    apply: bool
    strategy_variant: str | None
    parameters: Json
    propensities: Json
    unit: str
    assignment_probability: float
    epsilon: float
    confidence: float
    threshold: float | None
    config_id: str | None
    policy_revision: int
    experiment: str | None
    cause_event_id: str
    cause_partition: int
    cause_offset: int
    decided_at: datetime
    valid_until: datetime
    supersedes: str | None
    arms: Json
    draws: Json
    rendered_at: datetime | None
    grounds: Json
    experiment_variant: str | None
    enrolment: Json


def outcome_record(filed: OutcomeFiled) -> OutcomeRecord:
    """Project a filed outcome to record 5."""
    metrics = filed.metrics
    return OutcomeRecord(
        id=filed.id,
        user_id=plain(filed.user_id),
        config_id=filed.config_id,
        decision_id=filed.decision_id,
        outcome_type=filed.outcome_type.value,
        context=filed.context.value,
        timestamp=to_datetime(filed.timestamp),
        retention_score=share(metrics.retention),
        performance_score=share(metrics.performance),
        completion_rate=share(metrics.completion),
        engagement_score=share(metrics.engagement),
        session_duration=filed.session_duration,
        content_type=None if filed.content_type is None else plain(filed.content_type),
        difficulty_level=filed.difficulty_level,
        personalization_applied=filed.personalization_applied,
        strategy_variant=None if filed.strategy_variant is None else filed.strategy_variant.value,
        disposition=filed.disposition.value,
        corrected_by=None,
    )


def settled(before: OutcomeRecord | None, effect: OutcomeFiled | OutcomeAmended) -> OutcomeRecord | None:
    """Give what an outcome's record is after one more thing was said about it.

    The same event may be filed several times: as APPLIED once, later as DUPLICATE or LATE, or first as FUTURE and
    then as APPLIED. The rule, in the order of the topic: a record that was APPLIED is changed by an amendment only;
    a DUPLICATE never replaces anything; otherwise the newest filing is the record. An amendment of an outcome that
    is not there says nothing.

    Parameters
    ----------
    before : OutcomeRecord or None
        The record so far.
    effect : OutcomeFiled or OutcomeAmended
        The next record of the topic ``outcomes`` with this id.
    """
    if isinstance(effect, OutcomeFiled):
        stays = before is not None and (before.disposition == Bin.APPLIED or effect.disposition is Bin.DUPLICATE)
        return before if stays else outcome_record(effect)
    return None if before is None else amended(before, effect.metrics, effect.corrected_by)


def amended(before: OutcomeRecord, metrics: Measured, corrected_by: str) -> OutcomeRecord:
    """Put new metrics into an outcome's record; all None where it was withdrawn."""
    return replace(
        before,
        retention_score=share(metrics.retention),
        performance_score=share(metrics.performance),
        completion_rate=share(metrics.completion),
        engagement_score=share(metrics.engagement),
        corrected_by=corrected_by,
    )


def decision_record(selected: Selected) -> DecisionRecord:
    """Project a selected strategy to its row among the decisions."""
    return DecisionRecord(
        decision_id=selected.decision_id,
        user_id=plain(selected.user_id),
        context=selected.context.value,
        mode=selected.mode.value,
        apply=selected.apply,
        strategy_variant=None if selected.strategy_variant is None else selected.strategy_variant.value,
        parameters=rendered(selected),
        propensities={arm: odds / CERTAIN for arm, odds in selected.propensities.items()},
        unit=selected.unit.value,
        assignment_probability=selected.assignment_probability / CERTAIN,
        epsilon=selected.epsilon,
        confidence=selected.confidence,
        threshold=selected.threshold,
        config_id=selected.config_id,
        policy_revision=selected.policy_revision,
        experiment=None if selected.experiment is None else plain(selected.experiment),
        cause_event_id=selected.cause.event_id,
        cause_partition=selected.cause.partition,
        cause_offset=selected.cause.offset,
        decided_at=to_datetime(selected.decided_at),
        valid_until=to_datetime(selected.valid_until),
        supersedes=selected.supersedes,
        arms={arm.value: _view(view) for arm, view in selected.arms.items()},
        draws=dict(selected.draws),
        rendered_at=None if selected.rendered_at is None else to_datetime(selected.rendered_at),
        grounds=None if selected.grounds is None else as_json(selected.grounds._asdict()),
        experiment_variant=None if selected.enrolled is None else selected.enrolled.variant,
        enrolment=None if selected.enrolled is None else _enrolment(selected.enrolled),
    )


def _enrolment(enrolled: Enrolled) -> Json:
    return {
        "how": enrolled.how.name,
        "epoch": enrolled.epoch,
        "probability": enrolled.probability / CERTAIN,
        "mode": None if enrolled.mode is None else enrolled.mode.value,
        "purpose": enrolled.purpose,
        "low": enrolled.low / CERTAIN,
        "high": enrolled.high / CERTAIN,
    }


def renders_later(record: DecisionRecord, before: DecisionRecord) -> bool:
    """Tell whether a record of a decision holds later parameters than another one of the same decision."""
    there, here = before.rendered_at, record.rendered_at
    return here is not None and (there is None or there < here)


def _view(view: ArmView) -> Json:
    return {
        "n": view.n,
        "mean": share(view.mean),
        "expected": view.expected,
        "sd": view.sd,
        "effect": view.effect,
    }
