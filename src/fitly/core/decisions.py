"""Everything that goes out: selected strategies, filed outcomes, and what was assessed (``assessments``).

Knows the contents of what consumers and the sink read. Must never know topics, keys or JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from fitly.core.assessments import Assessed
from fitly.core.experiments.enrolment import How
from fitly.core.names import ConfigId, DecisionId, EventKey, UserId
from fitly.core.numbers import Micro, Millis, Nano
from fitly.core.vocabulary import Algorithm, Bin, Context, Feature, InsightKind, Level, Mode, OutcomeType, Unit, Variant

ParameterValue: TypeAlias = str | float | int | dict[str, float] | tuple[int, ...] | None


class Because(NamedTuple):
    """The insight that moved a parameter most."""

    kind: InsightKind
    observed_at: Millis
    confidence: float


@dataclass(frozen=True, slots=True)
class Parameter:
    """One personalized setting, and why it is so.

    ``because`` is the insight that moved it, or one word: ``DEFAULT``, ``BELOW_THRESHOLD`` (an insight would move it
    whose confidence the learner's level does not accept), ``DISABLED`` (by the learner), ``CAPPED_BY_LOAD`` or
    ``EXPERIMENT`` (the learner's variant sets it).
    """

    value: ParameterValue
    because: str | Because


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
    sd : float or None
        How uncertain the expected effect is: standard deviation of its posterior; None in decisions made before it was
        told.
    effect : float or None
        The expected effect itself, which is what greed compares unless ``shrinkage`` is 0; None like ``sd``.
    """

    n: int
    mean: Micro | None
    expected: float
    sd: float | None = None
    effect: float | None = None


class Cause(NamedTuple):
    """The one event a decision answers."""

    event_id: EventKey
    partition: int
    offset: int


class Grounds(NamedTuple):
    """What a decision's mode was asked of: with this the modes can be gone through again from the record alone.

    Attributes
    ----------
    level : Level
        The learner's level.
    context_enabled, auto_adapt : bool
        Whether the learner has the context, and automatic adapting, switched on.
    arms_enabled : bool
        Whether the policy left an arm that may act in the context.
    algorithm, epsilon, floor, fixed_arm
        How the policy chose among the arms.
    informed : bool
        Whether the confidence follows from what is believed of the greedy arm; else it is the policy's initial one,
        since too few learners inform the population's effect.
    """

    level: Level
    context_enabled: bool
    auto_adapt: bool
    arms_enabled: bool
    algorithm: Algorithm
    epsilon: float
    floor: float
    fixed_arm: Variant | None
    informed: bool


class Enrolled(NamedTuple):
    """Which variant of an experiment decides, and how the learner came to it: with this it can be gone through again.

    Attributes
    ----------
    variant : str
        ``variant_id``.
    how : How
        Drawn, given by an attribute, forced, or after the end.
    epoch : int
        Number of the weights drawn with.
    probability : Nano
        Of the variant at the enrolment.
    mode : Mode or None
        What the variant's own policy came to; None where the variant says itself what is done.
    purpose : str
        Of the learner's own draw, which stands among the decision's; empty where none led to the variant.
    low, high : Nano
        Where that draw had to fall, from ``low`` to below ``high``.
    """

    variant: str
    how: How
    epoch: int
    probability: Nano
    mode: Mode | None = None
    purpose: str = ""
    low: Nano = Nano(0)
    high: Nano = Nano(0)


class Selected(NamedTuple):
    """A decision, complete with what explains it.

    Attributes
    ----------
    propensities : dict
        Probability (10^-9) of each eligible arm and of ``NONE``, given the learner-level assignment; adds to 10^9.
    assignment_probability : Nano
        Probability of that learner-level assignment (holdout or not).
    draws : dict
        The uniform draws made, by purpose; ``holdout`` is the learner's own, for ever.
    rendered_at : Millis or None
        When the parameters were rendered anew, the decision being the same; None while they are those it was made
        with. Of two renderings the later has the greater, always.
    grounds : Grounds or None
        What the mode follows from; None in records of before it was told.
    enrolled : Enrolled or None
        The learner's part in ``experiment``; None outside of any.
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
    rendered_at: Millis | None = None
    grounds: Grounds | None = None
    enrolled: Enrolled | None = None

    @property
    def own_mode(self) -> Mode:
        """The mode by which it was drawn: in an experiment that of the variant's own policy, if there is one."""
        return self.mode if self.enrolled is None or self.enrolled.mode is None else self.enrolled.mode


class Answer(NamedTuple):
    """A selected strategy on its way out.

    ``answers`` names the request that a standing decision repeats for, or what made it be rendered anew.
    """

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


Effect: TypeAlias = Answer | OutcomeFiled | OutcomeAmended | Assessed | DecisionGone | OutcomesGone | LetterGone
