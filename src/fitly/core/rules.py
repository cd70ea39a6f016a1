"""The rules in force: what control events have set, and nothing else.

Knows the policy's fields, their bounds and their defaults. Must never know who revised it or how it travels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, TypeAlias

from annotated_types import Ge, Le, MaxLen, MinLen

from fitly.core.vocabulary import Algorithm, ClockMode, Context, Level, Variant

Probability: TypeAlias = Annotated[float, Ge(0), Le(1)]
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
        if self.retention + self.performance + self.completion + self.engagement <= 0:
            message = "at least one reward weight must be above 0"
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
    """How to decide and what to learn from. Every number of the product that is a choice stands here."""

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
    sources: Sources = field(default_factory=Sources)


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
    informed : int
        Learners that inform the population's effects; below ``enough`` confidence is the policy's initial one.
    """

    metric_mean: Probability = 0.5
    own_weight: Annotated[int, Ge(0)] = 10
    effect_sd: Probability = 0.1
    reward_sd: Probability = 0.2
    informed: Annotated[int, Ge(0)] = 0
    enough: Annotated[int, Ge(0)] = 20


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
