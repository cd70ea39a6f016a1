"""The contract of ``strategy-selected``: a decision as JSON and back.

Knows how a consumer reads a decision: probabilities as numbers, times with zone. Must never know how it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec
from annotated_types import Ge, Le

from fitly.core.decisions import ArmView, Cause, Parameter, Selected
from fitly.core.names import ConfigId, DecisionId, EventKey, UserId
from fitly.core.numbers import CERTAIN, ONE, Micro, nano, to_datetime, to_millis
from fitly.core.vocabulary import Context, Feature, Mode, Unit, Variant
from fitly.wire.cloudevents import JSON, CloudEvent

KIND: Final = "fitly.strategy.selected.v1"
ANSWERS_HEADER: Final = "answers"

Probability = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSeen:
    """What was known of an arm: rewarded decisions, their plain mean (0-1), and what the choice compared."""

    n: int
    mean: Probability | None
    expected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySelected:
    """One decision: whether and how to personalize, for this learner, in this context, from now on.

    ``propensities`` are multiples of 10^-9 and add to 1; they are conditional on the learner-level
    assignment, whose own probability is ``assignment_probability``. Keep the decision until ``valid_until``.
    """

    decision_id: str
    user_id: str
    context: Context
    mode: Mode
    apply: bool
    strategy_variant: Variant | None
    parameters: dict[Feature, Parameter]
    propensities: dict[str, Probability]
    unit: Unit
    assignment_probability: Probability
    epsilon: Probability
    confidence: Probability
    threshold: Probability | None
    config_id: str | None
    policy_revision: int
    experiment: str | None
    cause: Cause
    decided_at: datetime
    valid_until: datetime
    supersedes: str | None
    arms: dict[Variant, ArmSeen]
    draws: dict[str, Probability]


_DECODER: Final = msgspec.json.Decoder(CloudEvent[StrategySelected])


def encode_selected(selected: Selected) -> bytes:
    """Write a decision; the same decision always gives the same bytes."""
    decided_at = to_datetime(selected.decided_at)
    data = StrategySelected(
        decision_id=selected.decision_id,
        user_id=selected.user_id,
        context=selected.context,
        mode=selected.mode,
        apply=selected.apply,
        strategy_variant=selected.strategy_variant,
        parameters=selected.parameters,
        propensities={arm: part / CERTAIN for arm, part in selected.propensities.items()},
        unit=selected.unit,
        assignment_probability=selected.assignment_probability / CERTAIN,
        epsilon=selected.epsilon,
        confidence=selected.confidence,
        threshold=selected.threshold,
        config_id=selected.config_id,
        policy_revision=selected.policy_revision,
        experiment=selected.experiment,
        cause=selected.cause,
        decided_at=decided_at,
        valid_until=to_datetime(selected.valid_until),
        supersedes=selected.supersedes,
        arms={
            arm: ArmSeen(n=view.n, mean=None if view.mean is None else view.mean / ONE, expected=view.expected)
            for arm, view in selected.arms.items()
        },
        draws=selected.draws,
    )
    return JSON.encode(
        CloudEvent(id=selected.decision_id, type=KIND, time=decided_at, subject=selected.user_id, data=data)
    )


def decode_selected(value: bytes) -> Selected:
    """Read a decision back, exactly.

    Raises
    ------
    msgspec.ValidationError
        If the bytes are not a selected strategy.
    """
    data = _DECODER.decode(value).data
    return Selected(
        decision_id=DecisionId(data.decision_id),
        user_id=UserId(data.user_id),
        context=data.context,
        mode=data.mode,
        apply=data.apply,
        strategy_variant=data.strategy_variant,
        parameters=data.parameters,
        propensities={arm: nano(part) for arm, part in data.propensities.items()},
        unit=data.unit,
        assignment_probability=nano(data.assignment_probability),
        epsilon=data.epsilon,
        confidence=data.confidence,
        threshold=data.threshold,
        config_id=None if data.config_id is None else ConfigId(data.config_id),
        policy_revision=data.policy_revision,
        experiment=data.experiment,
        cause=Cause(EventKey(data.cause.event_id), data.cause.partition, data.cause.offset),
        decided_at=to_millis(data.decided_at),
        valid_until=to_millis(data.valid_until),
        supersedes=None if data.supersedes is None else DecisionId(data.supersedes),
        arms={
            arm: ArmView(seen.n, None if seen.mean is None else Micro(round(seen.mean * ONE)), seen.expected)
            for arm, seen in data.arms.items()
        },
        draws=data.draws,
    )
