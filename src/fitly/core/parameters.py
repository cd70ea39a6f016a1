"""Which parameters a decision carries, and what each is when nothing moves it.

Knows the features' defaults as data a learning designer can read. Must never know how an arm was chosen.
"""

from __future__ import annotations

from typing import Final

from fitly.core.decisions import Parameter, ParameterValue
from fitly.core.learner import Preferences
from fitly.core.vocabulary import Context, Feature

EQUAL_TYPES: Final = {"TEXT": 0.25, "VIDEO": 0.25, "INTERACTIVE": 0.25, "AUDIO": 0.25}
EQUAL_STYLES: Final = {"VISUAL": 0.25, "AUDITORY": 0.25, "READING": 0.25, "KINESTHETIC": 0.25}
EQUAL_QUESTIONS: Final = {"RECALL": 0.25, "COMPREHENSION": 0.25, "APPLICATION": 0.25, "ANALYSIS": 0.25}

DEFAULTS: Final[dict[Feature, ParameterValue]] = {
    Feature.MISSION_TIMING: None,
    Feature.MISSION_DURATION: 45,
    Feature.MISSION_OBJECTIVES: 3,
    Feature.MISSION_DIFFICULTY: 3,
    Feature.MISSION_INTERVENTION: "NONE",
    Feature.CONTENT_TYPES: EQUAL_TYPES,
    Feature.CONTENT_LEARNING_STYLE: EQUAL_STYLES,
    Feature.CONTENT_TOPIC_SELECTION: "CURRICULUM",
    Feature.ASSESSMENT_FREQUENCY: 3,
    Feature.ASSESSMENT_DIFFICULTY: 3,
    Feature.ASSESSMENT_QUESTION_TYPES: EQUAL_QUESTIONS,
    Feature.SESSION_BREAK_TIMING: 25,
    Feature.SESSION_CONTENT_SEQUENCE: "BLOCKED",
    Feature.SESSION_INTENSITY: 1.0,
}
OF_CONTEXT: Final = {context: tuple(f for f in Feature if f.context is context) for context in Context}


def render(context: Context, preferences: Preferences) -> dict[Feature, Parameter]:
    """Give the parameters of a context: its features' defaults, marked where the learner disabled one.

    >>> render(Context.SESSION, Preferences())[Feature.SESSION_BREAK_TIMING]
    Parameter(value=25, because='DEFAULT')
    """
    if not preferences.disabled_features:
        return UNMOVED[context]
    return {
        feature: Parameter(DEFAULTS[feature], "DISABLED") if feature in preferences.disabled_features else default
        for feature, default in UNMOVED[context].items()
    }


UNMOVED: Final = {
    context: {feature: Parameter(DEFAULTS[feature], "DEFAULT") for feature in features}
    for context, features in OF_CONTEXT.items()
}
"""Every parameter at its default: the same object for all, so that it need be written down only once."""
