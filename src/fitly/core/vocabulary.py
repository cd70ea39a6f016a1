"""The closed sets of words the product speaks: contexts, variants, levels, modes, bins.

Knows names and nothing else. Must never know how a word is stored, sent or acted on.

Codes (small integers) exist only so that packed rows stay small; they are append-only,
because rows at rest carry them.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class Context(StrEnum):
    """Where a strategy may act."""

    MISSION = "MISSION"
    CONTENT = "CONTENT"
    ASSESSMENT = "ASSESSMENT"
    SESSION = "SESSION"


class Variant(StrEnum):
    """A strategy variant, the bandit's arm. Its label (``"Pattern-heavy"``) is accepted at the door too.

    >>> Variant("Pattern-heavy")
    <Variant.PATTERN_HEAVY: 'PATTERN_HEAVY'>
    >>> Variant.BALANCED.label
    'Balanced'
    """

    PATTERN_HEAVY = "PATTERN_HEAVY"
    PREDICTION_HEAVY = "PREDICTION_HEAVY"
    BALANCED = "BALANCED"
    CONSERVATIVE = "CONSERVATIVE"

    @property
    def label(self) -> str:
        """The name people are shown."""
        return self.value.capitalize().replace("_", "-")

    @classmethod
    def _missing_(cls, value: object) -> Variant | None:
        return next((variant for variant in cls if variant.label == value), None)


class Level(StrEnum):
    """How much personalization a learner allows."""

    NONE = "NONE"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class OutcomeType(StrEnum):
    """What kind of thing a learner finished."""

    MISSION_COMPLETED = "MISSION_COMPLETED"
    CONTENT_ENGAGED = "CONTENT_ENGAGED"
    ASSESSMENT_COMPLETED = "ASSESSMENT_COMPLETED"
    SESSION_COMPLETED = "SESSION_COMPLETED"


class Metric(StrEnum):
    """The four measures of an outcome, each 0-1."""

    RETENTION = "retention"
    PERFORMANCE = "performance"
    COMPLETION = "completion"
    ENGAGEMENT = "engagement"


class Mode(StrEnum):
    """Why a decision came out as it did; the first that fits, in this order."""

    OPTED_OUT = "OPTED_OUT"
    HOLDOUT = "HOLDOUT"
    PINNED = "PINNED"
    EXPERIMENT = "EXPERIMENT"
    FALLBACK = "FALLBACK"
    PROBE = "PROBE"
    CONTROL = "CONTROL"
    EXPLORE = "EXPLORE"
    EXPLOIT = "EXPLOIT"


class Unit(StrEnum):
    """What was randomized when a decision was drawn."""

    DECISION = "decision"
    LEARNER = "learner"
    NONE = "none"


class Algorithm(StrEnum):
    """How a policy chooses among eligible arms."""

    EPSILON_GREEDY = "EPSILON_GREEDY"
    THOMPSON = "THOMPSON"
    FIXED = "FIXED"
    UNIFORM = "UNIFORM"


class ClockMode(StrEnum):
    """Who stamps the input log: the broker on arrival, or the events' own time (a backfill)."""

    LIVE = "LIVE"
    AS_OF = "AS_OF"


class Bin(StrEnum):
    """Where a record of the input log went; every record lands in exactly one."""

    APPLIED = "APPLIED"
    DUPLICATE = "DUPLICATE"
    LATE = "LATE"
    FUTURE = "FUTURE"
    ORPHAN = "ORPHAN"
    OPTED_OUT = "OPTED_OUT"
    ERASED = "ERASED"
    INVALID = "INVALID"
    MISROUTED = "MISROUTED"
    SYSTEM = "SYSTEM"


class Scope(StrEnum):
    """What ``preferences.reset`` starts again."""

    LEARNED = "LEARNED"
    PREFERENCES = "PREFERENCES"
    BOTH = "BOTH"


class Feature(StrEnum):
    """What a parameter may be about; the names allowed in ``disabled_features``."""

    MISSION_TIMING = "mission.timing"
    MISSION_DURATION = "mission.duration"
    MISSION_OBJECTIVES = "mission.objectives"
    MISSION_DIFFICULTY = "mission.difficulty"
    MISSION_INTERVENTION = "mission.intervention"
    CONTENT_TYPES = "content.content_types"
    CONTENT_LEARNING_STYLE = "content.learning_style"
    CONTENT_TOPIC_SELECTION = "content.topic_selection"
    ASSESSMENT_FREQUENCY = "assessment.frequency"
    ASSESSMENT_DIFFICULTY = "assessment.difficulty"
    ASSESSMENT_QUESTION_TYPES = "assessment.question_types"
    SESSION_BREAK_TIMING = "session.break_timing"
    SESSION_CONTENT_SEQUENCE = "session.content_sequence"
    SESSION_INTENSITY = "session.intensity_modulation"

    @property
    def context(self) -> Context:
        """The context whose decisions carry this feature.

        >>> Feature.SESSION_BREAK_TIMING.context
        <Context.SESSION: 'SESSION'>
        """
        return Context(self.value.partition(".")[0].upper())


class InsightKind(StrEnum):
    """What another service may find out about a learner."""

    LEARNING_PROFILE = "LEARNING_PROFILE"
    STRUGGLE_PREDICTION = "STRUGGLE_PREDICTION"
    SESSION_ORCHESTRATION = "SESSION_ORCHESTRATION"
    COGNITIVE_LOAD = "COGNITIVE_LOAD"
    MISSION_ANALYTICS = "MISSION_ANALYTICS"


class Intervention(StrEnum):
    """Help before it is asked for."""

    NONE = "NONE"
    WORKED_EXAMPLES = "WORKED_EXAMPLES"
    PREREQUISITE_REVIEW = "PREREQUISITE_REVIEW"
    SHORTER_MISSION = "SHORTER_MISSION"
    TUTOR_PROMPT = "TUTOR_PROMPT"


class ContentSequence(StrEnum):
    """The order of what a session shows."""

    BLOCKED = "BLOCKED"
    WARM_UP_FIRST = "WARM_UP_FIRST"
    INTERLEAVED = "INTERLEAVED"
    SPACED = "SPACED"


class Trend(StrEnum):
    """Where a figure is going."""

    FALLING = "FALLING"
    STEADY = "STEADY"
    RISING = "RISING"


class ArmCode(IntEnum):
    """An arm, or a baseline that stands beside the arms, inside a packed row.

    FALLBACK is the baseline of decisions that fell back though a probe was possible: it informs what is believed of
    effects, and never a learner's own effectiveness.
    """

    CONTROL = 0
    PATTERN_HEAVY = 1
    PREDICTION_HEAVY = 2
    BALANCED = 3
    CONSERVATIVE = 4
    HOLDOUT = 5
    FALLBACK = 6
    NOTHING = 255


ARM_CODES: Final = {variant: ArmCode[variant.name] for variant in Variant}
ARM_VARIANTS: Final[dict[int, Variant]] = {int(code): variant for variant, code in ARM_CODES.items()}
TYPE_CODES: Final = {kind: code for code, kind in enumerate(OutcomeType)}
OUTCOME_TYPES: Final = tuple(OutcomeType)
MODE_CODES: Final = {mode: code for code, mode in enumerate(Mode)}
MODES: Final = tuple(Mode)
