"""Every event that comes in, as frozen data with its bounds.

Knows what a producer may say and between which bounds. Must never know how it was written down (that is
``wire``) or what it leads to (that is ``step``). Bounds stand in ``Annotated`` so that one declaration
serves the reader, the validator and the JSON Schema.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, NamedTuple, TypeAlias

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from fitly.core.attributes import AttributesTold
from fitly.core.experiments.plan import LONGEST_NAME, Plan
from fitly.core.experiments.trial import Afterwards
from fitly.core.insights import InsightObserved
from fitly.core.names import EventKey, UserId
from fitly.core.numbers import Millis
from fitly.core.rules import ContextPriors, Policy
from fitly.core.vocabulary import ClockMode, Context, Feature, Level, OutcomeType, Scope, Variant

Share: TypeAlias = Annotated[float, Ge(0), Le(1)]
Text: TypeAlias = Annotated[str, MinLen(1), MaxLen(200)]
Minutes: TypeAlias = Annotated[float, Ge(0), Le(10_080)]
Difficulty: TypeAlias = Annotated[int, Ge(1), Le(5)]
Identifier: TypeAlias = Annotated[str, MinLen(36), MaxLen(36)]
ExperimentName: TypeAlias = Annotated[str, MinLen(1), MaxLen(LONGEST_NAME)]

CLOSED: Final = {"extra": "forbid", "allow_inf_nan": False}
"""How the validator treats each payload: an unknown field is a mistake to be told, not to be dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecorded:
    """What a learner did and how well it went; at least one of the four metrics is present."""

    __pydantic_config__: ClassVar = CLOSED

    outcome_type: OutcomeType
    context: Context
    retention_score: Share | None = None
    performance_score: Share | None = None
    completion_rate: Share | None = None
    engagement_score: Share | None = None
    session_duration: Minutes | None = None
    content_type: Text | None = None
    difficulty_level: Difficulty | None = None
    personalization_applied: bool | None = None
    strategy_variant: Variant | None = None
    decision_id: Identifier | None = None

    def __post_init__(self) -> None:
        """Refuse an outcome that measured nothing."""
        if (
            self.retention_score is None
            and self.performance_score is None
            and self.completion_rate is None
            and self.engagement_score is None
        ):
            message = "give at least one of retention_score, performance_score, completion_rate, engagement_score"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCorrected:
    """The right metrics of an earlier outcome (named by its source and id), or that it never happened."""

    __pydantic_config__: ClassVar = CLOSED

    context: Context
    outcome_source: Text
    outcome_id: Text
    withdrawn: bool = False
    retention_score: Share | None = None
    performance_score: Share | None = None
    completion_rate: Share | None = None
    engagement_score: Share | None = None

    def __post_init__(self) -> None:
        """Refuse a correction that says both or neither."""
        measured = not (
            self.retention_score is None
            and self.performance_score is None
            and self.completion_rate is None
            and self.engagement_score is None
        )
        if measured == self.withdrawn:
            message = "give either withdrawn: true or the right metrics (at least one of the four), not both"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRequested:
    """Somebody asks for the standing decision of a context, or for a new one."""

    __pydantic_config__: ClassVar = CLOSED

    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionApplied:
    """What really happened on the learner's screen."""

    __pydantic_config__: ClassVar = CLOSED

    decision_id: Identifier
    applied: bool
    reason: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesChanged:
    """Any subset of the preference fields; an omitted one stays as it was."""

    __pydantic_config__: ClassVar = CLOSED

    level: Level | None = None
    auto_adapt_enabled: bool | None = None
    mission_enabled: bool | None = None
    content_enabled: bool | None = None
    assessment_enabled: bool | None = None
    session_enabled: bool | None = None
    disabled_features: Annotated[tuple[Feature, ...], MaxLen(14)] | None = None
    consent: bool | None = None
    acted_by: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesReset:
    """Start again: what was learned, the preferences, or both. Never switches anything on without consent."""

    __pydantic_config__: ClassVar = CLOSED

    scope: Scope = Scope.LEARNED
    consent: bool | None = None
    acted_by: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerErased:
    """Forget the learner: what is said of them afterwards is not heard until `preferences.changed` with consent."""

    __pydantic_config__: ClassVar = CLOSED

    acted_by: Text | None = None
    reason: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTicked:
    """Time passed in silence. Sent signed, per partition, by the partition's owner or a backfill's publisher."""

    __pydantic_config__: ClassVar = CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOpened:
    """Control record 1 of an input topic: its birth id, its clock mode and its size, for ever."""

    __pydantic_config__: ClassVar = CLOSED

    birth_id: Identifier
    clock_mode: ClockMode
    partitions: Annotated[int, Gt(0), Le(4096)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRevised:
    """The rules in force from here on; who revised them, and why."""

    __pydantic_config__: ClassVar = CLOSED

    revision: Annotated[int, Gt(0)]
    policy: Policy
    note: Annotated[str, MaxLen(500)] = ""
    by: Annotated[str, MaxLen(200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorsRevised:
    """What is known of the population in one context, from here on; all of it replaces what was known before."""

    __pydantic_config__: ClassVar = CLOSED

    context: Context
    priors: ContextPriors


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentDefined:
    """An experiment as a draft, or a new revision of it; once it has started, only the traffic share may differ."""

    __pydantic_config__: ClassVar = CLOSED

    plan: Plan
    by: Annotated[str, MaxLen(200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentStarted:
    """A draft begins to enrol; ``plan_hash`` is that of the plan as it stood."""

    __pydantic_config__: ClassVar = CLOSED

    experiment_name: ExperimentName
    plan_hash: Annotated[str, MinLen(64), MaxLen(64)]
    by: Annotated[str, MaxLen(200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPaused:
    """Nobody joins any more; with ``stop_applying`` what stands is withdrawn as well."""

    __pydantic_config__: ClassVar = CLOSED

    experiment_name: ExperimentName
    stop_applying: bool = False
    reason: Annotated[str, MaxLen(500)] = ""
    by: Annotated[str, MaxLen(200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResumed:
    """A paused experiment goes on."""

    __pydantic_config__: ClassVar = CLOSED

    experiment_name: ExperimentName
    by: Annotated[str, MaxLen(200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentCompleted:
    """An experiment is over, and what follows; ROLL_OUT needs a ``winner``, and holds a share back with the control."""

    __pydantic_config__: ClassVar = CLOSED

    experiment_name: ExperimentName
    afterwards: Afterwards = Afterwards.RELEASE
    winner: ExperimentName | None = None
    hold_back: Share = 0.1
    reason: Annotated[str, MaxLen(500)] = ""
    by: Annotated[str, MaxLen(200)] = ""

    def __post_init__(self) -> None:
        """Refuse a roll-out of nothing, and a winner that nobody gets."""
        if (self.afterwards is Afterwards.ROLL_OUT) != (self.winner is not None):
            message = "ROLL_OUT needs the winner's variant_id, and no other end has one: give both or neither"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentCancelled:
    """An experiment ends without an answer; what stands of it is withdrawn."""

    __pydantic_config__: ClassVar = CLOSED

    experiment_name: ExperimentName
    reason: Annotated[str, MaxLen(500)] = ""
    by: Annotated[str, MaxLen(200)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentReweighted:
    """New weights of a bandit from its next epoch on, with what they follow from.

    Attributes
    ----------
    epoch : int
        Number of the epoch they begin, from 1.
    weights : dict
        ``variant_id`` -> weight; they add to 1.
    means, sds : dict
        Posterior of each variant's mean, by ``variant_id``.
    seed : str
        What the weights' calculation was seeded with; empty where nothing was drawn.
    look : int
        Number of the look they follow from.
    """

    __pydantic_config__: ClassVar = CLOSED

    experiment_name: ExperimentName
    epoch: Annotated[int, Ge(1)]
    weights: Annotated[dict[str, Share], MinLen(2), MaxLen(8)]
    means: dict[str, float | None] = field(default_factory=dict)
    sds: dict[str, float | None] = field(default_factory=dict)
    seed: Annotated[str, MaxLen(200)] = ""
    look: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentJudged:
    """The verdict of a look: who won, or nobody yet, and which conditions are met."""

    __pydantic_config__: ClassVar = CLOSED

    experiment_name: ExperimentName
    look: Annotated[int, Ge(1)]
    winner: ExperimentName | None = None
    unmet: Annotated[tuple[str, ...], MaxLen(32)] = ()


LearnerPayload: TypeAlias = (
    OutcomeRecorded
    | OutcomeCorrected
    | StrategyRequested
    | DecisionApplied
    | PreferencesChanged
    | PreferencesReset
    | InsightObserved
    | AttributesTold
    | LearnerErased
)
ExperimentPayload: TypeAlias = (
    ExperimentDefined
    | ExperimentStarted
    | ExperimentPaused
    | ExperimentResumed
    | ExperimentCompleted
    | ExperimentCancelled
    | ExperimentReweighted
    | ExperimentJudged
)
ControlPayload: TypeAlias = LogOpened | PolicyRevised | PriorsRevised | ExperimentPayload

CHANGED: Final = "fitly.preferences.changed.v1"
RESET: Final = "fitly.preferences.reset.v1"
ERASED: Final = "fitly.learner.erased.v1"
LEARNER_EVENTS: Final[dict[str, type[LearnerPayload]]] = {
    "fitly.outcome.recorded.v1": OutcomeRecorded,
    "fitly.outcome.corrected.v1": OutcomeCorrected,
    "fitly.strategy.requested.v1": StrategyRequested,
    "fitly.decision.applied.v1": DecisionApplied,
    "fitly.insight.observed.v1": InsightObserved,
    "fitly.learner.attributes.v1": AttributesTold,
    CHANGED: PreferencesChanged,
    RESET: PreferencesReset,
    ERASED: LearnerErased,
}
CONTROL_EVENTS: Final[dict[str, type[ControlPayload]]] = {
    "fitly.log.opened.v1": LogOpened,
    "fitly.policy.revised.v1": PolicyRevised,
    "fitly.priors.revised.v1": PriorsRevised,
    "fitly.experiment.defined.v1": ExperimentDefined,
    "fitly.experiment.started.v1": ExperimentStarted,
    "fitly.experiment.paused.v1": ExperimentPaused,
    "fitly.experiment.resumed.v1": ExperimentResumed,
    "fitly.experiment.completed.v1": ExperimentCompleted,
    "fitly.experiment.cancelled.v1": ExperimentCancelled,
    "fitly.experiment.reweighted.v1": ExperimentReweighted,
    "fitly.experiment.judged.v1": ExperimentJudged,
}
TICK: Final = "fitly.clock.ticked.v1"


class LearnerEvent(NamedTuple):
    """One event about one learner, as the fold sees it.

    Attributes
    ----------
    key : EventKey
        uuid5 of source and id.
    user_id : UserId
        The learner; equal to the record's key.
    source, id : str
        As the producer gave them.
    time : Millis
        Event time.
    kind : str
        The CloudEvents type.
    data : LearnerPayload
        What it says.
    """

    key: EventKey
    user_id: UserId
    source: str
    id: str
    time: Millis
    kind: str
    data: LearnerPayload


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """One numbered control event; its signature has been checked. ``issued_at`` is the sequencer's own clock."""

    number: int
    key: EventKey
    kind: str
    data: ControlPayload
    issued_at: Millis


@dataclass(frozen=True, slots=True)
class Tick:
    """One signed tick."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is not an event at all, and why."""

    reason: str
    detail: str


Arrival: TypeAlias = LearnerEvent | ControlEvent | Tick | Unreadable
