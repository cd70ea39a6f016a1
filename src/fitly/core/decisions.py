"""Everything that goes out: selected strategies and filed outcomes.

Knows the contents of what consumers and the sink read. Must never know topics, keys or JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from fitly.core.names import ConfigId, DecisionId, EventKey, UserId
from fitly.core.numbers import Micro, Millis, Nano
from fitly.core.vocabulary import Bin, Context, Feature, Mode, OutcomeType, Unit, Variant

ParameterValue: TypeAlias = str | float | int | dict[str, float] | tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One personalized setting, and what moved it (``DEFAULT``, ``DISABLED`` ... or an insight)."""

    value: ParameterValue
    because: str


class ArmView(NamedTuple):
    """What was known of an arm when a decision was drawn: enough to answer *why* without the log.

    Attributes
    ----------
    n : int
        Rewarded decisions of this learner with the arm.
    mean : Micro or None
        Their plain average reward.
    expected : float
        What the greedy choice compared: expected effect, or the plain average with ``shrinkage: 0``.
    """

    n: int
    mean: Micro | None
    expected: float


class Cause(NamedTuple):
    """The one event a decision answers."""

    event_id: EventKey
    partition: int
    offset: int


class Selected(NamedTuple):
    """A decision, complete with what explains it.

    Attributes
    ----------
    propensities : dict
        Probability (10^-9) of each eligible arm and of ``NONE``, given the learner-level assignment; adds to 10^9.
    assignment_probability : Nano
        Probability of that learner-level assignment (holdout or not).
    draws : dict
        The uniform draws made, by purpose.
    """

    decision_id: DecisionId
    user_id: UserId
    context: Context
    mode: Mode
    apply: bool
    strategy_variant: Variant | None
    parameters: dict[Feature, Parameter]
    propensities: dict[str, Nano]
    unit: Unit
    assignment_probability: Nano
    epsilon: float
    confidence: float
    threshold: float | None
    config_id: ConfigId | None
    policy_revision: int
    experiment: str | None
    cause: Cause
    decided_at: Millis
    valid_until: Millis
    supersedes: DecisionId | None
    arms: dict[Variant, ArmView]
    draws: dict[str, float]


class Answer(NamedTuple):
    """A selected strategy on its way out; ``answers`` names the request that a standing decision repeats for."""

    selected: Selected
    answers: EventKey | None = None


class Measured(NamedTuple):
    """The four metrics in millionths, absent ones None."""

    retention: Micro | None
    performance: Micro | None
    completion: Micro | None
    engagement: Micro | None


UNMEASURED = Measured(None, None, None, None)


class OutcomeFiled(NamedTuple):
    """What became of one outcome event; the sink's source for the outcomes table."""

    id: EventKey
    user_id: UserId
    context: Context
    outcome_type: OutcomeType
    timestamp: Millis
    disposition: Bin
    metrics: Measured
    session_duration: float | None
    content_type: str | None
    difficulty_level: int | None
    personalization_applied: bool | None
    strategy_variant: Variant | None
    decision_id: DecisionId | None
    config_id: ConfigId | None
    reward: Micro | None


@dataclass(frozen=True, slots=True)
class OutcomeAmended:
    """New metrics of an outcome filed earlier (all None where it was withdrawn); ``at`` is the correction's time."""

    id: EventKey
    user_id: UserId
    context: Context
    metrics: Measured
    withdrawn: bool
    reward: Micro | None
    corrected_by: EventKey
    at: Millis


class DecisionGone(NamedTuple):
    """Nothing stands any more for a learner in a context: the learner was erased."""

    user_id: UserId
    context: Context


class OutcomesGone(NamedTuple):
    """Nothing that was filed of a learner so far counts any more: the learner was erased."""

    user_id: UserId


class LetterGone(NamedTuple):
    """The dead letter of a learner's refused record goes, as the learner did or as too many came after it."""

    user_id: UserId
    partition: int
    offset: int


Effect: TypeAlias = Answer | OutcomeFiled | OutcomeAmended | DecisionGone | OutcomesGone | LetterGone
