"""The contract of ``outcomes``: what became of each outcome event, as JSON and back.

Knows how the sink and analysts read a filed outcome. Must never know how it was attributed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, TypeAlias

import msgspec
from annotated_types import Ge, Le

from fitly.core.decisions import Measured, OutcomeAmended, OutcomeFiled
from fitly.core.names import ConfigId, DecisionId, EventKey, UserId
from fitly.core.numbers import ONE, Micro, micro, to_datetime, to_millis
from fitly.core.vocabulary import Bin, Context, OutcomeType, Variant
from fitly.wire.cloudevents import JSON, CloudEvent, encode_said

FILED: Final = "fitly.outcome.filed.v1"
AMENDED: Final = "fitly.outcome.amended.v1"

Share: TypeAlias = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What became of one outcome event: its bin, its decision and config, its metrics where they are kept."""

    id: str
    user_id: str
    context: Context
    outcome_type: OutcomeType
    timestamp: datetime
    disposition: Bin
    retention_score: Share | None
    performance_score: Share | None
    completion_rate: Share | None
    engagement_score: Share | None
    session_duration: float | None
    content_type: str | None
    difficulty_level: int | None
    personalization_applied: bool | None
    strategy_variant: Variant | None
    decision_id: str | None
    config_id: str | None
    reward: Share | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """The right metrics of an outcome filed before; all absent where it was withdrawn."""

    id: str
    user_id: str
    context: Context
    retention_score: Share | None
    performance_score: Share | None
    completion_rate: Share | None
    engagement_score: Share | None
    withdrawn: bool
    reward: Share | None
    corrected_by: str


@dataclass(frozen=True, slots=True)
class _Kind:
    type: str


_KIND: Final = msgspec.json.Decoder(_Kind)
_FILED: Final = msgspec.json.Decoder(CloudEvent[Filed])
_AMENDED: Final = msgspec.json.Decoder(CloudEvent[Amended])


def encode_outcome(effect: OutcomeFiled | OutcomeAmended) -> bytes:
    """Write what became of an outcome; the envelope's time is the outcome's own.

    The bytes are those of a `CloudEvent` of `Filed`, written from a literal: to make the frozen dataclasses
    first would cost twice the encoding, at every outcome.
    """
    if isinstance(effect, OutcomeAmended):
        return _encode_amended(effect)
    # Unpacked in one go: to ask for fifteen fields by name, at every outcome, would cost as much as half the writing.
    (
        identifier, user, context, kind, moment, disposition, metrics, duration, content, difficulty,
        was_applied, variant, decision, config, worth,
    ) = effect  # fmt: skip
    timestamp = to_datetime(moment)
    retention, performance, completion, engagement = metrics
    data = {
        "id": identifier,
        "user_id": user,
        "context": context,
        "outcome_type": kind,
        "timestamp": timestamp,
        "disposition": disposition,
        "retention_score": None if retention is None else retention / ONE,
        "performance_score": None if performance is None else performance / ONE,
        "completion_rate": None if completion is None else completion / ONE,
        "engagement_score": None if engagement is None else engagement / ONE,
        "session_duration": duration,
        "content_type": content,
        "difficulty_level": difficulty,
        "personalization_applied": was_applied,
        "strategy_variant": variant,
        "decision_id": decision,
        "config_id": config,
        "reward": None if worth is None else worth / ONE,
    }
    return encode_said(FILED, identifier, user, timestamp, data)


def _encode_amended(effect: OutcomeAmended) -> bytes:
    metrics = effect.metrics
    data = Amended(
        id=effect.id,
        user_id=effect.user_id,
        context=effect.context,
        retention_score=_share(metrics.retention),
        performance_score=_share(metrics.performance),
        completion_rate=_share(metrics.completion),
        engagement_score=_share(metrics.engagement),
        withdrawn=effect.withdrawn,
        reward=_share(effect.reward),
        corrected_by=effect.corrected_by,
    )
    return JSON.encode(
        CloudEvent(id=effect.corrected_by, type=AMENDED, time=to_datetime(effect.at), subject=effect.user_id, data=data)
    )


def decode_outcome(value: bytes) -> OutcomeFiled | OutcomeAmended:
    """Read what became of an outcome.

    Raises
    ------
    msgspec.ValidationError
        If the bytes are neither a filed nor an amended outcome.
    """
    if _KIND.decode(value).type == AMENDED:
        event = _AMENDED.decode(value)
        amended = event.data
        return OutcomeAmended(
            id=EventKey(amended.id),
            user_id=UserId(amended.user_id),
            context=amended.context,
            metrics=_measured(amended),
            withdrawn=amended.withdrawn,
            reward=_micro(amended.reward),
            corrected_by=EventKey(amended.corrected_by),
            at=to_millis(event.time),
        )
    data = _FILED.decode(value).data
    return OutcomeFiled(
        id=EventKey(data.id),
        user_id=UserId(data.user_id),
        context=data.context,
        outcome_type=data.outcome_type,
        timestamp=to_millis(data.timestamp),
        disposition=data.disposition,
        metrics=_measured(data),
        session_duration=data.session_duration,
        content_type=data.content_type,
        difficulty_level=data.difficulty_level,
        personalization_applied=data.personalization_applied,
        strategy_variant=data.strategy_variant,
        decision_id=None if data.decision_id is None else DecisionId(data.decision_id),
        config_id=None if data.config_id is None else ConfigId(data.config_id),
        reward=_micro(data.reward),
    )


def _measured(data: Filed | Amended) -> Measured:
    return Measured(
        _micro(data.retention_score),
        _micro(data.performance_score),
        _micro(data.completion_rate),
        _micro(data.engagement_score),
    )


def _share(value: Micro | None) -> float | None:
    return None if value is None else value / ONE


def _micro(value: float | None) -> Micro | None:
    return None if value is None else micro(value)
