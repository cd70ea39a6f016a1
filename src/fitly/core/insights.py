"""What other services find out about a learner: the five kinds of insight, and which of them are in force.

Knows what may be said and between which bounds, that the newest observation of a kind is the one that counts, and when
it lapses. Must never know what an insight changes: that is ``parameters``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Generic, NamedTuple, TypeAlias, TypeVar

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from fitly.core.names import EventKey
from fitly.core.numbers import DAY, Millis
from fitly.core.vocabulary import ContentSequence, InsightKind, Intervention, Trend

LIFETIME: Final = Millis(30 * DAY)
"""How long after it was observed an insight is believed."""

Share: TypeAlias = Annotated[float, Ge(0), Le(1)]
Hour: TypeAlias = Annotated[int, Ge(0), Le(23)]
Percent: TypeAlias = Annotated[float, Ge(0), Le(100)]
Minutes: TypeAlias = Annotated[float, Ge(1), Le(480)]
Days: TypeAlias = Annotated[float, Ge(0), Le(366)]
HalfLife: TypeAlias = Annotated[float, Gt(0), Le(3_660)]
Difficulty: TypeAlias = Annotated[int, Ge(1), Le(5)]
Topic: TypeAlias = Annotated[str, MinLen(1), MaxLen(200)]

CLOSED: Final = {"extra": "forbid", "allow_inf_nan": False}


def _say_something(insight: Any) -> None:  # noqa: ANN401 - any of the five
    """Refuse an insight that says nothing: each field may be unknown to its producer, but not all."""
    for name in insight.__slots__:  # asked at every reading of a row: the first that is there is enough
        if getattr(insight, name) is not None:
            return
    message = f"give at least one of {', '.join(insight.__slots__)}"
    raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleProfile:
    """How much a learner prefers each way of taking things in; only the proportions matter."""

    __pydantic_config__: ClassVar = CLOSED

    visual: Share = 0.0
    auditory: Share = 0.0
    reading: Share = 0.0
    kinesthetic: Share = 0.0

    def __post_init__(self) -> None:
        """Refuse shares that prefer nothing."""
        if self.visual + self.auditory + self.reading + self.kinesthetic <= 0:
            message = "at least one of visual, auditory, reading, kinesthetic must be above 0"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningProfile:
    """How a learner learns: local hours at which they like to start, minutes, styles, half-life of memory in days."""

    __pydantic_config__: ClassVar = CLOSED

    preferred_study_times: Annotated[tuple[Hour, ...], MinLen(1), MaxLen(3)] | None = None
    optimal_session_duration: Minutes | None = None
    learning_style_profile: StyleProfile | None = None
    personalized_forgetting_curve: HalfLife | None = None

    def __post_init__(self) -> None:
        """Refuse one that says nothing."""
        _say_something(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrugglePrediction:
    """That a learner will struggle: with what, how probably, what shows it, what would help, in how many days."""

    __pydantic_config__: ClassVar = CLOSED

    topic: Topic | None = None
    probability: Share | None = None
    indicators: Annotated[tuple[Topic, ...], MaxLen(8)] | None = None
    intervention: Intervention | None = None
    horizon: Days | None = None

    def __post_init__(self) -> None:
        """Refuse one that says nothing."""
        _say_something(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrchestration:
    """How a learner's session should go: local start hour, minutes of attention between breaks, of a break, order."""

    __pydantic_config__: ClassVar = CLOSED

    recommended_start: Hour | None = None
    attention_cycle_minutes: Minutes | None = None
    break_minutes: Minutes | None = None
    content_sequence: ContentSequence | None = None

    def __post_init__(self) -> None:
        """Refuse one that says nothing."""
        _say_something(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CognitiveLoad:
    """How much a learner carries at the moment, how much they can, where it is going, and the risk of burning out."""

    __pydantic_config__: ClassVar = CLOSED

    load: Percent | None = None
    load_tolerance: Percent | None = None
    trend: Trend | None = None
    burnout_risk: Share | None = None

    def __post_init__(self) -> None:
        """Refuse one that says nothing."""
        _say_something(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionAnalytics:
    """How a learner's missions went: share completed, and the difficulty and minutes that went best."""

    __pydantic_config__: ClassVar = CLOSED

    completion_rate: Share | None = None
    best_difficulty: Difficulty | None = None
    best_duration: Minutes | None = None

    def __post_init__(self) -> None:
        """Refuse one that says nothing."""
        _say_something(self)


Insight: TypeAlias = LearningProfile | StrugglePrediction | SessionOrchestration | CognitiveLoad | MissionAnalytics

PAYLOADS: Final[dict[InsightKind, type[Insight]]] = {
    InsightKind.LEARNING_PROFILE: LearningProfile,
    InsightKind.STRUGGLE_PREDICTION: StrugglePrediction,
    InsightKind.SESSION_ORCHESTRATION: SessionOrchestration,
    InsightKind.COGNITIVE_LOAD: CognitiveLoad,
    InsightKind.MISSION_ANALYTICS: MissionAnalytics,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightObserved:
    """What another service has found out about a learner; the newest observation of a kind counts.

    It lapses 30 days after it was observed, or at ``valid_until`` if that is sooner. ``observed_at`` is the
    event's time unless given. A newer observation that is over already takes an older one back.
    """

    kind: InsightKind
    payload: Insight
    confidence: Share
    valid_until: Millis | None = None
    observed_at: Millis | None = None


Payload = TypeVar("Payload")


@dataclass(frozen=True, slots=True)
class Held(Generic[Payload]):
    """One insight as a learner's row holds it.

    Attributes
    ----------
    payload : Insight
        What was found out.
    observed_at, lapses_at : Millis
        Since when it is known, and from when it is believed no longer.
    confidence : float
        How sure its producer is.
    key : EventKey
        The event that told it: of two observations of one moment, the greater key counts.
    """

    payload: Payload
    observed_at: Millis
    lapses_at: Millis
    confidence: float
    key: EventKey


class Insights(NamedTuple):
    """The newest observation of each kind, in the order of `InsightKind`; at most one each, lapsed or not.

    A lapsed one is kept until a newer comes, so that one observed before it, arriving late, does not count.
    """

    learning_profile: Held[LearningProfile] | None = None
    struggle_prediction: Held[StrugglePrediction] | None = None
    session_orchestration: Held[SessionOrchestration] | None = None
    cognitive_load: Held[CognitiveLoad] | None = None
    mission_analytics: Held[MissionAnalytics] | None = None


NO_INSIGHTS: Final = Insights()
PLACES: Final = {kind: place for place, kind in enumerate(InsightKind)}
"""Where each kind stands in `Insights`."""


def observed(insights: Insights, data: InsightObserved, time: Millis, key: EventKey) -> Insights:
    """Put an observation in, unless a newer one of its kind is there: whatever the order of arrival, the result is one.

    >>> load = InsightObserved(kind=InsightKind.COGNITIVE_LOAD, payload=CognitiveLoad(load=80), confidence=0.9)
    >>> known = observed(NO_INSIGHTS, load, Millis(5), EventKey("k"))
    >>> known.cognitive_load.observed_at, observed(known, load, Millis(4), EventKey("z")) is known
    (5, True)
    """
    since = time if data.observed_at is None else data.observed_at
    lapses = Millis(since + LIFETIME)
    if data.valid_until is not None:
        lapses = min(lapses, data.valid_until)
    place = PLACES[data.kind]
    before: Held[Any] | None = insights[place]
    if before is not None and (before.observed_at, before.key) >= (since, key):
        return insights
    held: list[Any] = list(insights)
    held[place] = Held(data.payload, since, lapses, data.confidence, key)
    return Insights._make(held)
