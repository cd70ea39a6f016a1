"""The contract of ``strategy-selected``: a decision as JSON and back.

Knows how a consumer reads a decision: probabilities as numbers, times with zone. Must never know how it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec
from annotated_types import Ge, Le

from fitly.core.decisions import ArmView, Because, Cause, Enrolled, Grounds, Parameter, ParameterValue, Selected
from fitly.core.experiments.enrolment import How
from fitly.core.names import ConfigId, DecisionId, EventKey, UserId, named
from fitly.core.numbers import CERTAIN, ONE, Micro, nano, to_datetime, to_millis
from fitly.core.parameters import UNMOVED
from fitly.core.vocabulary import Algorithm, Context, Feature, InsightKind, Level, Mode, Unit, Variant
from fitly.wire.cloudevents import JSON, CloudEvent, encode_said

KIND: Final = "fitly.strategy.selected.v1"
ANSWERS_HEADER: Final = "answers"

Probability = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSeen:
    """What was known of an arm: rewarded decisions, their plain mean (0-1), what the choice compared, how uncertain."""

    n: int
    mean: Probability | None
    expected: float
    sd: float | None = None
    effect: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOf:
    """What the mode follows from: the learner's level and switches, the policy's switches and way of choosing.

    ``informed`` says whether the confidence follows from the greedy arm's effect, or is the policy's initial one.
    """

    level: Level
    context_enabled: bool
    auto_adapt: bool
    arms_enabled: bool
    algorithm: Algorithm
    epsilon: Probability
    floor: Probability
    fixed_arm: Variant | None
    informed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CausedBy:
    """The one event that the decision answers, and where it stands in the input log."""

    event_id: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedBy:
    """The insight that moved a parameter most: its kind, when it was observed, how sure its producer is."""

    kind: InsightKind
    observed_at: datetime
    confidence: Probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One personalized setting, and the insight that moved it, or a word.

    The words are ``DEFAULT``, ``BELOW_THRESHOLD`` (an insight would move it whose confidence the learner's level does
    not accept), ``DISABLED`` (by the learner), ``CAPPED_BY_LOAD`` and ``EXPERIMENT`` (the learner's variant sets it).
    """

    value: ParameterValue
    because: str | MovedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledBy:
    """How a learner came to the variant of an experiment.

    ``how`` is ``DRAWN``, ``GIVEN`` (by an attribute), ``FORCED`` (a test), ``ROLLED_OUT`` or ``HELD_BACK``; ``epoch``
    numbers the weights drawn with, and ``probability`` is the variant's among them. ``purpose`` names the learner's own
    draw, which fell from ``low`` to below ``high``; it is empty where none led here. ``mode`` is what the variant's own
    policy came to, and null where it has none.
    """

    how: str
    epoch: int
    probability: Probability
    mode: Mode | None
    purpose: str
    low: Probability
    high: Probability


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySelected:
    """One decision: whether and how to personalize, for this learner, in this context, from now on.

    ``propensities`` are multiples of 10^-9 and add to 1; they are conditional on the learner-level
    assignment, whose own probability is ``assignment_probability``. Keep the decision until ``valid_until``.
    In an experiment ``experiment_variant`` and ``enrolment`` say which variant decides and why; elsewhere they are
    left out.
    Where insights change or lapse, it is sent again under the same ``decision_id``, with other ``parameters`` and with
    ``rendered_at``: null at first, and greater with each rendering. The header ``answers`` tells the records of one
    decision apart.
    """

    decision_id: str
    user_id: str
    context: Context
    mode: Mode
    apply: bool
    strategy_variant: Variant | None
    parameters: dict[Feature, Setting]
    propensities: dict[str, Probability]
    unit: Unit
    assignment_probability: Probability
    epsilon: Probability
    confidence: Probability
    threshold: Probability | None
    config_id: str | None
    policy_revision: int
    experiment: str | None
    cause: CausedBy
    decided_at: datetime
    valid_until: datetime
    supersedes: str | None
    arms: dict[Variant, ArmSeen]
    draws: dict[str, Probability]
    rendered_at: datetime | None = None
    grounds: AskedOf | None = None
    experiment_variant: str | None = None
    enrolment: EnrolledBy | None = None


_DECODER: Final = msgspec.json.Decoder(CloudEvent[StrategySelected])


def _setting(parameter: Parameter) -> dict[str, object]:
    """Give a parameter as `Setting` has it."""
    because = parameter.because
    if isinstance(because, str):
        return {"value": parameter.value, "because": because}
    kind, observed_at, confidence = because
    by = {"kind": kind, "observed_at": to_datetime(observed_at), "confidence": confidence}
    return {"value": parameter.value, "because": by}


def _parameter(setting: Setting) -> Parameter:
    """Read a setting back."""
    by = setting.because
    if isinstance(by, str):
        return Parameter(setting.value, by)
    return Parameter(setting.value, Because(by.kind, to_millis(by.observed_at), by.confidence))


_UNMOVED: Final = {
    context: msgspec.Raw(JSON.encode({feature: _setting(parameter) for feature, parameter in parameters.items()}))
    for context, parameters in UNMOVED.items()
}
"""The parameters nearly every decision carries, written once."""


def encode_selected(selected: Selected) -> bytes:
    """Write a decision; the same decision always gives the same bytes.

    The bytes are those of a `CloudEvent` of `StrategySelected`. They are written from a literal: to make the
    frozen dataclasses first would cost twice the encoding, at every decision.
    """
    decided_at, context, parameters = to_datetime(selected.decided_at), selected.context, selected.parameters
    cause, expiry = selected.cause, to_datetime(selected.valid_until)
    data = {
        "decision_id": selected.decision_id,
        "user_id": selected.user_id,
        "context": context,
        "mode": selected.mode,
        "apply": selected.apply,
        "strategy_variant": selected.strategy_variant,
        "parameters": _UNMOVED[context]
        if parameters is UNMOVED[context]
        else {feature: _setting(parameter) for feature, parameter in parameters.items()},
        "propensities": {arm: part / CERTAIN for arm, part in selected.propensities.items()},
        "unit": selected.unit,
        "assignment_probability": selected.assignment_probability / CERTAIN,
        "epsilon": selected.epsilon,
        "confidence": selected.confidence,
        "threshold": selected.threshold,
        "config_id": selected.config_id,
        "policy_revision": selected.policy_revision,
        "experiment": selected.experiment,
        "cause": {"event_id": cause.event_id, "partition": cause.partition, "offset": cause.offset},
        "decided_at": decided_at,
        "valid_until": expiry,
        "supersedes": selected.supersedes,
        "arms": {
            arm: {
                "n": n,
                "mean": None if mean is None else mean / ONE,
                "expected": expected,
                "sd": sd,
                "effect": effect,
            }
            for arm, (n, mean, expected, sd, effect) in selected.arms.items()
        },
        "draws": selected.draws,
        "rendered_at": None,
        "grounds": None if selected.grounds is None else selected.grounds._asdict(),
    }
    if selected.enrolled is not None:
        data["experiment_variant"] = selected.enrolled.variant
        data["enrolment"] = _enrolment(selected.enrolled)
    rendered_at = selected.rendered_at
    if rendered_at is None:
        return encode_said(KIND, selected.decision_id, selected.user_id, decided_at, data)
    # An event of its own: whoever keeps (source, id) apart must not take it for a repeat of the first.
    data["rendered_at"] = said_at = to_datetime(rendered_at)
    identifier = named("rendering", selected.decision_id, str(rendered_at))
    return encode_said(KIND, identifier, selected.user_id, said_at, data)


def _enrolment(enrolled: Enrolled) -> dict[str, object]:
    """Give a learner's part in an experiment as `EnrolledBy` has it."""
    return {
        "how": enrolled.how.name,
        "epoch": enrolled.epoch,
        "probability": enrolled.probability / CERTAIN,
        "mode": enrolled.mode,
        "purpose": enrolled.purpose,
        "low": enrolled.low / CERTAIN,
        "high": enrolled.high / CERTAIN,
    }


def _enrolled(data: StrategySelected) -> Enrolled | None:
    """Read a learner's part in an experiment back."""
    by, variant = data.enrolment, data.experiment_variant
    if by is None or variant is None:
        return None
    return Enrolled(
        variant, How[by.how], by.epoch, nano(by.probability), by.mode, by.purpose, nano(by.low), nano(by.high)
    )


def decode_selected(value: bytes) -> Selected:
    """Read a decision back, exactly.

    Raises
    ------
    msgspec.ValidationError
        If the bytes are not a selected strategy.
    """
    return _selected(_DECODER.decode(value).data)


def selected_told(row: Mapping[str, object]) -> Selected:
    """Read a decision from its columns in ``strategy_decisions``.

    Raises
    ------
    msgspec.ValidationError
        If they are not those of a selected strategy.
    """
    cause = {name: row[f"cause_{name}"] for name in ("event_id", "partition", "offset")}
    return _selected(msgspec.convert({**row, "cause": cause}, StrategySelected))


def _selected(data: StrategySelected) -> Selected:
    return Selected(
        decision_id=DecisionId(data.decision_id),
        user_id=UserId(data.user_id),
        context=data.context,
        mode=data.mode,
        apply=data.apply,
        strategy_variant=data.strategy_variant,
        parameters={feature: _parameter(setting) for feature, setting in data.parameters.items()},
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
            arm: ArmView(
                seen.n,
                None if seen.mean is None else Micro(round(seen.mean * ONE)),
                seen.expected,
                seen.sd,
                seen.effect,
            )
            for arm, seen in data.arms.items()
        },
        draws=data.draws,
        rendered_at=None if data.rendered_at is None else to_millis(data.rendered_at),
        grounds=None if data.grounds is None else Grounds(*(getattr(data.grounds, name) for name in Grounds._fields)),
        enrolled=_enrolled(data),
    )
