"""The rules in force: what control events have set, and nothing else.

Knows the policy's fields, their bounds and their defaults. Must never know who revised it or how it travels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, TypeAlias

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from fitly.core.numbers import nano
from fitly.core.vocabulary import Algorithm, ClockMode, Context, Level, OutcomeType, Variant

Probability: TypeAlias = Annotated[float, Ge(0), Le(1)]
Floor: TypeAlias = Annotated[float, Ge(0), Le(0.25)]
"""At most a quarter: there are four arms."""
Days: TypeAlias = Annotated[float, Ge(0), Le(366)]
SourceName: TypeAlias = Annotated[str, MinLen(1), MaxLen(200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The confidence from which a level lets a decision act."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    low: Probability = 0.85
    medium: Probability = 0.70
    high: Probability = 0.60


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardWeights:
    """What each metric counts in a reward; made to add to 1 when used."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    retention: Probability = 0.25
    performance: Probability = 0.25
    completion: Probability = 0.25
    engagement: Probability = 0.25

    def __post_init__(self) -> None:
        """Refuse weights under which every reward would be nothing."""
        if not any(map(nano, (self.retention, self.performance, self.completion, self.engagement))):
            message = "at least one reward weight must be above 0: they count in thousand-millionths"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long after a decision its outcomes still make its reward, in days."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    mission: Days = 7.0
    content: Days = 1.0
    assessment: Days = 7.0
    session: Days = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What is switched off at the moment."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    everything: bool = False
    contexts: Annotated[tuple[Context, ...], MaxLen(4)] = ()
    arms: Annotated[tuple[Variant, ...], MaxLen(4)] = ()


SHADOW_NAME: Final = r"[A-Za-z0-9._-]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A policy that only looks on: it says how it would have chosen, and is measured by what happened.

    It shares everything with the policy in force (who is held out, what is switched off, when nothing is applied) but
    how an arm is chosen where one may be. ``fixed_arm`` belongs to FIXED, and FIXED needs it.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    name: Annotated[str, MinLen(1), MaxLen(40)]
    algorithm: Algorithm = Algorithm.EPSILON_GREEDY
    epsilon: Probability = 0.1
    shrinkage: Annotated[int, Ge(0), Le(1)] = 1
    floor: Floor = 0.0
    fixed_arm: Variant | None = None

    def __post_init__(self) -> None:
        """Refuse a name that cannot stand everywhere, and a fixed policy without its arm."""
        if not re.fullmatch(SHADOW_NAME, self.name):
            message = f"a shadow's name has letters, digits, dots, dashes and underscores only: rename {self.name!r}"
            raise ValueError(message)
        _needs_its_arm(self.algorithm, self.fixed_arm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Which `source` may say what concerns a learner's rights; empty lets everybody who may write to the topic.

    They stand in the policy and not in a process's settings: what was refused must be refused again at every refold.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    erasure: Annotated[tuple[SourceName, ...], MaxLen(64)] = ()
    preferences: Annotated[tuple[SourceName, ...], MaxLen(64)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How to decide and what to learn from. Every number of the product that is a choice stands here.

    ``fixed_arm`` belongs to the algorithm FIXED, which needs it. ``floor`` is the least share of every eligible arm
    among what is applied. ``shadows`` look on in ``shadow_share`` of all decisions.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    algorithm: Algorithm = Algorithm.EPSILON_GREEDY
    epsilon: Probability = 0.1
    holdout_share: Probability = 0.05
    control_share: Probability = 0.10
    probe_share: Probability = 0.10
    shrinkage: Annotated[int, Ge(0), Le(1)] = 1
    initial_confidence: Probability = 0.7
    dwell_days: Days = 1.0
    valid_days: Annotated[float, Ge(1), Le(366)] = 30.0
    default_level: Level = Level.MEDIUM
    default_reward: Probability | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    reward_weights: RewardWeights = field(default_factory=RewardWeights)
    windows: Windows = field(default_factory=Windows)
    switches: Switches = field(default_factory=Switches)
    floor: Floor = 0.0
    fixed_arm: Variant | None = None
    shadows: Annotated[tuple[Shadow, ...], MaxLen(4)] = ()
    shadow_share: Probability = 1.0
    sources: Sources = field(default_factory=Sources)

    def __post_init__(self) -> None:
        """Refuse a fixed policy without its arm, and two shadows of one name."""
        _needs_its_arm(self.algorithm, self.fixed_arm)
        names = [shadow.name for shadow in self.shadows]
        if len(set(names)) < len(names):
            message = "two shadows have the same name: give each its own"
            raise ValueError(message)


def _needs_its_arm(algorithm: Algorithm, fixed_arm: Variant | None) -> None:
    if (algorithm is Algorithm.FIXED) != (fixed_arm is not None):
        message = "the algorithm FIXED needs its fixed_arm, and no other algorithm has one: give both or neither"
        raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPrior:
    """The population's effect of an arm in a context, from randomized decisions only.

    Attributes
    ----------
    effect, se : float
        Mean effect on a decision's reward (0-1), and its standard error.
    spread : float
        Standard deviation of the effect between learners.
    learners : int
        How many inform it.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    effect: Annotated[float, Ge(-1), Le(1)]
    se: Annotated[float, Ge(0)]
    spread: Annotated[float, Ge(0)]
    learners: Annotated[int, Ge(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricMeans:
    """What stands for a metric that did not come."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    retention: Probability
    performance: Probability
    completion: Probability
    engagement: Probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Fares:
    """Learners' means of one measure: how many, their sum (10^-6) and the sum of their squares (10^-12)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    n: Annotated[int, Ge(0)]
    sum: Annotated[int, Ge(0)]
    squares: Annotated[int, Ge(0), Le(2**63 - 1)]


_MEASURES: Final = 5
_WIDEST: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPriors:
    """What is known of the population in one context.

    Attributes
    ----------
    mean : float
        Mean reward of an outcome: what a learner's own mean is shrunk towards.
    reward_sd : float
        Standard deviation of a decision's reward within a learner.
    arms : dict
        Effects, by arm; an arm that is not there is not known.
    metrics : dict
        Means of the metrics, by outcome type.
    baseline : tuple of Fares
        Learners held out, and others by their control decisions: composite outcome, retention, performance, completion,
        engagement. Empty while nobody is known.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    mean: Probability
    reward_sd: Annotated[float, Gt(0)]
    arms: dict[Variant, ArmPrior] = field(default_factory=dict)
    metrics: dict[OutcomeType, MetricMeans] = field(default_factory=dict)
    baseline: Annotated[tuple[Fares, ...], MaxLen(5)] = ()

    def __post_init__(self) -> None:
        """Refuse figures that no row could hold: a control event in force must never stop a partition."""
        if len(self.baseline) not in {0, _MEASURES}:
            message = f"a baseline has all {_MEASURES} measures or none"
            raise ValueError(message)
        if any(fares.n >= 2**32 or fares.sum >= 2**63 for fares in self.baseline):
            message = "a baseline counts fewer than 2^32 learners, and their means add to less than 2^63"
            raise ValueError(message)
        if max([self.reward_sd, *(max(arm.se, arm.spread) for arm in self.arms.values())]) > _WIDEST:
            message = f"a standard deviation or error is at most {_WIDEST:g}: rewards lie between 0 and 1"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """What is assumed of everybody until the population's own figures are known.

    Attributes
    ----------
    metric_mean : float
        Stands for an absent metric, and for a context's mean reward.
    own_weight : int
        How many outcomes of their own outweigh the context's mean in a learner's centre.
    effect_sd, reward_sd : float
        Spread of an arm's effect between learners; spread of a decision's reward within a learner.
    enough : int
        Learners from which the population's effect of an arm is believed; below, confidence is the policy's initial.
    contexts : dict
        What is known of the population, by context; everything above stands in for what is not.
    """

    metric_mean: Probability = 0.5
    own_weight: Annotated[int, Ge(0)] = 10
    effect_sd: Probability = 0.1
    reward_sd: Probability = 0.2
    enough: Annotated[int, Ge(0)] = 20
    contexts: dict[Context, ContextPriors] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that control events have set on a partition so far.

    Attributes
    ----------
    birth_id : str
        Birth id of the input topic, empty until the log was opened.
    clock_mode : ClockMode
        Who stamps the records.
    partitions : int
        How many partitions the input topic has, for ever.
    control_number : int
        Number of the last control event absorbed; the next must be one more.
    policy_revision : int
        0 until a policy was revised.
    policy : Policy
        The policy in force.
    priors : Priors
        What stands in for the population's figures.
    """

    birth_id: str = ""
    clock_mode: ClockMode = ClockMode.LIVE
    partitions: int = 0
    control_number: int = 0
    policy_revision: int = 0
    policy: Policy = field(default_factory=Policy)
    priors: Priors = field(default_factory=Priors)
