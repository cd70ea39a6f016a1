"""The plan of an experiment: what is compared, on whom, for how long, and what will decide.

Knows every field of a definition, its bounds and its defaults. Must never know who is enrolled or what came out. A plan
is frozen when the experiment starts: its hash then stands in the log, and a later revision may change the share of
traffic and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar, Final, TypeAlias

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from fitly.core.rules import Floor, Policy, Probability
from fitly.core.vocabulary import Context, Feature, InsightKind, Level, Variant

NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""Names stand in keys, hashes and file names: no bars, no spaces."""
LONGEST_NAME: Final = 80
CLOSED: Final = {"extra": "forbid", "allow_inf_nan": False}

Word: TypeAlias = Annotated[str, MinLen(1), MaxLen(LONGEST_NAME)]
Days: TypeAlias = Annotated[int, Ge(1), Le(366)]


class ExperimentType(StrEnum):
    """What is compared how."""

    AB_TEST = "AB_TEST"
    MULTIVARIATE = "MULTIVARIATE"
    MULTI_ARMED_BANDIT = "MULTI_ARMED_BANDIT"


class Measure(StrEnum):
    """What of a learner is compared: the reward, or one of the four metrics; each 0-1, a learner's mean counts once."""

    COMPOSITE = "composite"
    RETENTION = "retention"
    PERFORMANCE = "performance"
    COMPLETION = "completion"
    ENGAGEMENT = "engagement"


class RandomizationUnit(StrEnum):
    """Whom a variant is drawn for."""

    LEARNER = "learner"
    GROUP = "group"


class BanditAlgorithm(StrEnum):
    """How a bandit's weights follow from what was measured."""

    EPSILON_GREEDY = "epsilon_greedy"
    THOMPSON = "thompson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What a variant does: exactly one of a strategy (with parameters of its own), nothing, or a policy.

    Attributes
    ----------
    strategy_variant : Variant or None
        The arm that is applied.
    parameters : dict
        Features with values that replace what the rule tables give; belong to ``strategy_variant``.
    apply : bool or None
        Only ``false``: nothing is personalized, as for whoever is held out.
    policy : Policy or None
        Rules of its own instead of those in force.
    """

    __pydantic_config__: ClassVar = CLOSED

    strategy_variant: Variant | None = None
    parameters: dict[Feature, str | float | int | dict[str, float] | tuple[int, ...] | None] = field(
        default_factory=dict
    )
    apply: bool | None = None
    policy: Policy | None = None

    def __post_init__(self) -> None:
        """Refuse a treatment that is nothing or more than one."""
        given = [self.strategy_variant is not None, self.apply is not None, self.policy is not None]
        if sum(given) != 1:
            message = "give a variant's config exactly one of strategy_variant, apply: false, policy"
            raise ValueError(message)
        if self.apply:
            message = "apply: true says nothing: name a strategy_variant or a policy"
            raise ValueError(message)
        if self.parameters and self.strategy_variant is None:
            message = "parameters belong to a strategy_variant: give one, or leave them out"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentVariant:
    """One arm of an experiment. ``cell`` names its level of each factor, where the experiment has factors."""

    __pydantic_config__: ClassVar = CLOSED

    variant_id: Word
    name: Annotated[str, MaxLen(200)] = ""
    config: Treatment
    weight: Annotated[float, Gt(0), Le(1)]
    cell: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not get worse by ``margin`` or more (0-1, absolute)."""

    __pydantic_config__: ClassVar = CLOSED

    metric: Measure
    margin: Annotated[float, Gt(0), Le(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Who may be enrolled; an empty condition lets everybody. All that are given must hold.

    Attributes
    ----------
    levels : tuple of Level
        Of the learner's preferences.
    attributes : dict
        Attribute -> accepted values.
    insights : tuple of InsightKind
        Each must be known of the learner and in force.
    """

    __pydantic_config__: ClassVar = CLOSED

    levels: Annotated[tuple[Level, ...], MaxLen(4)] = (Level.MEDIUM, Level.HIGH)
    attributes: Annotated[dict[str, tuple[str, ...]], MaxLen(16)] = field(default_factory=dict)
    insights: Annotated[tuple[InsightKind, ...], MaxLen(5)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandit:
    """How a bandit moves its weights.

    Attributes
    ----------
    uniform_share : float
        Learners (a stable hash share) who are drawn uniformly all along: they alone give the verdict.
    epoch_days : int
        A learner is drawn anew and measured once per epoch, which lasts so many UTC days: that in which it begins is
        the first.
    """

    __pydantic_config__: ClassVar = CLOSED

    algorithm: BanditAlgorithm = BanditAlgorithm.EPSILON_GREEDY
    epsilon: Probability = 0.1
    floor: Floor = 0.05
    uniform_share: Annotated[float, Gt(0), Le(1)] = 0.2
    epoch_days: Annotated[int, Ge(1), Le(60)] = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An experiment as it is defined.

    Attributes
    ----------
    experiment_name : str
        Unique for ever; hashed into every assignment.
    context : Context
        Where it acts.
    variants : tuple of ExperimentVariant
        The first is what the others are compared with, unless ``control`` names another.
    weight of a variant
        Share of the enrolled; the weights add to 1.
    measurement_days : int
        A learner is measured once, when so many days since enrolment are complete.
    min_duration_days : int
        Days before which there is no verdict; those in which it is paused do not count.
    planned_n : int
        Learners expected in all at the end, of a bandit too: tunes the always-valid statistics.
    planned_days : int
        After so many days since the start the one fixed look is taken.
    group_kind : str or None
        Which of a learner's groups is drawn for, where the unit is a group.
    layer : str or None
        At most one experiment of a layer enrols a learner; None: the context is the layer.
    """

    __pydantic_config__: ClassVar = CLOSED

    experiment_name: Word
    experiment_type: ExperimentType
    context: Context
    variants: Annotated[tuple[ExperimentVariant, ...], MinLen(2), MaxLen(8)]
    control: Word | None = None
    hypothesis: Annotated[str, MaxLen(2_000)] = ""
    primary_metric: Measure = Measure.COMPOSITE
    guardrails: Annotated[tuple[Guardrail, ...], MaxLen(8)] = ()
    min_participants: Annotated[int, Ge(2)] = 20
    min_duration_days: Days = 14
    measurement_days: Annotated[int, Ge(1), Le(60)] = 14
    planned_n: Annotated[int, Ge(4)] = 5_000
    planned_days: Annotated[int, Ge(1), Le(1_000)] = 90
    unit: RandomizationUnit = RandomizationUnit.LEARNER
    group_kind: Word | None = None
    traffic_share: Annotated[float, Ge(0), Le(1)] = 1.0
    layer: Word | None = None
    segments: Segments = field(default_factory=Segments)
    bandit: Bandit | None = None

    def __post_init__(self) -> None:
        """Refuse a plan that contradicts itself; each message says what to change."""
        for problem in _problems(self):
            raise ValueError(problem)

    @property
    def controls(self) -> str:
        """The variant that the others are compared with."""
        return self.control or self.variants[0].variant_id

    @property
    def slot(self) -> str:
        """The layer, whichever way it is named."""
        return self.layer or self.context.value


def _problems(plan: Plan) -> list[str]:
    """Find what contradicts itself."""
    names = [variant.variant_id for variant in plan.variants]
    most = {ExperimentType.AB_TEST: 2}.get(plan.experiment_type, 8)
    weight = sum(variant.weight for variant in plan.variants)
    found = {
        f"experiment_name: letters, digits, dots, dashes and underscores only: rename {plan.experiment_name!r}": (
            not re.fullmatch(NAME, plan.experiment_name)
        ),
        "two variants have the same variant_id: give each its own": len(set(names)) < len(names),
        "variant_id: letters, digits, dots, dashes and underscores only": (
            not all(re.fullmatch(NAME, name) for name in names)
        ),
        f"an {plan.experiment_type.value} has at most {most} variants, this one has {len(names)}": len(names) > most,
        "a MULTIVARIATE experiment has 3 to 8 variants: with two it is an AB_TEST": (
            plan.experiment_type is ExperimentType.MULTIVARIATE and len(names) < 3  # noqa: PLR2004 - said beside it
        ),
        f"the variants' weights add to {weight:g}: make them add to 1": abs(weight - 1) > 1e-6,  # noqa: PLR2004
        f"control names {plan.control!r}, which is no variant": plan.controls not in names,
        "bandit belongs to a MULTI_ARMED_BANDIT, and only to one: give both or neither": (
            (plan.bandit is not None) != (plan.experiment_type is ExperimentType.MULTI_ARMED_BANDIT)
        ),
        "unit: group needs group_kind, and unit: learner has none: give both or neither": (
            (plan.group_kind is not None) != (plan.unit is RandomizationUnit.GROUP)
        ),
        "a bandit is drawn for learners: use unit: learner": (
            plan.bandit is not None and plan.unit is RandomizationUnit.GROUP
        ),
        "a bandit's floor leaves nothing to move: floor times variants must be at most 1": (
            plan.bandit is not None and plan.bandit.floor * len(names) > 1
        ),
        "segments.levels names NONE: whoever allows nothing is in no experiment": Level.NONE in plan.segments.levels,
        "each variant's cell must name a level of the same factors": (
            len({tuple(sorted(variant.cell)) for variant in plan.variants}) > 1
        ),
        "a variant's parameters are of another context than the experiment's": any(
            feature.context is not plan.context for variant in plan.variants for feature in variant.config.parameters
        ),
    }
    return [problem for problem, holds in found.items() if holds]
